package postgres

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// recordSQL writes outcomes. "own" is a record by the live claim; a late one, by
// a claim that was taken over, only moves the status forward. Each column is
// guarded by itself, so that a webhook that came first keeps its status and the
// record still adds the provider's message id. A cancel request turns what would
// be retried into cancelled.
const recordSQL = `
UPDATE gangway.deliveries AS d SET
    status              = CASE WHEN r.rank < d.rank THEN d.status
                               WHEN r.stops AND d.cancel_requested THEN 'cancelled' ELSE r.status END,
    rank                = CASE WHEN r.rank < d.rank THEN d.rank
                               WHEN r.stops AND d.cancel_requested THEN 30 ELSE r.rank END,
    reason              = CASE WHEN r.rank < d.rank THEN d.reason
                               WHEN r.stops AND d.cancel_requested THEN 'cancelled' ELSE nullif(r.reason, '') END,
    error_code          = CASE WHEN r.rank < d.rank THEN d.error_code ELSE nullif(r.error_code, '') END,
    error_message       = CASE WHEN r.rank < d.rank THEN d.error_message ELSE nullif(r.error_message, '') END,
    provider            = coalesce(nullif(r.provider, ''), d.provider),
    provider_message_id = coalesce(nullif(r.message_id, ''), d.provider_message_id),
    subject             = coalesce(nullif(r.subject, ''), d.subject),
    result              = coalesce(nullif(r.result, '')::jsonb, d.result),
    round               = CASE WHEN d.claim_token = r.token THEN r.round ELSE d.round END,
    due_at              = CASE WHEN d.claim_token = r.token THEN r.due_at ELSE d.due_at END,
    claimed             = CASE WHEN d.claim_token = r.token THEN r.next <> '' ELSE d.claimed END,
    claim_provider      = CASE WHEN d.claim_token = r.token AND r.next <> '' THEN r.next ELSE d.claim_provider END,
    unsure_provider     = CASE WHEN d.claim_token = r.token THEN nullif(r.unsure, '') ELSE d.unsure_provider END,
    unsure_at           = CASE WHEN d.claim_token <> r.token THEN d.unsure_at
                               WHEN r.unsure <> '' THEN coalesce(d.unsure_at, now()) END,
    attempts            = d.attempts + (r.next <> '' AND d.claim_token = r.token
                                        AND d.claim_provider IS DISTINCT FROM r.next)::int,
    version             = d.version + 1,
    updated_at          = now(),
    completed_at        = CASE WHEN r.rank >= 30 OR (r.stops AND d.cancel_requested)
                               THEN coalesce(d.completed_at, now()) ELSE d.completed_at END
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::smallint[], $6::bool[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[], $15::timestamptz[], $16::text[], $17::text[])
  AS r (id, token, generation, status, rank, stops, reason, error_code, error_message,
        provider, message_id, subject, result, round, due_at, next, unsure)
WHERE d.id = r.id
  AND d.generation = r.generation
  AND ((d.claimed AND d.claim_token = r.token) OR r.rank > d.rank)
RETURNING d.id, d.version, d.status, d.attempts, d.updated_at, d.completed_at`

// attemptsSQL keeps every provider call, also one whose claim was taken over.
const attemptsSQL = `
INSERT INTO gangway.delivery_attempts
       (delivery_id, attempt, round, generation, provider, endpoint, outcome, reason, error_code,
        provider_message_id, duration_ms, started_at, request, response)
SELECT a.id, a.attempt, a.round, a.generation, a.provider, a.endpoint, a.outcome, nullif(a.reason, ''),
       nullif(a.error_code, ''), nullif(a.message_id, ''), a.duration_ms, a.started_at,
       nullif(a.request, '')::jsonb, nullif(a.response, '')::jsonb
FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::int[], $12::timestamptz[], $13::text[], $14::text[])
  AS a (id, attempt, round, generation, provider, endpoint, outcome, reason, error_code, message_id,
        duration_ms, started_at, request, response)
ON CONFLICT DO NOTHING`

// lettersSQL keeps the dead letters of rows that this batch has just ended.
const lettersSQL = `
INSERT INTO gangway.dead_letters
       (delivery_id, kind, lane, generation, version, reason, error, provider, recipient, subject, template, attempts, trace_id,
        payload, headers, first_seen)
SELECT d.id, d.kind, d.lane, d.generation, d.version, coalesce(d.reason, 'internal'), coalesce(d.error_message, ''), d.provider,
       d.recipient, d.subject, d.template, d.attempts, d.trace_id, l.payload, l.headers::jsonb, d.requested_at
FROM gangway.deliveries d JOIN unnest($1::uuid[], $2::bytea[], $3::text[]) AS l (id, payload, headers) ON d.id = l.id
WHERE NOT d.claimed AND d.rank BETWEEN 20 AND 30
ON CONFLICT DO NOTHING`

// recipientsSQL keeps the outcome of each address; like the status of the whole
// it only moves forward.
const recipientsSQL = `
INSERT INTO gangway.delivery_recipients AS d (delivery_id, address, status, rank, reason, provider, provider_message_id)
SELECT r.id, r.address, r.status, r.rank, nullif(r.reason, ''), nullif(r.provider, ''), nullif(r.message_id, '')
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[])
  AS r (id, address, status, rank, reason, provider, message_id)
ON CONFLICT (delivery_id, address) DO UPDATE SET
    status              = CASE WHEN excluded.rank < d.rank THEN d.status ELSE excluded.status END,
    rank                = greatest(excluded.rank, d.rank),
    reason              = CASE WHEN excluded.rank < d.rank THEN d.reason ELSE excluded.reason END,
    provider            = coalesce(excluded.provider, d.provider),
    provider_message_id = coalesce(excluded.provider_message_id, d.provider_message_id),
    updated_at          = now()`

type recordColumns struct {
	id, token                                          []pgtype.UUID
	generation                                         []int32
	rank, round                                        []int16
	stops                                              []bool
	status, reason, errorCode, errorMessage            []string
	provider, messageID, subject, result, next, unsure []string
	dueAt                                              []pgtype.Timestamptz
}

func queueRecords(b *pgx.Batch, records []*op) {
	if len(records) == 0 {
		return
	}
	var r recordColumns
	var a attemptColumns
	var p recipientColumns
	var l letterColumns
	for _, o := range records {
		if o.record.Letter != nil {
			l.add(o.record)
		}
		r.add(o.record)
		for i := range o.record.Attempts {
			a.add(o.record, &o.record.Attempts[i])
		}
		for i := range o.record.Recipients {
			p.add(o.record, &o.record.Recipients[i])
		}
	}
	b.Queue(recordSQL, r.id, r.token, r.generation, r.status, r.rank, r.stops, r.reason, r.errorCode, r.errorMessage,
		r.provider, r.messageID, r.subject, r.result, r.round, r.dueAt, r.next, r.unsure)
	if len(a.id) > 0 {
		b.Queue(attemptsSQL, a.id, a.attempt, a.round, a.generation, a.provider, a.endpoint, a.outcome, a.reason,
			a.errorCode, a.messageID, a.duration, a.startedAt, a.request, a.response)
	}
	if len(l.id) > 0 {
		b.Queue(lettersSQL, l.id, l.payload, l.headers)
	}
	if len(p.id) > 0 {
		b.Queue(recipientsSQL, p.id, p.address, p.status, p.rank, p.reason, p.provider, p.messageID)
	}
}

func (c *recordColumns) add(r *delivery.Record) {
	c.id = append(c.id, id(r.Row.ID))
	c.token = append(c.token, id(r.Token))
	c.generation = append(c.generation, int32(r.Row.Replays))
	c.status = append(c.status, string(r.Status))
	c.rank = append(c.rank, int16(r.Status.Rank()))
	c.stops = append(c.stops, r.Status.Open() && r.Next == "")
	c.reason = append(c.reason, string(r.Reason))
	c.errorCode = append(c.errorCode, r.ErrorCode)
	c.errorMessage = append(c.errorMessage, r.ErrorMessage)
	c.provider = append(c.provider, r.Provider)
	c.messageID = append(c.messageID, r.ProviderMessageID)
	c.subject = append(c.subject, r.Subject)
	c.result = append(c.result, string(r.Result))
	c.round = append(c.round, int16(r.Round))
	c.dueAt = append(c.dueAt, stamp(r.Due))
	c.next = append(c.next, r.Next)
	c.unsure = append(c.unsure, r.Unsure)
}

type attemptColumns struct {
	id                                             []pgtype.UUID
	attempt, generation, duration                  []int32
	round                                          []int16
	provider, endpoint, outcome, reason, errorCode []string
	messageID, request, response                   []string
	startedAt                                      []pgtype.Timestamptz
}

func (c *attemptColumns) add(r *delivery.Record, a *delivery.Attempt) {
	c.id = append(c.id, id(r.Row.ID))
	c.attempt = append(c.attempt, int32(a.Number))
	c.round = append(c.round, int16(a.Round))
	c.generation = append(c.generation, int32(r.Row.Replays))
	c.provider = append(c.provider, a.Provider)
	c.endpoint = append(c.endpoint, a.Endpoint)
	c.outcome = append(c.outcome, a.Outcome)
	c.reason = append(c.reason, string(a.Reason))
	c.errorCode = append(c.errorCode, a.ErrorCode)
	c.messageID = append(c.messageID, a.MessageID)
	c.duration = append(c.duration, int32(a.Duration.Milliseconds()))
	c.startedAt = append(c.startedAt, stamp(a.StartedAt))
	c.request = append(c.request, string(a.Request))
	c.response = append(c.response, string(a.Response))
}

type letterColumns struct {
	id      []pgtype.UUID
	payload [][]byte
	headers []string
}

func (c *letterColumns) add(r *delivery.Record) {
	c.id = append(c.id, id(r.Row.ID))
	c.payload = append(c.payload, r.Letter.Body)
	c.headers = append(c.headers, headersJSON(r.Letter.Headers))
}

type recipientColumns struct {
	id                                           []pgtype.UUID
	rank                                         []int16
	address, status, reason, provider, messageID []string
}

func (c *recipientColumns) add(r *delivery.Record, p *delivery.Recipient) {
	c.id = append(c.id, id(r.Row.ID))
	c.address = append(c.address, p.Address)
	c.status = append(c.status, string(p.Status))
	c.rank = append(c.rank, int16(p.Status.Rank()))
	c.reason = append(c.reason, string(p.Reason))
	c.provider = append(c.provider, r.Provider)
	c.messageID = append(c.messageID, p.MessageID)
}
