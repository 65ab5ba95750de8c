package postgres

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// claimSQL inserts the row of a new command or takes an existing one that may be
// executed now. A row that it does not return was lost; the caller reads it and
// decides. The conditions, in order: still to be executed · same replay · same
// command · not held by another claim (or that one is
// dead) · due, or moved by a later publication.
//
// While it is not known whether a provider sent, the claim intends no call: what
// follows is decided by that provider's on_unknown. Nor does it where a
// cancellation was asked for meanwhile. $1 are the tokens of dead
// claims to take over, $2 those among them that may have sent.
//
// A claim with a due time holds nothing: it writes down when to come back.
const claimSQL = `
INSERT INTO gangway.deliveries AS d
       (id, kind, lane, status, rank, reason, generation, digest, attempts, claimed, claim_token, claim_worker,
        claim_provider, recipient, subject, template, metadata, correlation_id, trace_id,
        requested_at, asked_at, send_at, expires_at, due_at)
SELECT c.id, c.kind, c.lane, c.status, 10, c.reason, c.generation, c.digest,
       (c.due_at IS NULL AND c.provider IS NOT NULL)::int, c.due_at IS NULL, c.token, $22,
       c.provider, c.recipient, c.subject, c.template, c.metadata, c.correlation_id, c.trace_id,
       c.requested_at, c.requested_at, c.send_at, c.expires_at, c.due_at
FROM (SELECT unnest($3::uuid[]) AS id, unnest($4::text[]) AS kind, unnest($5::text[]) AS lane,
             unnest($6::text[]) AS status, unnest($7::text[]) AS reason, unnest($8::int[]) AS generation,
             unnest($9::bytea[]) AS digest, unnest($10::uuid[]) AS token, unnest($11::text[]) AS provider,
             unnest($12::text[]) AS recipient, unnest($13::text[]) AS subject, unnest($14::text[]) AS template,
             unnest($15::jsonb[]) AS metadata, unnest($16::text[]) AS correlation_id, unnest($17::text[]) AS trace_id,
             unnest($18::timestamptz[]) AS requested_at, unnest($19::timestamptz[]) AS send_at,
             unnest($20::timestamptz[]) AS expires_at, unnest($21::timestamptz[]) AS due_at) AS c
ON CONFLICT (id) DO UPDATE SET
    status         = excluded.status,
    rank           = 10,
    reason         = excluded.reason,
    version        = d.version + 1,
    kind           = excluded.kind,
    digest         = excluded.digest,
    attempts       = d.attempts + CASE WHEN d.claim_token = excluded.claim_token OR d.unsure_provider IS NOT NULL OR d.cancel_requested
                                          OR (d.claimed AND d.claim_token = ANY ($2::uuid[]))
                                        THEN 0 ELSE excluded.attempts END,
    dead_intents   = d.dead_intents + (d.claimed AND d.claim_token <> excluded.claim_token)::int,
    claimed        = excluded.claimed,
    claim_token    = excluded.claim_token,
    claim_worker   = excluded.claim_worker,
    claim_provider = CASE WHEN d.unsure_provider IS NULL AND NOT d.cancel_requested
                               AND NOT (d.claimed AND d.claim_token = ANY ($2::uuid[])) THEN excluded.claim_provider END,
    unsure_provider = CASE WHEN d.claimed AND d.claim_token = ANY ($2::uuid[]) THEN coalesce(d.unsure_provider, d.claim_provider)
                           ELSE d.unsure_provider END,
    unsure_at      = CASE WHEN d.claimed AND d.claim_token = ANY ($2::uuid[]) THEN coalesce(d.unsure_at, now()) ELSE d.unsure_at END,
    recipient      = coalesce(d.recipient, excluded.recipient),
    subject        = coalesce(d.subject, excluded.subject),
    template       = coalesce(d.template, excluded.template),
    metadata       = coalesce(d.metadata, excluded.metadata),
    correlation_id = coalesce(d.correlation_id, excluded.correlation_id),
    trace_id       = coalesce(d.trace_id, excluded.trace_id),
    asked_at       = greatest(d.asked_at, excluded.asked_at),
    send_at        = CASE WHEN excluded.asked_at > d.asked_at THEN excluded.send_at ELSE d.send_at END,
    expires_at     = CASE WHEN excluded.asked_at > d.asked_at THEN excluded.expires_at ELSE d.expires_at END,
    due_at         = excluded.due_at,
    updated_at     = now()
WHERE d.rank <= 10
  AND d.generation = excluded.generation
  AND (d.digest IS NULL OR (d.digest = excluded.digest AND d.kind = excluded.kind))
  AND (NOT d.claimed OR d.claim_token = excluded.claim_token OR d.claim_token = ANY ($1::uuid[]))
  AND (d.due_at IS NULL OR d.due_at <= now() + interval '500 milliseconds'
       OR (d.status = 'scheduled' AND excluded.send_at IS DISTINCT FROM d.send_at AND excluded.asked_at > d.asked_at))
RETURNING d.id, d.version, d.updated_at`

// claimColumns are the parameters of claimSQL.
type claimColumns struct {
	takeovers, unsure                                  column
	id, kind, lane, status, reason, generation, digest column
	token, provider, recipient, subject, template      column
	metadata, correlation, trace                       column
	requestedAt, sendAt, expiresAt, dueAt              column
}

// columns lists them in the order of their numbers.
func (c *claimColumns) columns() []*column {
	return []*column{
		&c.takeovers, &c.unsure, &c.id, &c.kind, &c.lane, &c.status, &c.reason, &c.generation, &c.digest, &c.token, &c.provider,
		&c.recipient, &c.subject, &c.template, &c.metadata, &c.correlation, &c.trace, &c.requestedAt, &c.sendAt, &c.expiresAt, &c.dueAt,
	}
}

// queue adds the statement that writes the claims, and prepares their answers.
func (c *claimColumns) queue(b *pgx.Batch, claims []*op, worker uuid.UUID) {
	if len(claims) == 0 {
		return
	}
	columns := c.columns()
	reset(columns)
	for _, o := range claims {
		o.row = newRow(o.claim)
		c.add(o.claim, &o.row)
	}
	b.Queue(claimSQL, parameters(columns, worker)...)
}

func (c *claimColumns) add(claim *delivery.Claim, row *delivery.Row) {
	c.id.uuid(row.ID)
	c.kind.text(string(row.Kind))
	c.lane.text(string(row.Lane))
	c.status.text(string(row.Status))
	c.reason.some(string(row.Reason))
	c.generation.int(row.Replays)
	c.digest.bytes(claim.Command.Digest[:])
	c.token.uuid(claim.Token)
	if claim.Unsure {
		c.provider.null() // the dead claim's provider may have sent: no call is intended
	} else {
		c.provider.some(claim.Provider)
	}
	c.recipient.some(row.Recipient)
	c.subject.some(row.Subject)
	c.template.some(row.Template)
	c.metadata.jsonb(metadataJSON(row.Metadata))
	c.correlation.some(row.CorrelationID)
	c.trace.some(row.TraceID)
	c.requestedAt.time(row.RequestedAt)
	c.sendAt.time(row.SendAt)
	c.expiresAt.time(expiresAt(claim))
	c.dueAt.time(claim.Due)
	if claim.Takeover != uuid.Nil {
		c.takeovers.uuid(claim.Takeover)
		if claim.Unsure {
			c.unsure.uuid(claim.Takeover)
		}
	}
}
