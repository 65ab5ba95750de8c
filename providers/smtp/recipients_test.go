package smtp

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// byRecipient answers RCPT by the address.
func byRecipient(pipelining bool, answers map[string]string) func(*scripted) {
	return func(s *scripted) {
		if !pipelining {
			s.extensions = []string{"AUTH PLAIN"}
		}
		s.answer = func(_ *dialogue, verb, line string, _ int) string {
			if verb == "RCPT" {
				return answers[between(line)]
			}
			return ""
		}
	}
}

// TestRecipients: each recipient has its own outcome, with pipelining or without.
func TestRecipients(t *testing.T) {
	const none, later, full = "550 5.1.1 no such user", "450 4.2.1 later", "550 5.4.5 Daily sending limit exceeded"
	for _, c := range []struct {
		name    string
		answers map[string]string
		want    fault.Reason
		reasons []fault.Reason // of a, b, c; nil when all were taken alike
		got     []string
	}{
		{"all", nil, fault.None, nil, []string{"a@x.kr", "b@x.kr", "c@x.kr"}},
		{"one refused", map[string]string{"b@x.kr": none}, fault.None, []fault.Reason{"", fault.Refused, ""}, []string{"a@x.kr", "c@x.kr"}},
		{"two kinds", map[string]string{"a@x.kr": none, "c@x.kr": later}, fault.None, []fault.Reason{fault.Refused, "", fault.Unavailable}, []string{"b@x.kr"}},
		{"all refused", map[string]string{"a@x.kr": none, "b@x.kr": none, "c@x.kr": none}, fault.Refused, []fault.Reason{fault.Refused, fault.Refused, fault.Refused}, nil},
		{"none taken, one for now", map[string]string{"a@x.kr": none, "b@x.kr": later, "c@x.kr": none}, fault.Unavailable, []fault.Reason{fault.Refused, fault.Unavailable, fault.Refused}, nil},
		{"none taken, quota", map[string]string{"a@x.kr": full, "b@x.kr": full, "c@x.kr": full}, fault.QuotaExhausted, []fault.Reason{fault.QuotaExhausted, fault.QuotaExhausted, fault.QuotaExhausted}, nil},
		{"closing in the middle", map[string]string{"b@x.kr": "421 4.3.2 shutting down"}, fault.Unavailable, nil, nil},
	} {
		for _, pipelining := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				s := serve(t, byRecipient(pipelining, c.answers))
				d := s.driver(nil)
				message := call("a@x.kr")
				message.Request.Cc, message.Request.Bcc = []string{"b@x.kr", "A@X.KR"}, []string{"c@x.kr"}
				answer, err := d.Do(t.Context(), message)
				if fault.Of(err) != c.want {
					t.Errorf("reason %q, want %q: %v", fault.Of(err), c.want, err)
				}
				var reasons []fault.Reason
				for i, r := range answer.Recipients {
					if want := []string{"a@x.kr", "b@x.kr", "c@x.kr"}[i]; r.Address != want {
						t.Errorf("recipient %d is %q, want %q", i, r.Address, want)
					}
					if (r.Reason == "") != (r.Status == delivery.Sent) || r.Reason != "" && r.Status != delivery.Failed {
						t.Errorf("%+v does not fit together", r)
					}
					reasons = append(reasons, r.Reason)
				}
				if !slices.Equal(reasons, c.reasons) {
					t.Errorf("reasons %q, want %q", reasons, c.reasons)
				}
				var got []string
				for _, m := range s.received() {
					got = append(got, m.to...)
				}
				if c.got != nil && len(got) != 3 || c.got == nil && len(got) != 0 {
					t.Errorf("content sent for %q", got)
				}
			})
		}
	}
}

// TestForeignAddress: an address beyond ASCII goes only where it is understood.
func TestForeignAddress(t *testing.T) {
	const foreign = "김@예시.kr"
	var mailFrom atomic.Value
	s := serve(t, func(s *scripted) {
		s.answer = func(_ *dialogue, verb, line string, _ int) string {
			if verb == "MAIL" {
				mailFrom.Store(line)
			}
			return ""
		}
	})
	if _, err := s.driver(nil).Do(t.Context(), call(foreign)); err != nil {
		t.Error(err)
	}
	if got := s.received(); len(got) != 1 || got[0].to[0] != foreign || !strings.HasSuffix(mailFrom.Load().(string), " SMTPUTF8") {
		t.Errorf("%q received %+v", mailFrom.Load(), got)
	}
	old := serve(t, func(s *scripted) { s.extensions = []string{"AUTH PLAIN"} })
	if _, err := old.driver(nil).Do(t.Context(), call(foreign)); fault.Of(err) != fault.Refused {
		t.Errorf("without SMTPUTF8: %v", err)
	}
}

// TestSize: what the server announced to be too much is not sent at all.
func TestSize(t *testing.T) {
	s := serve(t, func(s *scripted) { s.extensions = []string{"AUTH PLAIN", "SIZE 1000"} })
	d := s.driver(nil)
	large := call(recipient)
	large.Request.Text = strings.Repeat("0123456789", 200)
	if _, err := d.Do(t.Context(), large); fault.Of(err) != fault.Refused || s.count("MAIL") != 0 {
		t.Errorf("%v after %d MAIL", err, s.count("MAIL"))
	}
	if err := send(t, d); err != nil || s.connections() != 1 {
		t.Errorf("a small one: %v, %d connections", err, s.connections())
	}
}

// TestEnvelopeID: a server that can is told our id, so that a bounce names it
// even where the Message-ID was replaced; others do not see it.
func TestEnvelopeID(t *testing.T) {
	for name, extensions := range map[string][]string{"offered": {"AUTH PLAIN", "DSN"}, "not offered": {"AUTH PLAIN"}} {
		t.Run(name, func(t *testing.T) {
			var mailFrom atomic.Value
			s := serve(t, func(s *scripted) {
				s.extensions = extensions
				s.answer = func(_ *dialogue, verb, text string, _ int) string {
					if verb == "MAIL" {
						mailFrom.Store(text)
					}
					return ""
				}
			})
			call := call("kim@example.kr")
			if _, err := s.driver(nil).Do(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			want := " RET=HDRS ENVID=" + call.ID.String()
			line := mailFrom.Load().(string)
			if strings.HasSuffix(line, want) != slices.Contains(extensions, "DSN") || strings.Contains(line, "ENVID") != slices.Contains(extensions, "DSN") {
				t.Errorf("%s", line)
			}
		})
	}
}
