package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// What follows from a provider's answer is what the failure table says of its
// reason: how many calls are made, whether they spend rounds, how the command
// ends, and whether a dead letter is kept.
func TestInvariant4TheReasonDecides(t *testing.T) {
	t.Parallel()
	answers := map[fault.Reason]*smtp.SMTPError{
		fault.Refused:        {Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Message contains spam"},
		fault.Unavailable:    {Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Queue file write error"},
		fault.Unauthorized:   {Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 60}, Message: "Client does not have permissions to send as this sender"},
		fault.RateLimited:    {Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Try again later"},
		fault.QuotaExhausted: {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 4, 5}, Message: "Daily user sending limit exceeded"},
		fault.UnknownOutcome: {Code: 354, EnhancedCode: smtp.NoEnhancedCode, Message: "what"},
	}
	p := newPlace(t)
	var env []string
	var route []string
	ids := map[fault.Reason]string{}
	for reason := range answers {
		// A provider for each reason, so that no breaker of one meets another's.
		name := strings.ReplaceAll(string(reason), "_", "-")
		route = append(route, name)
		for key, value := range map[string]string{
			"DRIVER": "smtp", "HOST": p.mail.host, "PORT": p.mail.port, "TLS": "none", "AUTH": "none", "FROM": "portal@example.kr",
			"TIMEOUT": "5s", "ON_UNKNOWN": "hold",
		} {
			env = append(env, "GANGWAY_PROVIDERS_"+strings.ToUpper(string(reason))+"_"+key+"="+value)
		}
		ids[reason] = uuid.Must(uuid.NewV7()).String()
	}
	p.mail.lookAt(func(_, subject string) error {
		if answer := answers[fault.Reason(subject)]; answer != nil {
			return answer
		}
		return fmt.Errorf("no answer for %q", subject)
	})
	p.worker(append(env, "GANGWAY_ROUTES_EMAIL="+strings.Join(route, ","))...)
	for reason, id := range ids {
		p.publish("email.send", id, fmt.Sprintf(`{"to":["kim@example.kr"],"subject":%q,"text":"본문","provider":%q}`, reason, strings.ReplaceAll(string(reason), "_", "-")))
	}
	for reason, id := range ids {
		t.Run(string(reason), func(t *testing.T) {
			p := p.in(t)
			rule := reason.Rule()
			want := struct{ status, attempts, rounds string }{rule.Status, "1", "0"}
			switch {
			case rule.Retry && rule.Pause: // it comes back when the provider is no longer held back
				want.status, want.attempts = "retrying", "some"
				if !rule.Free {
					want.rounds = "1"
				}
			case rule.Retry:
				want.attempts, want.rounds = "4", "4" // retry.email.send.max is 3
			case !rule.Free && reason != fault.UnknownOutcome:
				want.rounds = "1"
			}
			got := want
			got.status = ""
			var due time.Duration
			testkit.Eventually(t, patience, func() bool {
				err := p.database().QueryRow(t.Context(), `
					SELECT status, CASE WHEN $3 AND attempts > 0 THEN 'some' ELSE attempts::text END, round::text,
					       coalesce(extract(epoch FROM due_at - updated_at), 0)::float * interval '1 second'
					FROM gangway.deliveries WHERE id = $1 AND reason = $2`, id, string(reason), want.attempts == "some").
					Scan(&got.status, &got.attempts, &got.rounds, &due)
				return err == nil && got == want
			}, "want %+v, got %+v", want, &got)
			if rule.Pause && rule.Free && due < time.Second {
				t.Errorf("it waits for %v only", due)
			}
			var letters int
			if err := p.database().QueryRow(t.Context(), "SELECT count(*) FROM gangway.dead_letters WHERE delivery_id = $1", id).Scan(&letters); err != nil {
				t.Fatal(err)
			}
			if kept := want.status == rule.Status && rule.Letter; kept != (letters == 1) {
				t.Errorf("%d dead letters, want one: %t", letters, kept)
			}
		})
	}
}
