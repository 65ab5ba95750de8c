package handlers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
	"github.com/gangwon-portal/gangway/templates"
)

// Messages is what the handlers of e-mail and SMS share. The zero value has no
// templates, no suppressions, no objects and the zero [Rules].
type Messages struct {
	// Templates returns the templates as now loaded.
	Templates func() *templates.Set
	// Rules returns the settings of messages as now configured.
	Rules func() Rules
	// Suppressions says who gets nothing more; nil for nobody.
	Suppressions Suppressions
	// Objects reads attachments from the object bucket; nil where there is none.
	Objects Objects
	// Now is the clock of quiet hours; nil for the real one.
	Now func() time.Time
}

// Rules are the settings of messages.
type Rules struct {
	// Domain is the right-hand side of Message-ID when a command names no sender;
	// default gangway.gangwon.kr.
	Domain string
	// UnsubscribeURL is where readers of advertising e-mail opt out; {id} in it
	// stands for the command's id.
	UnsubscribeURL string
	// Mark adds to advertising what Korean law demands of it, as Advertiser and
	// Imprint say it.
	Mark       bool
	Advertiser smstext.Advertiser
	Imprint    string // name, e-mail address, telephone and postal address, for e-mail
	// QuietSMS and QuietEmail hold advertising back from 21:00 to 08:00 in Korea.
	QuietSMS, QuietEmail bool
	Numbers              smstext.NumberRules
	// Korean reports whether a provider of SMS is a Korean gateway, which takes
	// CP949 only.
	Korean func(provider string) bool
}

// Suppressions says who gets nothing more.
type Suppressions interface {
	// Suppressed returns those of the recipients, which are e-mail addresses folded
	// or numbers in E.164, that get no message of the category.
	Suppressed(ctx context.Context, category string, recipients []string) ([]string, error)
}

func (m Messages) templates() *templates.Set {
	if m.Templates == nil {
		return new(templates.Set)
	}
	return m.Templates()
}

func (m Messages) rules() Rules {
	if m.Rules == nil {
		return Rules{}
	}
	return m.Rules()
}

// marketing reports whether a message is advertising: its command says so, else
// its template does.
func (m Messages) marketing(category, template string) bool {
	if category == "" && template != "" {
		category = m.templates().Category(template)
	}
	return category == command.Marketing
}

// suppressed asks the list of the message's category.
func (m Messages) suppressed(ctx context.Context, marketing bool, recipients []string) ([]string, error) {
	if m.Suppressions == nil {
		return nil, nil
	}
	category := command.Transactional
	if marketing {
		category = command.Marketing
	}
	return m.Suppressions.Suppressed(ctx, category, recipients)
}

// quiet returns until when advertising has to wait; zero when it may go.
func (m Messages) quiet(marketing, kept bool) time.Time {
	if !marketing || !kept {
		return time.Time{}
	}
	until, _ := smstext.QuietUntil(m.now())
	return until
}

func (m Messages) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

// Sensitive names the variables of a command whose values nobody is to see: those
// that the command calls so and those that its template does. It implements
// pipeline.Confidant.
func (m Messages) Sensitive(cmd *command.Command) []string {
	template, sensitive, names := command.Variables(cmd.Body)
	sensitive = append(slices.Clone(sensitive), m.templates().Sensitive(template)...)
	return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(sensitive))), func(name string) bool {
		return !slices.Contains(names, name)
	})
}

// guarded refuses what sensitive variables must not do: stand in a subject, which
// is stored and logged, or come back from a letter that no longer has them.
func (m Messages) guarded(cmd *command.Command, variables map[string]jsontext.Value, subject string) error {
	if len(variables) == 0 {
		return nil
	}
	for _, name := range m.Sensitive(cmd) {
		text := string(variables[name])
		if plain, err := jsontext.AppendUnquote(nil, variables[name]); err == nil {
			text = string(plain)
		}
		switch {
		case text == command.Redacted:
			return fault.InvalidField("variables."+name, "was wiped when the command ended; publish it again, with a new id and its value")
		case len(text) >= shortestSecret && strings.Contains(subject, strings.Join(strings.Fields(text), " ")):
			return fault.InvalidField("variables."+name, "is sensitive and stands in the subject, which is stored and logged")
		}
	}
	return nil
}

// shortestSecret is what a value has in bytes at least to be looked for: a single
// digit is in many subjects.
const shortestSecret = 3

// planSend is the plan of a message that is ready: its first provider, with what
// is reserved there, or a wait that spends no round while none may be called.
func planSend[P any](ctx context.Context, route *providers.Route[P], cmd *command.Command, ready any) delivery.Plan {
	choice, err := route.Choose(ctx, cmd.ID, cmd.Envelope().Provider, cmd.Lane)
	if err != nil {
		return unsent(err, delivery.Result{})
	}
	if choice.Provider == "" {
		return delivery.Plan{Wait: choice.Wait, Status: delivery.Retrying, Reason: choice.Reason, Ready: ready}
	}
	return delivery.Plan{Provider: choice.Provider, Instead: choice.Instead, InsteadReason: choice.Reason, Ready: ready, Undo: choice.Undo}
}

// closedWait is how long a send waits while what it needs cannot be asked for.
const closedWait = 5 * time.Second

// unsent is the plan of a message that cannot be sent. What is wrong with the
// message or the installation ends it; what cannot be asked for now is waited for.
func unsent(err error, result delivery.Result) delivery.Plan {
	switch reason := fault.Of(err); reason {
	case fault.Unavailable, fault.Timeout, fault.Cancelled:
		return delivery.Plan{Wait: closedWait, Status: delivery.Retrying, Reason: reason}
	default:
		result.Err = err
		return delivery.Plan{End: &result}
	}
}

// waits is the plan of advertising that comes in the quiet hours.
func waits(until time.Time, ready any) delivery.Plan {
	return delivery.Plan{Due: until, Status: delivery.Scheduled, Ready: ready}
}

// sent turns a route's outcome into a result.
func sent(out providers.Outcome, subject string) delivery.Result {
	result := delivery.Result{
		Err: out.Err, Provider: out.Provider, Attempts: out.Attempts, Subject: subject,
		ProviderMessageID: out.Answer.MessageID,
	}
	if out.Err == nil {
		result.Status = delivery.Sent
	}
	return result
}

// errSuppressed is why a command whose every recipient is suppressed ends.
func errSuppressed(count int) error {
	if count > 1 {
		return fault.New(fault.Suppressed, "", "every recipient gets nothing more; see the suppression list")
	}
	return fault.New(fault.Suppressed, "", "the recipient gets nothing more; see the suppression list")
}
