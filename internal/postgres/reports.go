package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/outbox"
)

// Reports applies to deliveries what providers report of them. A report, the
// status it leads to, its event and a suppression are one transaction.
type Reports struct {
	Reader
	event  func(delivery.Row) (outbox.Message, error)
	redact func(contentType string, body []byte, limit int) string
}

// NewReports returns what applies reports in pool. event makes the message that
// tells of a row, redact takes personal data and secrets out of a raw notice.
func NewReports(pool *pgxpool.Pool, event func(delivery.Row) (outbox.Message, error),
	redact func(contentType string, body []byte, limit int) string) *Reports {
	return &Reports{Reader: NewReader(pool), event: event, redact: redact}
}

// awaitedSQL: a delivery can take a report once the outcome of its call is in its
// row. Until then the call is under way, and what came first could be overwritten
// or, with several recipients, hide that some are still to be tried again.
const awaitedSQL = `
SELECT d.rank > 10 OR d.unsure_provider IS NOT NULL
       OR (d.status = 'retrying' AND NOT d.claimed AND strpos(coalesce(d.recipient, ''), ',') = 0)
FROM gangway.deliveries d WHERE d.id = $1`

// Ready reports whether the delivery of every report is there and can take it.
// Reports that name no message count as ready.
func (r *Reports) Ready(ctx context.Context, provider string, reports []delivery.Report) (bool, error) {
	ready := true
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		matched, err := match(ctx, tx, provider, reports)
		if err != nil {
			return err
		}
		for i, report := range reports {
			if !report.Names() {
				continue
			}
			recorded := false
			if matched[i].found() {
				if err := tx.QueryRow(ctx, awaitedSQL, matched[i].delivery).Scan(&recorded); err != nil {
					return err
				}
			}
			ready = ready && recorded
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("postgres: reports: %w", err)
	}
	return ready, nil
}

// Apply commits what a notice says. It may be repeated, and the reports of one
// delivery may come in any order: the result is the same.
func (r *Reports) Apply(ctx context.Context, in delivery.Received, reports []delivery.Report) (delivery.Applied, error) {
	var applied delivery.Applied
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		applied = delivery.Applied{}
		matched, err := match(ctx, tx, in.Provider, reports)
		if err != nil {
			return err
		}
		for _, id := range deliveries(matched) {
			var about []aboutRow
			for i := range reports {
				if matched[i].delivery == id {
					about = append(about, aboutRow{reports[i], matched[i].generation})
				}
			}
			row, moved, err := r.report(ctx, tx, in, id, about)
			if err != nil {
				return err
			}
			applied.Matched += len(about)
			if moved {
				applied.Rows = append(applied.Rows, row)
			}
		}
		for i, report := range reports {
			done, err := suppress(ctx, tx, in.Provider, report, matched[i])
			if err != nil {
				return err
			}
			if done {
				applied.Suppressed++
			}
		}
		outcome := "applied"
		if applied.Matched == 0 {
			outcome = "unmatched"
		}
		return r.keep(ctx, tx, in, outcome, "")
	})
	if err != nil {
		return delivery.Applied{}, fmt.Errorf("postgres: report %s of %s: %w", in.EventID, in.Provider, err)
	}
	return applied, nil
}

// Keep stores a notice that could not be applied, with why.
func (r *Reports) Keep(ctx context.Context, in delivery.Received, why string) error {
	outcome := "received"
	if why != "" {
		outcome = "failed"
	}
	if err := r.keep(ctx, r.pool, in, outcome, why); err != nil {
		return fmt.Errorf("postgres: keep webhook %s of %s: %w", in.EventID, in.Provider, err)
	}
	return nil
}

// target is the delivery that a report speaks of, and the replay during which
// its message was sent (-1 when no attempt says so).
type target struct {
	delivery   uuid.UUID
	generation int
	recipient  string
}

func (t target) found() bool { return t.delivery != uuid.Nil }

// to reports whether the message went to an address.
func (t target) to(address string) bool {
	return slices.ContainsFunc(strings.Split(t.recipient, ","), func(one string) bool {
		return delivery.FoldAddress(one) == delivery.FoldAddress(address)
	})
}

// matchByIDSQL finds a message by our id. The attempt tells the replay.
const matchByIDSQL = `
SELECT d.id, coalesce((SELECT max(a.generation) FROM gangway.delivery_attempts a
                       WHERE a.delivery_id = d.id AND a.provider_message_id = ANY ($2)), -1), coalesce(d.recipient, '')
FROM gangway.deliveries d WHERE d.id = $1 AND d.kind IN ('email.send', 'sms.send')`

// matchByMessageSQL finds it by the provider's id; several accounts of a vendor
// have distinct ids, so that the provider only orders what is found.
const matchByMessageSQL = `
SELECT m.delivery_id, m.generation, coalesce(d.recipient, '')
FROM (SELECT a.delivery_id, a.generation, a.provider, a.started_at AS at
      FROM gangway.delivery_attempts a WHERE a.provider_message_id = ANY ($1)
      UNION ALL
      SELECT p.delivery_id, -1, p.provider, p.updated_at
      FROM gangway.delivery_recipients p WHERE p.provider_message_id = ANY ($1)) AS m
JOIN gangway.deliveries d ON d.id = m.delivery_id
ORDER BY m.provider IS NOT DISTINCT FROM $2 DESC, m.generation DESC, m.at DESC LIMIT 1`

func match(ctx context.Context, tx pgx.Tx, provider string, reports []delivery.Report) ([]target, error) {
	found := make([]target, len(reports))
	for i, report := range reports {
		// One notice has a report for each recipient of the same message.
		if i > 0 && report.ID == reports[i-1].ID && slices.Equal(report.MessageIDs, reports[i-1].MessageIDs) {
			found[i] = found[i-1]
			continue
		}
		for _, try := range []struct {
			asked bool
			sql   string
			args  []any
		}{
			{report.ID != uuid.Nil, matchByIDSQL, []any{report.ID, report.MessageIDs}},
			{len(report.MessageIDs) > 0, matchByMessageSQL, []any{report.MessageIDs, provider}},
		} {
			if !try.asked || found[i].found() {
				continue
			}
			rows, err := tx.Query(ctx, try.sql, try.args...)
			if err != nil {
				return nil, err
			}
			hit := &found[i]
			if _, err := pgx.ForEachRow(rows, []any{&hit.delivery, &hit.generation, &hit.recipient}, func() error { return nil }); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// deliveries lists the matched ones in the order in which they are locked: two
// notices about the same messages must not wait for each other.
func deliveries(matched []target) []uuid.UUID {
	var ids []uuid.UUID
	for _, m := range matched {
		if m.found() {
			ids = append(ids, m.delivery)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}
