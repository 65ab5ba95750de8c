package postgres

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

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
// claims to take over, $22 those among them that may have sent.
//
// A claim with a due time holds nothing: it writes down when to come back.
const claimSQL = `
INSERT INTO gangway.deliveries AS d
       (id, kind, lane, status, rank, reason, generation, digest, attempts, claimed, claim_token, claim_worker,
        claim_provider, recipient, subject, template, metadata, correlation_id, trace_id,
        requested_at, asked_at, send_at, expires_at, due_at)
SELECT c.id, c.kind, c.lane, c.status, 10, nullif(c.reason, ''), c.generation, c.digest,
       (c.due_at IS NULL AND c.provider <> '')::int, c.due_at IS NULL, c.token, $2,
       nullif(c.provider, ''), nullif(c.recipient, ''), nullif(c.subject, ''), nullif(c.template, ''),
       nullif(c.metadata, '')::jsonb, nullif(c.correlation_id, ''), nullif(c.trace_id, ''),
       c.requested_at, c.requested_at, c.send_at, c.expires_at, c.due_at
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::bytea[], $10::uuid[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
            $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[])
  AS c (id, kind, lane, status, reason, generation, digest, token, provider, recipient, subject, template,
        metadata, correlation_id, trace_id, requested_at, send_at, expires_at, due_at)
ON CONFLICT (id) DO UPDATE SET
    status         = excluded.status,
    rank           = 10,
    reason         = excluded.reason,
    version        = d.version + 1,
    kind           = excluded.kind,
    digest         = excluded.digest,
    attempts       = d.attempts + CASE WHEN d.claim_token = excluded.claim_token OR d.unsure_provider IS NOT NULL OR d.cancel_requested
                                          OR (d.claimed AND d.claim_token = ANY ($22::uuid[]))
                                        THEN 0 ELSE excluded.attempts END,
    dead_intents   = d.dead_intents + (d.claimed AND d.claim_token <> excluded.claim_token)::int,
    claimed        = excluded.claimed,
    claim_token    = excluded.claim_token,
    claim_worker   = excluded.claim_worker,
    claim_provider = CASE WHEN d.unsure_provider IS NULL AND NOT d.cancel_requested
                               AND NOT (d.claimed AND d.claim_token = ANY ($22::uuid[])) THEN excluded.claim_provider END,
    unsure_provider = CASE WHEN d.claimed AND d.claim_token = ANY ($22::uuid[]) THEN coalesce(d.unsure_provider, d.claim_provider)
                           ELSE d.unsure_provider END,
    unsure_at      = CASE WHEN d.claimed AND d.claim_token = ANY ($22::uuid[]) THEN coalesce(d.unsure_at, now()) ELSE d.unsure_at END,
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

// claimColumns are the parameters of claimSQL, one slice a column.
type claimColumns struct {
	id, token                              []pgtype.UUID
	kind, lane, status, reason, provider   []string
	recipient, subject, template, metadata []string
	correlation, trace                     []string
	generation                             []int32
	digest                                 [][]byte
	requestedAt, sendAt, expiresAt, dueAt  []pgtype.Timestamptz
	takeovers, unsure                      []pgtype.UUID
}

func queueClaims(b *pgx.Batch, claims []*op, worker uuid.UUID) {
	if len(claims) == 0 {
		return
	}
	c := newClaimColumns(len(claims))
	for _, o := range claims {
		c.add(o.claim)
	}
	b.Queue(claimSQL, c.takeovers, id(worker), c.id, c.kind, c.lane, c.status, c.reason, c.generation, c.digest,
		c.token, c.provider, c.recipient, c.subject, c.template, c.metadata, c.correlation, c.trace,
		c.requestedAt, c.sendAt, c.expiresAt, c.dueAt, c.unsure)
}

func newClaimColumns(n int) *claimColumns {
	text := make([]string, 11*n)
	column := func() []string {
		part := text[0:0:n]
		text = text[n:]
		return part
	}
	return &claimColumns{
		id: make([]pgtype.UUID, 0, n), token: make([]pgtype.UUID, 0, n),
		kind: column(), lane: column(), status: column(), reason: column(), provider: column(),
		recipient: column(), subject: column(), template: column(), metadata: column(),
		correlation: column(), trace: column(),
		generation: make([]int32, 0, n), digest: make([][]byte, 0, n),
		requestedAt: make([]pgtype.Timestamptz, 0, n), sendAt: make([]pgtype.Timestamptz, 0, n),
		expiresAt: make([]pgtype.Timestamptz, 0, n), dueAt: make([]pgtype.Timestamptz, 0, n),
		takeovers: []pgtype.UUID{}, unsure: []pgtype.UUID{},
	}
}

func (c *claimColumns) add(claim *delivery.Claim) {
	row := newRow(claim)
	c.id = append(c.id, id(row.ID))
	c.token = append(c.token, id(claim.Token))
	c.kind = append(c.kind, string(row.Kind))
	c.lane = append(c.lane, string(row.Lane))
	c.status = append(c.status, string(row.Status))
	c.reason = append(c.reason, string(row.Reason))
	provider := claim.Provider
	if claim.Unsure {
		provider = "" // the dead claim's provider may have sent: no call is intended
	}
	c.provider = append(c.provider, provider)
	c.recipient = append(c.recipient, row.Recipient)
	c.subject = append(c.subject, row.Subject)
	c.template = append(c.template, row.Template)
	c.metadata = append(c.metadata, metadataJSON(row.Metadata))
	c.correlation = append(c.correlation, row.CorrelationID)
	c.trace = append(c.trace, row.TraceID)
	c.generation = append(c.generation, int32(row.Replays))
	c.digest = append(c.digest, claim.Command.Digest[:])
	c.requestedAt = append(c.requestedAt, stamp(row.RequestedAt))
	c.sendAt = append(c.sendAt, stamp(row.SendAt))
	c.expiresAt = append(c.expiresAt, stamp(expiresAt(claim)))
	c.dueAt = append(c.dueAt, stamp(claim.Due))
	if claim.Takeover != uuid.Nil {
		c.takeovers = append(c.takeovers, id(claim.Takeover))
		if claim.Unsure {
			c.unsure = append(c.unsure, id(claim.Takeover))
		}
	}
}
