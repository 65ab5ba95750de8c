package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// aboutRow is a report of a row, and the replay that sent its message.
type aboutRow struct {
	delivery.Report
	generation int
}

// report applies the reports of one delivery.
func (r *Reports) report(ctx context.Context, tx pgx.Tx, in delivery.Received, id uuid.UUID, about []aboutRow) (delivery.Row, bool, error) {
	row, err := lockRow(ctx, tx, id)
	if err != nil {
		return row, false, err
	}
	before := row.Status
	changed := false
	for _, a := range about {
		if err := happened(ctx, tx, in, id, a.Report); err != nil {
			return row, false, err
		}
		// What became of a message of an earlier replay is known, and says nothing of
		// the one that replaces it.
		if a.Status == "" || a.generation >= 0 && a.generation < row.Replays {
			continue
		}
		people, err := reported(ctx, tx, in.Provider, &row, a.Report)
		if err != nil {
			return row, false, err
		}
		changed = changed || people
		to := highest(row, a.Status)
		if to != row.Status {
			row.Status, row.Reason, row.ErrorCode, row.ErrorMessage = to, a.Reason, a.Code, a.Message
			if row.Provider == "" {
				row.Provider = in.Provider
			}
			if row.ProviderMessageID == "" && len(a.MessageIDs) > 0 {
				row.ProviderMessageID = a.MessageIDs[0]
			}
		}
	}
	if row.Status == before && !changed || waiting(row) {
		return row, false, nil
	}
	return row, true, r.move(ctx, tx, before, &row)
}

// reported writes down the outcome of a recipient of several and reports whether
// it is news.
func reported(ctx context.Context, tx pgx.Tx, provider string, row *delivery.Row, report delivery.Report) (bool, error) {
	addresses := strings.Split(row.Recipient, ",")
	if len(addresses) < 2 {
		return false, nil
	}
	news := false
	for _, address := range addresses {
		if report.Recipient != "" && delivery.FoldAddress(report.Recipient) != delivery.FoldAddress(address) {
			continue
		}
		tag, err := tx.Exec(ctx, `
INSERT INTO gangway.delivery_recipients AS d (delivery_id, address, status, rank, reason, provider)
VALUES ($1, $2, $3, $4, nullif($5, ''), $6)
ON CONFLICT (delivery_id, address) DO UPDATE SET status = excluded.status, rank = excluded.rank, reason = excluded.reason, updated_at = now()
WHERE excluded.rank > d.rank`, row.ID, address, report.Status, report.Status.Rank(), report.Reason, provider)
		if err != nil {
			return false, err
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		news = true
		one := delivery.Recipient{Address: address, Status: report.Status, Reason: report.Reason}
		if i := slices.IndexFunc(row.Recipients, func(p delivery.Recipient) bool { return p.Address == address }); i >= 0 {
			row.Recipients[i] = one
		} else {
			row.Recipients = append(row.Recipients, one)
		}
	}
	if news {
		return true, show(row, addresses)
	}
	return false, nil
}

// show puts the outcomes of several recipients into the result, To first.
func show(row *delivery.Row, addresses []string) error {
	place := func(p delivery.Recipient) int { return slices.Index(addresses, p.Address) }
	slices.SortStableFunc(row.Recipients, func(a, b delivery.Recipient) int { return place(a) - place(b) })
	text, err := json.Marshal(struct {
		Recipients []delivery.Recipient `json:"recipients"`
	}{row.Recipients})
	row.Result = text
	return err
}

// highest is the status of the whole: the highest rank among its recipients.
func highest(row delivery.Row, reported delivery.Status) delivery.Status {
	status := delivery.Advance(row.Status, reported)
	for _, p := range row.Recipients {
		if p.Status.Rank() >= delivery.RankSent {
			status = delivery.Advance(status, p.Status)
		}
	}
	return status
}

// waiting reports whether some of several recipients are still to be sent to. The
// row must stay open for them; it takes the outcomes of the others when it ends.
func waiting(row delivery.Row) bool {
	return row.Unsure == "" && slices.ContainsFunc(row.Recipients, func(p delivery.Recipient) bool { return p.Status == delivery.Retrying })
}

// move commits a reported row with its event. A call that is under way keeps its
// claim; its record then only adds what it knows. Letters of a message that
// turns out to have been sent are closed, so that nobody sends it again.
func (r *Reports) move(ctx context.Context, tx pgx.Tx, before delivery.Status, row *delivery.Row) error {
	err := tx.QueryRow(ctx, `
UPDATE gangway.deliveries SET status = $2, rank = $3, reason = nullif($4, ''), error_code = nullif($5, ''), error_message = nullif($6, ''),
       provider = coalesce(provider, nullif($7, '')), provider_message_id = coalesce(provider_message_id, nullif($8, '')),
       result = coalesce(nullif($9, '')::jsonb, result),
       due_at = CASE WHEN claimed THEN due_at END, unsure_provider = CASE WHEN claimed THEN unsure_provider END,
       unsure_at = CASE WHEN claimed THEN unsure_at END,
       version = version + 1, updated_at = now(), completed_at = coalesce(completed_at, now())
WHERE id = $1 RETURNING version, updated_at, completed_at`,
		row.ID, row.Status, row.Status.Rank(), row.Reason, row.ErrorCode, row.ErrorMessage, row.Provider, row.ProviderMessageID, string(row.Result),
	).Scan(&row.Version, &row.UpdatedAt, &row.CompletedAt)
	if err != nil {
		return err
	}
	if before.Rank() < delivery.RankSent {
		if _, err := tx.Exec(ctx, `UPDATE gangway.dead_letters SET discarded_at = now()
			WHERE delivery_id = $1 AND NOT conflict AND replayed_at IS NULL AND discarded_at IS NULL`, row.ID); err != nil {
			return err
		}
	}
	message, err := r.event(*row)
	if err != nil {
		return err
	}
	return put(ctx, tx, row.ID, message)
}

// happened keeps a report in the delivery's history.
func happened(ctx context.Context, tx pgx.Tx, in delivery.Received, id uuid.UUID, report delivery.Report) error {
	at := report.At
	if at.IsZero() {
		at = in.ReceivedAt
	}
	_, err := tx.Exec(ctx, `
INSERT INTO gangway.delivery_events (delivery_id, provider, event_id, type, status, recipient, reason, error_code, message, occurred_at, received_at)
VALUES ($1, $2, $3, $4, nullif($5, ''), $6, nullif($7, ''), nullif($8, ''), nullif($9, ''), $10, $11) ON CONFLICT DO NOTHING`,
		id, in.Provider, in.EventID, storable(report.Type), report.Status, storable(report.Recipient), report.Reason,
		storable(report.Code), storable(report.Message), at, in.ReceivedAt)
	return err
}

// suppress keeps further messages from a reported recipient, whether or not its
// delivery was found.
func suppress(ctx context.Context, tx pgx.Tx, provider string, report delivery.Report, about target) (bool, error) {
	recipient := report.Recipient
	if recipient == "" && strings.Contains(about.recipient, "@") && !strings.Contains(about.recipient, ",") {
		recipient = about.recipient
	}
	if report.Suppress == "" || recipient == "" || report.Unproven && !about.to(recipient) {
		return false, nil
	}
	if strings.Contains(recipient, "@") {
		recipient = delivery.FoldAddress(recipient)
	}
	return true, SuppressReported(ctx, tx, delivery.Suppression{
		Recipient: storable(recipient), List: report.List, Reason: report.Suppress, Provider: provider,
		DeliveryID: about.delivery, Note: storable(report.Code),
	})
}

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// maxRaw bounds what is kept of a raw notice, in bytes.
const maxRaw = 64 << 10

// keep stores the raw notice, redacted. What was asked for, not sent, has none.
func (r *Reports) keep(ctx context.Context, db execer, in delivery.Received, outcome, why string) error {
	if len(in.Event) == 0 {
		return nil
	}
	headers := make(map[string][]string, len(in.Headers))
	for name, value := range in.Headers {
		headers[name] = []string{r.redact("text/plain", []byte(value), 1024)}
	}
	event := r.redact("application/json", in.Event, maxRaw)
	if !jsontext.Value(event).IsValid() {
		text, err := json.Marshal(storable(event))
		if err != nil {
			return fault.Wrap(fault.Internal, "keep", err)
		}
		event = string(text)
	}
	_, err := db.Exec(ctx, `
INSERT INTO gangway.webhook_events (id, provider, event_id, received_at, headers, event, outcome, error)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, nullif($8, ''))
ON CONFLICT (id, received_at) DO UPDATE SET outcome = excluded.outcome, error = excluded.error`,
		in.ID, in.Provider, storable(in.EventID), in.ReceivedAt, headersJSON(headers), event, outcome, storable(why))
	return err
}
