// Package handlers turns one command into one provider request, a file for each
// kind. A handler plans, renders and judges nothing by itself: which provider is
// called, what a failure means and what is recorded is decided around it.
package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Email executes email.send.
type Email struct {
	// route returns the route as it is now configured.
	route func() *providers.Route[providers.Email]
	// domain is the right-hand side of Message-ID when the sender gives none.
	domain string
}

// NewEmail returns the handler of email.send.
func NewEmail(route func() *providers.Route[providers.Email], domain string) *Email {
	return &Email{route: route, domain: domain}
}

// Plan chooses the first provider that is ready; with none ready the command
// waits, and no slot is held meanwhile.
func (h *Email) Plan(_ context.Context, cmd *command.Command) delivery.Plan {
	return planSend(h.route().Plan(cmd.Envelope().Provider))
}

// Handle renders the message and sends it along the route.
func (h *Email) Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	body := cmd.Payload.(*command.Email)
	request := h.request(cmd.ID, body)
	return sent(h.route().Do(ctx, cmd.ID, body.Provider, request, run), request.Subject)
}

// Recover finishes a message that may have been sent, by its provider's
// on_unknown.
func (h *Email) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	request := h.request(cmd.ID, cmd.Payload.(*command.Email))
	return sent(h.route().Recover(ctx, cmd.ID, request, run), request.Subject)
}

// request is the message as every mail driver takes it. The Message-ID is made
// of the command's id, so that all attempts and replays carry the same one and
// receivers can fold doubles.
func (h *Email) request(id uuid.UUID, body *command.Email) providers.Email {
	domain := h.domain
	if _, after, ok := strings.Cut(body.From, "@"); ok {
		domain = strings.TrimSuffix(after, ">")
	}
	request := providers.Email{
		MessageID: id.String() + "@" + domain,
		From:      body.From, ReplyTo: body.ReplyTo, To: body.To, Cc: body.Cc, Bcc: body.Bcc,
		Subject: body.Subject, Text: body.Text, HTML: body.HTML,
		Marketing: body.Category == command.Marketing,
	}
	for _, a := range body.Attachments {
		request.Attachments = append(request.Attachments, providers.File{Name: a.Filename, ContentType: a.ContentType, Content: a.Content})
	}
	return request
}

// planSend is the plan of a send: the ready provider, or a wait that spends no
// round.
func planSend(provider string, err error) delivery.Plan {
	if provider == "" && err == nil {
		return delivery.Plan{Due: time.Now().Add(closedWait), Status: delivery.Retrying, Reason: fault.CircuitOpen}
	}
	// A route without the pinned provider is the command's mistake; Do reports it.
	return delivery.Plan{Provider: provider}
}

// closedWait is how long a send waits while no provider of its route is ready.
const closedWait = 5 * time.Second

// sent turns a route's outcome into a result.
func sent(out providers.Outcome, subject string) delivery.Result {
	result := delivery.Result{
		Err: out.Err, Provider: out.Provider, Attempts: out.Attempts, Subject: subject,
		ProviderMessageID: out.Answer.MessageID, Recipients: out.Answer.Recipients,
	}
	if out.Err == nil {
		result.Status = delivery.Sent
	}
	return result
}
