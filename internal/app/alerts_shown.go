package app

import (
	"context"
	"time"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// apiAlerts are the alerts as the API shows them.
type apiAlerts struct{ reader postgres.Reader }

// Firing implements [api.Alerts].
func (s apiAlerts) Firing(ctx context.Context) ([]api.Alert, error) {
	found, err := s.reader.FiringAlerts(ctx)
	return shownAlerts(found), err
}

// Resolved implements [api.Alerts].
func (s apiAlerts) Resolved(ctx context.Context, since time.Time) ([]api.Alert, error) {
	found, err := s.reader.ResolvedAlerts(ctx, since)
	return shownAlerts(found), err
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
type cliAlerts struct{ reader postgres.Reader }

// resolvedFor is how long an alert that is over is still listed.
const resolvedFor = 7 * 24 * time.Hour

// List implements [cli.Alerts].
func (s cliAlerts) List(ctx context.Context, resolved bool) ([]cli.Alert, error) {
	found, err := s.reader.FiringAlerts(ctx)
	if err == nil && resolved {
		var over []alert.Alert
		over, err = s.reader.ResolvedAlerts(ctx, time.Now().Add(-resolvedFor))
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

var (
	_ api.Alerts = apiAlerts{}
	_ cli.Alerts = cliAlerts{}
)
