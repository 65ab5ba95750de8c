package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// recordSQL writes outcomes: those of the live claim, and late ones of a claim
// that was taken over, which only move the status forward. What rests (a rank
// above 10) moves to a higher rank only: when a late record has ended a command,
// the live claim's end of the same rank does not change which end it was. Each
// column is guarded by itself, so that a webhook that came first keeps its status
// and the record still adds the provider's message id. A cancel request turns
// what would be retried into cancelled, and an intent to call the next provider
// into none, unless a message that may have been sent is to be repeated.
const recordSQL = `
UPDATE gangway.deliveries AS d SET
    status              = CASE WHEN d.rank >= greatest(r.rank, 11) THEN d.status
                               WHEN r.stops AND d.cancel_requested THEN 'cancelled' ELSE r.status END,
    rank                = CASE WHEN d.rank >= greatest(r.rank, 11) THEN d.rank
                               WHEN r.stops AND d.cancel_requested THEN 30 ELSE r.rank END,
    reason              = CASE WHEN d.rank >= greatest(r.rank, 11) THEN d.reason
                               WHEN r.stops AND d.cancel_requested THEN 'cancelled' ELSE r.reason END,
    error_code          = CASE WHEN d.rank >= greatest(r.rank, 11) THEN d.error_code ELSE r.error_code END,
    error_message       = CASE WHEN d.rank >= greatest(r.rank, 11) THEN d.error_message ELSE r.error_message END,
    provider            = coalesce(r.provider, d.provider),
    provider_message_id = coalesce(r.message_id, d.provider_message_id),
    subject             = coalesce(r.subject, d.subject),
    result              = coalesce(r.result, d.result),
    round               = CASE WHEN d.claim_token = r.token THEN r.round ELSE d.round END,
    due_at              = CASE WHEN d.claim_token = r.token THEN r.due_at ELSE d.due_at END,
    claimed             = CASE WHEN d.claim_token = r.token THEN r.next IS NOT NULL ELSE d.claimed END,
    claim_provider      = CASE WHEN d.claim_token <> r.token OR r.next IS NULL THEN d.claim_provider
                               WHEN NOT d.cancel_requested OR r.unsure IS NOT NULL THEN r.next END,
    unsure_provider     = CASE WHEN d.claim_token = r.token THEN r.unsure ELSE d.unsure_provider END,
    unsure_at           = CASE WHEN d.claim_token <> r.token THEN d.unsure_at
                               WHEN r.unsure IS NOT NULL THEN coalesce(d.unsure_at, now()) END,
    attempts            = d.attempts + (r.next IS NOT NULL AND d.claim_token = r.token AND (NOT d.cancel_requested OR r.unsure IS NOT NULL)
                                        AND d.claim_provider IS DISTINCT FROM r.next)::int,
    version             = d.version + 1,
    updated_at          = now(),
    completed_at        = CASE WHEN r.rank >= 30 OR (r.stops AND d.cancel_requested)
                               THEN coalesce(d.completed_at, now()) ELSE d.completed_at END
FROM (SELECT unnest($1::uuid[]) AS id, unnest($2::uuid[]) AS token, unnest($3::int[]) AS generation,
             unnest($4::text[]) AS status, unnest($5::smallint[]) AS rank, unnest($6::bool[]) AS stops,
             unnest($7::text[]) AS reason, unnest($8::text[]) AS error_code, unnest($9::text[]) AS error_message,
             unnest($10::text[]) AS provider, unnest($11::text[]) AS message_id, unnest($12::text[]) AS subject,
             unnest($13::jsonb[]) AS result, unnest($14::smallint[]) AS round, unnest($15::timestamptz[]) AS due_at,
             unnest($16::text[]) AS next, unnest($17::text[]) AS unsure) AS r
WHERE d.id = r.id
  AND d.generation = r.generation
  AND ((d.claimed AND d.claim_token = r.token) OR r.rank > d.rank)
RETURNING d.id, d.version, d.status, d.attempts, d.updated_at, d.completed_at, d.cancel_requested`

// attemptsSQL keeps every provider call, also one whose claim was taken over.
const attemptsSQL = `
INSERT INTO gangway.delivery_attempts
       (delivery_id, attempt, round, generation, provider, endpoint, outcome, reason, error_code,
        provider_message_id, duration_ms, started_at, request, response)
SELECT a.id, a.attempt, a.round, a.generation, a.provider, a.endpoint, a.outcome, a.reason, a.error_code,
       a.message_id, a.duration_ms, a.started_at, a.request, a.response
FROM (SELECT unnest($1::uuid[]) AS id, unnest($2::int[]) AS attempt, unnest($3::smallint[]) AS round,
             unnest($4::int[]) AS generation, unnest($5::text[]) AS provider, unnest($6::text[]) AS endpoint,
             unnest($7::text[]) AS outcome, unnest($8::text[]) AS reason, unnest($9::text[]) AS error_code,
             unnest($10::text[]) AS message_id, unnest($11::int[]) AS duration_ms, unnest($12::timestamptz[]) AS started_at,
             unnest($13::jsonb[]) AS request, unnest($14::jsonb[]) AS response) AS a
ON CONFLICT DO NOTHING`

// lettersSQL keeps the dead letters of rows that this batch has just ended.
const lettersSQL = `
INSERT INTO gangway.dead_letters
       (delivery_id, kind, lane, generation, version, reason, error, provider, recipient, subject, template, attempts, trace_id,
        payload, headers, first_seen)
SELECT d.id, d.kind, d.lane, d.generation, d.version, coalesce(d.reason, 'internal'), coalesce(d.error_message, ''), d.provider,
       d.recipient, d.subject, d.template, d.attempts, d.trace_id, l.payload, l.headers, d.requested_at
FROM gangway.deliveries d JOIN unnest($1::uuid[], $2::bytea[], $3::jsonb[]) AS l (id, payload, headers) ON d.id = l.id
WHERE NOT d.claimed AND d.rank BETWEEN 20 AND 30
ON CONFLICT DO NOTHING`

// recipientsSQL keeps the outcome of each address; like the status of the whole
// it only moves forward.
const recipientsSQL = `
INSERT INTO gangway.delivery_recipients AS d (delivery_id, address, status, rank, reason, provider, provider_message_id)
SELECT r.id, r.address, r.status, r.rank, r.reason, r.provider, r.message_id
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[])
  AS r (id, address, status, rank, reason, provider, message_id)
ON CONFLICT (delivery_id, address) DO UPDATE SET
    status              = CASE WHEN excluded.rank < d.rank THEN d.status ELSE excluded.status END,
    rank                = greatest(excluded.rank, d.rank),
    reason              = CASE WHEN excluded.rank < d.rank THEN d.reason ELSE excluded.reason END,
    provider            = coalesce(excluded.provider, d.provider),
    provider_message_id = coalesce(excluded.provider_message_id, d.provider_message_id),
    updated_at          = now()`

// outcomeColumns are the parameters of the statements that write records.
type outcomeColumns struct {
	records    recordColumns
	attempts   attemptColumns
	letters    letterColumns
	recipients recipientColumns
}

// queue adds the statements that write the records: the rows always, the rest
// where there is any. [outcomeColumns.skip] takes the answers of the rest.
func (c *outcomeColumns) queue(b *pgx.Batch, records []*op) {
	if len(records) == 0 {
		return
	}
	for _, statement := range c.statements() {
		reset(statement.columns)
	}
	for _, o := range records {
		c.add(o.record)
	}
	for _, statement := range c.statements() {
		if statement.columns[0].rows > 0 {
			b.Queue(statement.sql, parameters(statement.columns)...)
		}
	}
}

// skip takes the answers of the statements that return no rows.
func (c *outcomeColumns) skip(results pgx.BatchResults) error {
	for _, statement := range c.statements()[1:] {
		if statement.columns[0].rows == 0 {
			continue
		}
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	return nil
}

type statement struct {
	sql     string
	columns []*column // in the order of their numbers
}

// statements lists them in the order in which they are sent.
func (c *outcomeColumns) statements() []statement {
	return []statement{
		{recordSQL, c.records.columns()}, {attemptsSQL, c.attempts.columns()},
		{lettersSQL, c.letters.columns()}, {recipientsSQL, c.recipients.columns()},
	}
}

func (c *outcomeColumns) add(r *delivery.Record) {
	c.records.add(r)
	for i := range r.Attempts {
		c.attempts.add(r, &r.Attempts[i])
	}
	if r.Letter != nil {
		c.letters.add(r)
	}
	for i := range r.Recipients {
		c.recipients.add(r, &r.Recipients[i])
	}
}
