// Package handlers turns one command into one provider request, a file for each
// kind. A handler plans, renders and judges nothing by itself: which provider is
// called, what a failure means and what is recorded is decided around it.
package handlers

import (
	"context"
	"slices"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Email executes email.send.
type Email struct {
	Messages
	// route returns the route as it is now configured.
	route       func() *providers.Route[providers.Email]
	attachments attachments
}

// NewEmail returns the handler of email.send.
func NewEmail(route func() *providers.Route[providers.Email], messages Messages) *Email {
	return &Email{Messages: messages, route: route, attachments: newAttachments(messages.Objects)}
}

// mail is one message on its way from the plan to the call.
type mail struct {
	request   providers.Email
	files     []command.Attachment
	objects   int64 // bytes of them that are in the bucket
	ledger    ledger
	marketing bool
}

// Plan renders the message and chooses the first provider that is ready. What is
// invalid or suppressed ends here, before an attempt is counted; with no provider
// ready the command waits, and no slot is held meanwhile.
func (h *Email) Plan(ctx context.Context, cmd *command.Command) delivery.Plan {
	m, err := h.prepare(ctx, cmd)
	if err != nil {
		result := delivery.Result{}
		if m != nil {
			result.Subject = m.request.Subject
			m.ledger.into(&result)
		}
		return unsent(err, result)
	}
	if until := h.quiet(m.marketing, h.rules().QuietEmail); !until.IsZero() {
		return waits(until, m)
	}
	return planSend(ctx, h.route(), cmd, m)
}

// Handle sends the message along the route, to those who do not have it yet.
func (h *Email) Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	m, err := h.ready(ctx, cmd, run)
	if err != nil {
		return delivery.Result{Err: err}
	}
	if !m.ledger.pending() {
		return m.result(providers.Outcome{}, run)
	}
	files, release, err := h.attachments.load(ctx, m.files, m.objects)
	if err != nil {
		return delivery.Result{Err: err, Subject: m.request.Subject}
	}
	defer release()
	m.request.Attachments = files
	return m.result(h.route().Do(ctx, cmd.ID, cmd.Envelope().Provider, m.request, run), run)
}

// Recover finishes a message that may have been sent, by its provider's
// on_unknown. One that cannot be made any more is left to a person.
func (h *Email) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	m, err := h.ready(ctx, cmd, run)
	var files []providers.File
	if err == nil {
		var release func()
		if files, release, err = h.attachments.load(ctx, m.files, m.objects); err == nil {
			defer release()
		}
	}
	if err != nil {
		return lost(run, err)
	}
	m.request.Attachments = files
	return m.result(h.route().Recover(ctx, cmd.ID, m.request, run), run)
}

// ready is what the plan made, narrowed to those who do not have it yet.
func (h *Email) ready(ctx context.Context, cmd *command.Command, run delivery.Run) (*mail, error) {
	m, ok := run.Ready.(*mail)
	if !ok {
		var err error
		if m, err = h.prepare(ctx, cmd); err != nil {
			return nil, err
		}
	}
	m.ledger.resume(run.Row.Recipients)
	unwanted := func(address string) bool { return !m.ledger.wants(address) }
	m.request.To = slices.DeleteFunc(slices.Clone(m.request.To), unwanted)
	m.request.Cc = slices.DeleteFunc(slices.Clone(m.request.Cc), unwanted)
	m.request.Bcc = slices.DeleteFunc(slices.Clone(m.request.Bcc), unwanted)
	return m, nil
}

// prepare makes the message as every mail driver takes it, but for the objects of
// its attachments, and finds out who is to get it. With an error it returns what
// is known so far, if anything.
func (h *Email) prepare(ctx context.Context, cmd *command.Command) (*mail, error) {
	body := cmd.Payload.(*command.Email)
	m := &mail{files: body.Attachments, marketing: h.marketing(body.Category, body.Template), ledger: newLedger(body.Recipients())}
	words, err := h.words(cmd, body, m.marketing)
	if err != nil {
		return nil, err
	}
	m.request = providers.Email{
		MessageID: h.messageID(cmd.ID, body.From),
		From:      body.From, ReplyTo: body.ReplyTo, To: body.To, Cc: body.Cc, Bcc: body.Bcc,
		Subject: words.subject, Text: words.text, HTML: words.html,
		Marketing: m.marketing, Unsubscribe: words.unsubscribe,
	}
	if m.objects, err = h.attachments.check(ctx, m.files); err != nil {
		return m, err
	}
	suppressed, err := h.suppressed(ctx, m.marketing, m.ledger.folded())
	if err != nil {
		return nil, err
	}
	m.ledger.suppress(suppressed)
	if !m.ledger.pending() {
		return m, errSuppressed(len(m.ledger))
	}
	return m, nil
}

// result is what one round came to: for a single recipient that of the call, for
// several the best of them.
func (m *mail) result(out providers.Outcome, run delivery.Run) delivery.Result {
	result := sent(out, m.request.Subject)
	if err := m.ledger.settle(out, run.Last); err != nil {
		result.Status, result.Err = "", err
	} else {
		result.Status = delivery.Sent
	}
	m.ledger.into(&result)
	return result
}

// lost is the outcome of a message that may have been sent and cannot be made
// again to find out.
func lost(run delivery.Run, err error) delivery.Result {
	return delivery.Result{
		Provider: run.Unsure,
		Err: &fault.Error{
			Reason: fault.UnknownOutcome, Op: run.Unsure, Err: err,
			Message: "it may have been sent, and it cannot be made again to find out",
		},
	}
}
