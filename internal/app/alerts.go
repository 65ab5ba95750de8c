package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/outbox"
)

// alarm raises the alerts of the fleet while this worker is the one that does.
type alarm struct {
	live   *live
	conn   *broker.Conn
	fleet  *resilience.Fleet
	reader postgres.Reader
	log    *zap.Logger
	store  *postgres.Alerts
}

func newAlarm(live *live, conn *broker.Conn, fleet *resilience.Fleet, pool *pgxpool.Pool, log *zap.Logger) *alarm {
	a := &alarm{live: live, conn: conn, fleet: fleet, reader: postgres.NewReader(pool), log: log}
	a.store = postgres.NewAlerts(pool, alertRow, func() []string { return a.sinks().Names() })
	return a
}

// run looks for what people must be told of, and tells them, until ctx ends.
func (a *alarm) run(ctx context.Context) error {
	teller := newBackground(ctx)
	teller.start("teller", alert.NewTeller(alert.TellerOptions{
		Notices: a.store, Sinks: a.sinks, Interval: func() time.Duration { return a.live.config().Alerts.Interval },
		Trouble: func(sink string, err error) {
			a.log.Warn("people could not be told of an alert; it is tried again", zap.String("sink", sink), zap.Error(err))
		},
	}).Run)
	return errors.Join(a.monitor().Run(ctx), teller.stop())
}

func (a *alarm) monitor() *alert.Monitor {
	return alert.NewMonitor(alert.Options{
		Store: a.store,
		Probes: []alert.Probe{
			{
				Alerts: []alert.Name{alert.ProviderFailureRate, alert.ProviderUnhealthy, alert.BreakerOpen, alert.QuotaExhausted, alert.Unauthorized},
				Look:   a.providers,
			},
			{Alerts: []alert.Name{alert.DeadLetters}, Look: a.letters},
			{Alerts: []alert.Name{alert.OutboxStuck}, Look: a.outbox},
			{Alerts: []alert.Name{alert.StreamBacklog}, Look: a.lanes},
			{Alerts: []alert.Name{alert.ManualQueue}, Look: a.manual},
		},
		Interval: func() time.Duration { return a.live.config().Alerts.Interval },
		Patience: func() alert.Patience {
			c := a.live.config().Alerts
			return alert.Patience{For: c.For, Keep: c.Keep, Repeat: c.Repeat}
		},
		Told: a.told,
		Trouble: func(doing string, err error) {
			a.log.Warn("what people must be told of is not known for sure", zap.String("doing", doing), zap.Error(err))
		},
	})
}

// sinks are whom the configuration in force wants to be told.
func (a *alarm) sinks() alert.Sinks {
	c := a.live.config().Alerts
	s := alert.Sinks{Every: c.Every, Webhook: c.Webhook.URL.Reveal(), Alertmanager: c.Alertmanager.URL, Token: c.Alertmanager.Token.Reveal()}
	if len(c.Email.To) > 0 {
		s.Email = func(subject, text string) ([]byte, error) {
			return json.Marshal(&command.Email{
				// An e-mail that could not leave for a day says nothing about now.
				Envelope: command.Envelope{ExpiresAt: time.Now().Add(24 * time.Hour).UTC()},
				To:       c.Email.To, From: c.Email.From, Subject: subject, Text: text, Category: command.Transactional,
			})
		}
	}
	return s
}

func (a *alarm) limits() alert.Limits {
	c := a.live.config().Alerts
	return alert.Limits{
		FailureShare: c.FailureShare, FailureCalls: int64(c.FailureCalls), DeadLetters: c.DeadLetters, OutboxAge: c.OutboxAge,
		Backlog: c.Backlog, BacklogAge: c.BacklogAge, ManualAge: c.ManualAge,
	}
}

// providers looks at every provider of a route.
func (a *alarm) providers(ctx context.Context) (found []alert.Reading, err error) {
	figures, err := callFigures(ctx, a.reader, time.Now().Add(-recently))
	if err != nil {
		return nil, err
	}
	var names []string
	routes := a.live.config().Routes
	for _, route := range [][]string{routes.Email, routes.SMS, routes.Business, routes.Address} {
		names = append(names, route...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		state, holds := a.fleet.State(name)
		report, f := health.Read(a.fleet.Health(name)), figures[name]
		found = append(found, a.limits().ReadProvider(alert.Provider{
			Name: name, Calls: f.Count, Failures: f.Failures, Reason: f.FailedReason, Breaker: string(state),
			NoQuota: holdsAny(holds, resilience.NoQuota), NoEntry: holdsAny(holds, resilience.NoEntry),
			Health: string(report.Status), HealthReason: report.Reason,
		})...)
	}
	return found, nil
}

func (a *alarm) letters(ctx context.Context) (found []alert.Reading, err error) {
	kinds, err := a.reader.NewLetters(ctx, time.Now().Add(-alert.LetterWindow))
	for _, k := range kinds {
		found = append(found, a.limits().ReadLetters(k.Kind, k.Count, k.Reason))
	}
	return found, err
}

func (a *alarm) outbox(ctx context.Context) ([]alert.Reading, error) {
	o, err := a.reader.Outbox(ctx)
	return []alert.Reading{a.limits().ReadOutbox(time.Now(), o.Pending, o.Oldest)}, err
}

func (a *alarm) lanes(ctx context.Context) (found []alert.Reading, err error) {
	queues, err := a.conn.Queues(ctx)
	for _, q := range queues {
		_, paused := a.fleet.Stopped(string(q.Kind))
		found = append(found, a.limits().ReadLane(time.Now(), string(q.Kind), string(q.Lane), q.Pending, q.Oldest, paused))
	}
	return found, err
}

// manualWithin is how far back is looked for verifications that wait for a person.
const manualWithin = 90 * 24 * time.Hour

func (a *alarm) manual(ctx context.Context) ([]alert.Reading, error) {
	w, err := a.reader.ManualQueue(ctx, time.Now().Add(-manualWithin))
	return []alert.Reading{a.limits().ReadManual(time.Now(), w.Count, w.Oldest)}, err
}

// told writes the line of a change.
func (a *alarm) told(c alert.Change) {
	log := a.log.Warn
	if c.What == alert.Resolved {
		log = a.log.Info
	}
	log("alert "+string(c.What), zap.String("alert", string(c.Alert.Alert)), zap.String("about", c.Alert.Subject),
		zap.String("severity", string(c.Alert.Severity)), zap.String("message", c.Alert.Message), zap.Time("since", c.Alert.Since))
}

// alertRow makes the outbox's message that tells of a change.
func alertRow(c alert.Change) (outbox.Message, error) {
	a := c.Alert
	out, err := broker.AlertMessage(broker.AlertEvent{
		ID: a.ID, Alert: string(a.Alert), Subject: a.Subject, Severity: string(a.Severity), Message: a.Message, RaisedAt: a.RaisedAt, ResolvedAt: a.ResolvedAt,
	}, a.Told, a.ToldAt)
	return rowOf(out), err
}
