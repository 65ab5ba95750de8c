package app

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// deliveries answers the publisher's questions from Postgres.
type deliveries struct{ reader postgres.Reader }

// Statuses implements [cli.Deliveries].
func (d deliveries) Statuses(ctx context.Context, ids []uuid.UUID) ([]delivery.View, error) {
	return d.reader.Views(ctx, ids)
}

// Log implements [cli.Deliveries].
func (d deliveries) Log(ctx context.Context, id uuid.UUID) (cli.Log, error) {
	attempts, err := d.reader.Attempts(ctx, id)
	if err != nil {
		return cli.Log{}, err
	}
	found, err := d.reader.Events(ctx, id)
	events := make([]cli.Event, len(found))
	for i, e := range found {
		events[i] = cli.Event{
			OccurredAt: e.OccurredAt, ReceivedAt: e.ReceivedAt, Provider: e.Provider, Type: e.Type, Status: e.Status,
			Recipient: e.Recipient, Reason: e.Reason, ErrorCode: e.ErrorCode, Message: e.Message,
		}
	}
	return cli.Log{Attempts: attempts, Events: events}, err
}

// List implements [cli.Deliveries].
func (d deliveries) List(ctx context.Context, f cli.Filter, page cli.Page) ([]delivery.View, string, error) {
	filter := postgres.Filter{
		Kinds: f.Kinds, Statuses: f.Statuses, Reasons: f.Reasons, Recipient: f.Recipient, Since: f.Since, Limit: page.Size,
	}
	if page.Cursor != "" {
		var err error
		if filter.Before, filter.BeforeID, err = readCursor(page.Cursor); err != nil {
			return nil, "", err
		}
	}
	views, err := d.reader.List(ctx, filter)
	if err != nil || len(views) < page.Size {
		return views, "", err
	}
	last := views[len(views)-1]
	return views, cursor(last.RequestedAt, last.ID), nil
}

// cursor names the last row of a page, opaque to whoever carries it.
func cursor(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + " " + id.String()))
}

func readCursor(text string) (time.Time, uuid.UUID, error) {
	bad := fault.New(fault.Invalid, "list", "cursor %q was not made by this list", text)
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return time.Time{}, uuid.Nil, bad
	}
	first, second, _ := strings.Cut(string(plain), " ")
	at, err := time.Parse(time.RFC3339Nano, first)
	if err != nil {
		return time.Time{}, uuid.Nil, bad
	}
	id, err := uuid.Parse(second)
	if err != nil {
		return time.Time{}, uuid.Nil, bad
	}
	return at, id, nil
}

var _ cli.Deliveries = deliveries{}
