package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/outbox"
)

// otherQueries are the statements about alerts, suppressions, the outbox and the
// rare cases of a delivery. The searches of `publisher forget` are none of them:
// they look through everything by design.
func otherQueries(t *testing.T, pool *pgxpool.Pool, operator *Operator) map[string]func() error {
	ctx, yesterday := t.Context(), time.Now().Add(-24*time.Hour)
	alerts := NewAlerts(pool, func(alert.Change) (outbox.Message, error) { return outbox.Message{}, nil }, func() []string { return nil })
	decoded := func() *command.Command {
		cmd, err := command.Decode(command.BusinessVerify, command.Normal, []byte(`{"registration_number":"124-81-00998"}`),
			command.Source{MsgID: uuid.NewString(), Timestamp: time.Now()})
		if err != nil {
			t.Error(err)
		}
		return cmd
	}
	return map[string]func() error{
		"open reasons":    func() error { _, err := operator.OpenReasons(ctx); return err },
		"open alerts":     func() error { _, err := alerts.OpenAlerts(ctx); return err },
		"resolved alerts": func() error { _, err := operator.ResolvedAlerts(ctx, yesterday); return err },
		"shown alerts":    func() error { _, err := alerts.Shown(ctx, yesterday); return err },
		"silences":        func() error { _, err := alerts.Silences(ctx); return err },
		"told": func() error {
			return alerts.Tell(ctx, "email", time.Minute, 50, func([]alert.Notice) ([]byte, error) { return nil, nil })
		},
		"suppression": func() error {
			s := NewSuppressions(pool)
			defer s.Close()
			add := delivery.Suppression{Recipient: "new@example.kr", List: delivery.SuppressAll, Reason: "manual"}
			if err := s.Add(ctx, add, "lee"); err != nil {
				return err
			}
			_, err := s.Remove(ctx, "new@example.kr", delivery.SuppressAll, "lee")
			return err
		},
		"audit": func() error { return operator.Audit(ctx, "lee", "cache.purge", "x", nil) },
		"review": func() error {
			_, err := operator.Review(ctx, decoded(), jsontext.Value(`{}`), fault.New(fault.Unavailable, "", "x"))
			return err
		},
		"adopt and conflict": func() error {
			store := NewStore(pool, Options{Worker: uuid.New()})
			defer store.Close()
			row, err := store.Adopt(ctx, decoded())
			if err != nil {
				return err
			}
			return store.Conflict(ctx, delivery.Letter{
				ID: row.ID, Kind: command.BusinessVerify, Lane: command.Normal, Key: "x", Body: []byte("{}"), Reason: fault.Invalid, FirstSeen: time.Now(),
			})
		},
		"relay": func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			relay := outbox.NewRelay(pool, func(_ context.Context, messages []outbox.Message) []error {
				cancel()
				return make([]error, len(messages)) // all are stored
			}, outbox.RelayOptions{})
			if err := relay.Run(ctx); !errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("nothing was relayed: %w", err)
			}
			return nil
		},
	}
}
