package postgres

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// newRow is the row that claimSQL inserts for a command seen for the first time.
func newRow(claim *delivery.Claim) delivery.Row {
	cmd := claim.Command
	row := delivery.Row{
		View: delivery.View{
			ID: cmd.ID, Kind: cmd.Kind, Lane: cmd.Lane.Shown(), Status: claim.Status, Reason: claim.Reason,
			Replays: cmd.Generation, RequestedAt: cmd.RequestedAt, TraceID: traceID(cmd.TraceParent),
		},
		Version: 1, Digest: cmd.Digest, Due: claim.Due, OwnerAlive: true,
	}
	if claim.Due.IsZero() {
		row.Token, row.ClaimProvider = claim.Token, claim.Provider
		if claim.Provider != "" {
			row.Attempts = 1
		}
	}
	if cmd.Payload != nil {
		summary, envelope := cmd.Payload.Summary(), cmd.Envelope()
		row.Recipient, row.Subject, row.Template = summary.Recipient, summary.Subject, summary.Template
		row.Metadata, row.CorrelationID, row.SendAt = envelope.Metadata, envelope.CorrelationID, envelope.SendAt
	}
	return row
}

func expiresAt(claim *delivery.Claim) time.Time {
	if claim.Command.Payload == nil {
		return time.Time{}
	}
	return claim.Command.Envelope().ExpiresAt
}

// traceID is the second field of a W3C traceparent: 00-<trace>-<span>-<flags>.
func traceID(traceParent string) string {
	if parts := strings.Split(traceParent, "-"); len(parts) == 4 && len(parts[1]) == 32 {
		return parts[1]
	}
	return ""
}

func metadataJSON(metadata map[string]string) string {
	if len(metadata) == 0 {
		return ""
	}
	text, err := json.Marshal(metadata, json.Deterministic(true))
	if err != nil {
		return "" // strings that were decoded strictly always encode
	}
	return string(text)
}

// headersJSON keeps the headers of a message as far as jsonb can store them.
func headersJSON(headers map[string][]string) string {
	clean := make(map[string][]string, len(headers))
	for name, values := range headers {
		for _, value := range values {
			clean[storable(name)] = append(clean[storable(name)], storable(value))
		}
	}
	text, err := json.Marshal(clean, json.Deterministic(true))
	if err != nil {
		return "{}"
	}
	return string(text)
}

func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\ufffd")
}

func stamp(t time.Time) pgtype.Timestamptz { return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()} }
