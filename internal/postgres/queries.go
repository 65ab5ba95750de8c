package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Filter narrows a list of deliveries. Zero fields do not narrow; several values
// of one field mean any of them.
type Filter struct {
	Kinds     []command.Kind
	Statuses  []delivery.Status
	Reasons   []fault.Reason
	Recipient string // whole, in any letter case; one of several counts
	Since     time.Time
	Limit     int // default 100
	// Before continues a list: the requested_at and id of the last row seen.
	Before   time.Time
	BeforeID uuid.UUID
}

// Status reads one delivery; a not_found fault when there is none.
func (r Reader) Status(ctx context.Context, deliveryID uuid.UUID) (delivery.View, error) {
	var view delivery.View
	err := scanView(r.pool.QueryRow(ctx, `SELECT `+viewColumns+` FROM gangway.deliveries d WHERE d.id = $1`, deliveryID), &view)
	if errors.Is(err, pgx.ErrNoRows) {
		return view, fault.New(fault.NotFound, "postgres: status", "no delivery has the id %s", deliveryID)
	}
	if err != nil {
		return view, fmt.Errorf("postgres: status: %w", err)
	}
	return view, nil
}

// Views reads several deliveries; unknown ids are absent.
func (r Reader) Views(ctx context.Context, ids []uuid.UUID) ([]delivery.View, error) {
	rows, err := r.pool.Query(ctx, `SELECT `+viewColumns+` FROM gangway.deliveries d WHERE d.id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("postgres: views: %w", err)
	}
	return collectViews(rows)
}

// List reads deliveries, newest first.
func (r Reader) List(ctx context.Context, f Filter) ([]delivery.View, error) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		for _, value := range values {
			args = append(args, value)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	if len(f.Kinds) > 0 {
		add("d.kind = ANY (?)", f.Kinds)
	}
	if len(f.Statuses) > 0 {
		add("d.status = ANY (?)", f.Statuses)
	}
	if len(f.Reasons) > 0 {
		add("d.reason = ANY (?)", f.Reasons)
	}
	if f.Recipient != "" {
		add("lower(?) = ANY (string_to_array(lower(d.recipient), ','))", f.Recipient)
	}
	if !f.Since.IsZero() {
		add("d.requested_at >= ?", f.Since)
	}
	if !f.Before.IsZero() {
		add("(d.requested_at, d.id) < (?, ?)", f.Before, f.BeforeID)
	}
	if f.Limit <= 0 || f.Limit > 10_000 {
		f.Limit = 100
	}
	query := `SELECT ` + viewColumns + ` FROM gangway.deliveries d`
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	query += fmt.Sprintf(" ORDER BY d.requested_at DESC, d.id DESC LIMIT %d", f.Limit)
	rows, err := r.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: list: %w", err)
	}
	return collectViews(rows)
}

func collectViews(rows pgx.Rows) ([]delivery.View, error) {
	views, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v delivery.View, err error) {
		return v, scanView(row, &v)
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: deliveries: %w", err)
	}
	return views, nil
}

// Attempts reads the provider calls of one delivery, in order.
func (r Reader) Attempts(ctx context.Context, deliveryID uuid.UUID) ([]delivery.Attempt, error) {
	rows, err := r.pool.Query(ctx, `
SELECT attempt, round, provider, endpoint, outcome, coalesce(reason, ''), coalesce(error_code, ''),
       coalesce(provider_message_id, ''), duration_ms, started_at, request, response
FROM gangway.delivery_attempts WHERE delivery_id = $1 ORDER BY attempt, started_at`, deliveryID)
	if err != nil {
		return nil, fmt.Errorf("postgres: attempts: %w", err)
	}
	attempts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a delivery.Attempt, err error) {
		var milliseconds int64
		err = row.Scan(&a.Number, &a.Round, &a.Provider, &a.Endpoint, &a.Outcome, &a.Reason, &a.ErrorCode,
			&a.MessageID, &milliseconds, &a.StartedAt, (*[]byte)(&a.Request), (*[]byte)(&a.Response))
		a.Duration = time.Duration(milliseconds) * time.Millisecond
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: attempts: %w", err)
	}
	return attempts, nil
}
