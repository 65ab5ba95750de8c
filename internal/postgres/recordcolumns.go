package postgres

import (
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// recordColumns are the parameters of recordSQL.
type recordColumns struct {
	id, token, generation, status, rank, stops         column
	reason, errorCode, errorMessage                    column
	provider, messageID, subject, result, next, unsure column
	round, dueAt                                       column
}

func (c *recordColumns) columns() []*column {
	return []*column{
		&c.id, &c.token, &c.generation, &c.status, &c.rank, &c.stops, &c.reason, &c.errorCode, &c.errorMessage,
		&c.provider, &c.messageID, &c.subject, &c.result, &c.round, &c.dueAt, &c.next, &c.unsure,
	}
}

func (c *recordColumns) add(r *delivery.Record) {
	c.id.uuid(r.Row.ID)
	c.token.uuid(r.Token)
	c.generation.int(r.Row.Replays)
	c.status.text(string(r.Status))
	c.rank.smallint(r.Status.Rank())
	c.stops.bool(r.Status.Open() && r.Next == "")
	c.reason.some(string(r.Reason))
	c.errorCode.some(r.ErrorCode)
	c.errorMessage.some(r.ErrorMessage)
	c.provider.some(r.Provider)
	c.messageID.some(r.ProviderMessageID)
	c.subject.some(r.Subject)
	c.result.jsonb(string(r.Result))
	c.round.smallint(r.Round)
	c.dueAt.time(r.Due)
	c.next.some(r.Next)
	c.unsure.some(r.Unsure)
}

// attemptColumns are the parameters of attemptsSQL.
type attemptColumns struct {
	id, attempt, round, generation, provider, endpoint, outcome column
	reason, errorCode, messageID, duration, startedAt           column
	request, response                                           column
}

func (c *attemptColumns) columns() []*column {
	return []*column{
		&c.id, &c.attempt, &c.round, &c.generation, &c.provider, &c.endpoint, &c.outcome, &c.reason, &c.errorCode,
		&c.messageID, &c.duration, &c.startedAt, &c.request, &c.response,
	}
}

func (c *attemptColumns) add(r *delivery.Record, a *delivery.Attempt) {
	c.id.uuid(r.Row.ID)
	c.attempt.int(a.Number)
	c.round.smallint(a.Round)
	c.generation.int(r.Row.Replays)
	c.provider.text(a.Provider)
	c.endpoint.text(a.Endpoint)
	c.outcome.text(a.Outcome)
	c.reason.some(string(a.Reason))
	c.errorCode.some(a.ErrorCode)
	c.messageID.some(a.MessageID)
	c.duration.int(int(a.Duration.Milliseconds()))
	c.startedAt.time(a.StartedAt)
	c.request.jsonb(string(a.Request))
	c.response.jsonb(string(a.Response))
}

// letterColumns are the parameters of lettersSQL.
type letterColumns struct{ id, payload, headers column }

func (c *letterColumns) columns() []*column { return []*column{&c.id, &c.payload, &c.headers} }

func (c *letterColumns) add(r *delivery.Record) {
	c.id.uuid(r.Row.ID)
	c.payload.bytes(r.Letter.Body)
	c.headers.jsonb(headersJSON(r.Letter.Headers))
}

// recipientColumns are the parameters of recipientsSQL.
type recipientColumns struct{ id, address, status, rank, reason, provider, messageID column }

func (c *recipientColumns) columns() []*column {
	return []*column{&c.id, &c.address, &c.status, &c.rank, &c.reason, &c.provider, &c.messageID}
}

func (c *recipientColumns) add(r *delivery.Record, p *delivery.Recipient) {
	c.id.uuid(r.Row.ID)
	c.address.text(p.Address)
	c.status.text(string(p.Status))
	c.rank.smallint(p.Status.Rank())
	c.reason.some(string(p.Reason))
	c.provider.some(r.Provider)
	c.messageID.some(p.MessageID)
}
