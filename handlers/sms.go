package handlers

import (
	"context"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// maxInternational is what Amazon SNS takes in one call, in bytes over all parts;
// the only gateway here that is not Korean.
const maxInternational = 1600

// SMS executes sms.send.
type SMS struct {
	Messages
	// route returns the route as it is now configured.
	route func() *providers.Route[providers.SMS]
}

// NewSMS returns the handler of sms.send.
func NewSMS(route func() *providers.Route[providers.SMS], messages Messages) *SMS {
	return &SMS{Messages: messages, route: route}
}

// Plan makes the message and chooses the first gateway that is ready. A wrong
// number, a text that cannot be carried and a suppressed recipient end here,
// before an attempt is counted; advertising in the quiet hours waits.
func (h *SMS) Plan(ctx context.Context, cmd *command.Command) delivery.Plan {
	request, err := h.prepare(ctx, cmd)
	if err != nil {
		return unsent(err, delivery.Result{Subject: request.Subject})
	}
	if until := h.quiet(request.Marketing, h.rules().QuietSMS); !until.IsZero() {
		return waits(until, request)
	}
	return planSend(ctx, h.route(), cmd, request)
}

// Handle sends the message along the route.
func (h *SMS) Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	request, err := h.ready(ctx, cmd, run)
	if err != nil {
		return delivery.Result{Err: err}
	}
	return sent(h.route().Do(ctx, cmd.ID, cmd.Envelope().Provider, request, run), request.Subject)
}

// Recover finishes a message that may have been sent, by its gateway's
// on_unknown. One that cannot be made any more is left to a person.
func (h *SMS) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	request, err := h.ready(ctx, cmd, run)
	if err != nil {
		return lost(run, err)
	}
	return sent(h.route().Recover(ctx, cmd.ID, request, run), request.Subject)
}

func (h *SMS) ready(ctx context.Context, cmd *command.Command, run delivery.Run) (providers.SMS, error) {
	if request, ok := run.Ready.(providers.SMS); ok {
		return request, nil
	}
	return h.prepare(ctx, cmd)
}

// prepare makes the message as every gateway takes it. With an error it has what
// is known so far.
func (h *SMS) prepare(ctx context.Context, cmd *command.Command) (providers.SMS, error) {
	body, rules := cmd.Payload.(*command.SMS), h.rules()
	to, err := smstext.ParseNumber(body.To, rules.Numbers)
	if err != nil {
		return providers.SMS{}, err
	}
	request := providers.SMS{
		To: to, From: body.From, Subject: body.Subject, Text: body.Text, Marketing: h.marketing(body.Category, body.Template),
	}
	if body.Template != "" {
		rendered, err := h.templates().SMS(body.Template, body.Locale, body.Variables)
		if err != nil {
			return providers.SMS{}, err
		}
		request.Text = rendered.Text
		if request.Subject == "" {
			request.Subject = rendered.Subject
		}
	}
	if err := h.guarded(cmd, body.Variables, request.Subject); err != nil {
		return providers.SMS{}, err
	}
	if request.Marketing && rules.Mark {
		if request.Subject, request.Text, err = rules.Advertiser.Mark(request.Subject, request.Text); err != nil {
			return request, err
		}
	}
	if err := h.fits(request, cmd.Envelope().Provider); err != nil {
		return request, err
	}
	suppressed, err := h.suppressed(ctx, request.Marketing, []string{to})
	if err == nil && len(suppressed) > 0 {
		err = errSuppressed(1)
	}
	return request, err
}

// fits reports what a gateway of the route cannot carry. All of them must be able
// to: whether a message is sent is not to depend on which one is up.
func (h *SMS) fits(request providers.SMS, pinned string) error {
	names, err := h.route().Names(pinned)
	if err != nil {
		return err
	}
	rules := h.rules()
	for _, name := range names {
		switch {
		case rules.Korean == nil || rules.Korean(name):
			fitted, err := smstext.Fit(request.Subject, request.Text)
			if err != nil {
				return err
			}
			if fitted.Long && smstext.Domestic(request.To) == "" {
				return fault.InvalidField("text", "is %d bytes long, or has a subject; outside Korea %s sends at most %d bytes", fitted.Bytes, name, smstext.MaxShort)
			}
		case len(request.Text) > maxInternational:
			parts, _ := smstext.Segments(request.Text)
			return fault.InvalidField("text", "is %d bytes long, which makes %d parts; %s takes at most %d bytes", len(request.Text), parts, name, maxInternational)
		}
	}
	return nil
}
