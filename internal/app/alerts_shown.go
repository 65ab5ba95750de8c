package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// apiAlerts are the alerts as the API shows them.
type apiAlerts struct{ operator *postgres.Operator }

// Firing implements [api.Alerts].
func (s apiAlerts) Firing(ctx context.Context) ([]api.Alert, error) {
	found, err := s.operator.FiringAlerts(ctx)
	return shownAlerts(found), err
}

// Resolved implements [api.Alerts].
func (s apiAlerts) Resolved(ctx context.Context, since time.Time) ([]api.Alert, error) {
	found, err := s.operator.ResolvedAlerts(ctx, since)
	return shownAlerts(found), err
}

// Silences implements [api.Alerts].
func (s apiAlerts) Silences(ctx context.Context) ([]api.Silence, error) {
	found, err := s.operator.Silences(ctx)
	list := make([]api.Silence, len(found))
	for i, one := range found {
		list[i] = api.Silence{
			Alert: string(one.Alert), Subject: one.Subject, Until: one.Until, By: one.By, Note: one.Note, CreatedAt: one.CreatedAt,
		}
	}
	return list, err
}

// Silence implements [api.Alerts].
func (s apiAlerts) Silence(ctx context.Context, one api.Silence) (api.Silence, error) {
	one.CreatedAt = time.Now().UTC()
	return one, silence(ctx, s.operator, alert.Silence{
		Key: alert.Key{Alert: alert.Name(one.Alert), Subject: one.Subject}, Until: one.Until, By: one.By, Note: one.Note,
	})
}

// Unsilence implements [api.Alerts].
func (s apiAlerts) Unsilence(ctx context.Context, name, subject, by string) (bool, error) {
	return s.operator.Unsilence(ctx, alert.Key{Alert: alert.Name(name), Subject: subject}, by)
}

// silence refuses an alert that does not exist: nobody would notice the typing error.
func silence(ctx context.Context, operator *postgres.Operator, s alert.Silence) error {
	if s.Alert != "" && !slices.Contains(alert.Names(), s.Alert) {
		return fault.InvalidField("alert", "%q is not known; there are %s", s.Alert, strings.Join(texts(alert.Names()), ", "))
	}
	return operator.Silence(ctx, s)
}

func shownAlerts(found []alert.Alert) []api.Alert {
	list := make([]api.Alert, len(found))
	for i, a := range found {
		state := "firing"
		if !a.Firing() {
			state = "resolved"
		}
		list[i] = api.Alert{
			ID: a.ID, Alert: string(a.Alert), Subject: a.Subject, Severity: string(a.Severity), State: state, Message: a.Message,
			Since: a.Since, RaisedAt: a.RaisedAt, ResolvedAt: a.ResolvedAt, SilencedUntil: a.Silenced,
		}
	}
	return list
}

// cliAlerts is the backend of `publisher alerts`.
type cliAlerts struct{ operator *postgres.Operator }

// resolvedFor is how long an alert that is over is still listed.
const resolvedFor = 7 * 24 * time.Hour

// List implements [cli.Alerts].
func (s cliAlerts) List(ctx context.Context, resolved bool) ([]cli.Alert, error) {
	found, err := s.operator.FiringAlerts(ctx)
	if err == nil && resolved {
		var over []alert.Alert
		over, err = s.operator.ResolvedAlerts(ctx, time.Now().Add(-resolvedFor))
		found = append(found, over...)
	}
	list := make([]cli.Alert, len(found))
	for i, a := range found {
		list[i] = cli.Alert{
			Alert: string(a.Alert), Subject: a.Subject, Severity: string(a.Severity), Message: a.Message, RaisedAt: a.RaisedAt, ResolvedAt: a.ResolvedAt,
			SilencedUntil: a.Silenced,
		}
	}
	return list, err
}

// Silences implements [cli.Alerts].
func (s cliAlerts) Silences(ctx context.Context) ([]cli.Silence, error) {
	found, err := s.operator.Silences(ctx)
	list := make([]cli.Silence, len(found))
	for i, one := range found {
		list[i] = cli.Silence{Alert: string(one.Alert), Subject: one.Subject, Until: one.Until, By: one.By, Note: one.Note}
	}
	return list, err
}

// Silence implements [cli.Alerts].
func (s cliAlerts) Silence(ctx context.Context, one cli.Silence) error {
	return silence(ctx, s.operator, alert.Silence{
		Key: alert.Key{Alert: alert.Name(one.Alert), Subject: one.Subject}, Until: one.Until, By: one.By, Note: one.Note,
	})
}

// Unsilence implements [cli.Alerts].
func (s cliAlerts) Unsilence(ctx context.Context, name, subject, by string) (bool, error) {
	return s.operator.Unsilence(ctx, alert.Key{Alert: alert.Name(name), Subject: subject}, by)
}

var (
	_ api.Alerts = apiAlerts{}
	_ cli.Alerts = cliAlerts{}
)
