package smtp

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

const recipient = "kim@example.kr"

// at scripts the answer to one verb.
func at(verb, answer string) func(*scripted) {
	return func(s *scripted) {
		s.answer = func(_ *dialogue, got, _ string, _ int) string {
			if got == verb {
				return answer
			}
			return ""
		}
	}
}

// TestConformance runs the cases that every driver passes, scripted in SMTP.
func TestConformance(t *testing.T) {
	cases := map[string]func(t *testing.T){
		"success":                          success,
		"cancelled before":                 endedBefore(context.Canceled, fault.Cancelled),
		"expired before":                   endedBefore(context.DeadlineExceeded, fault.Timeout),
		"connection refused":               refusedConnection,
		"time-out before the request left": silentAt("RCPT", context.DeadlineExceeded, fault.Timeout, false),
		"time-out after the request left":  silentAt("BODY", context.DeadlineExceeded, fault.UnknownOutcome, true),
		"cancel after the request left":    silentAt("BODY", context.Canceled, fault.UnknownOutcome, true),
		"cut after the request left":       lost("BODY", cut, fault.UnknownOutcome, true),
		"cut on a kept connection":         cutOnKept,
		"oversized answer":                 lost("BODY", raw+"250 "+strings.Repeat("x", mostReply+1), fault.UnknownOutcome, true),
		"wrong content type":               lost("BODY", raw+"HTTP/1.1 200 OK\r\n", fault.UnknownOutcome, true),
		"truncated answer":                 lost("BODY", raw+"250 2.0.0 O", fault.UnknownOutcome, true),
		"redirect":                         lost("RCPT", "551 5.1.6 User not local; please try <elsewhere@example.kr>", fault.Refused, false),
		"answer echoes the request":        echoed,
		"concurrent calls":                 concurrentCalls,
		"check":                            checks,
		// Beyond the common ones: every stage may fail in every way.
		"cancel before the request left": silentAt("DATA", context.Canceled, fault.Cancelled, false),
		"silent greeting":                silentAt("GREET", context.DeadlineExceeded, fault.Timeout, false),
		"silent login":                   silentAt("AUTH", context.DeadlineExceeded, fault.Timeout, false),
		"cut at the greeting":            lost("GREET", cut, fault.Unavailable, false),
		"cut at EHLO":                    lost("EHLO", cut, fault.Unavailable, false),
		"cut at STARTTLS":                lost("STARTTLS", cut, fault.Unavailable, false),
		"cut at the login":               lost("AUTH", cut, fault.Unavailable, false),
		"cut at MAIL":                    lost("MAIL", cut, fault.Unavailable, false),
		"cut at RCPT":                    lost("RCPT", cut, fault.Unavailable, false),
		"cut at DATA":                    lost("DATA", cut, fault.Unavailable, false),
		"flood before the request left":  lost("MAIL", raw+"250-"+strings.Repeat("x", mostReply+1), fault.Unavailable, false),
		"nonsense at MAIL":               lost("MAIL", "999 what", fault.Unavailable, false),
		"neither yes nor no":             lost("BODY", "354 once more", fault.UnknownOutcome, true),
		"not SMTP at all":                lost("GREET", raw+"SSH-2.0-OpenSSH_9.6\r\n", fault.Unavailable, false),
	}
	for _, name := range providertest.Names(true) {
		if cases[name] == nil {
			t.Errorf("case %q is missing", name)
		}
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			t.Run("case", run)
			if err := goleak.Find(ignore); err != nil {
				t.Error(err)
			}
		})
	}
}

// try makes one call and checks reason, Left, and that nothing leaks.
func try(t *testing.T, ctx context.Context, d *Driver, want fault.Reason, left bool) {
	t.Helper()
	var logs bytes.Buffer
	log.SetOutput(&logs)
	defer log.SetOutput(log.Default().Writer())
	ctx, exchange := providers.WithExchange(ctx)
	_, err := d.Do(ctx, call(recipient))
	if fault.Of(err) != want {
		t.Errorf("reason %q, want %q: %v", fault.Of(err), want, err)
	}
	if exchange.Left != left {
		t.Errorf("Left = %v, want %v", exchange.Left, left)
	}
	if exchange.Endpoint == "" || exchange.Method == "" || exchange.URL == "" {
		t.Errorf("exchange %+v", exchange)
	}
	harmless(t, err, logs.String())
}

// harmless fails when an error or a log shows what nobody may see.
func harmless(t *testing.T, err error, logs string) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v %s", err, err, err, logs)
	for _, secret := range []string{testPassword, testToken, testUser, recipient, "portal@gangwon.example", "elsewhere@"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown: %s", secret, text)
		}
	}
}

func success(t *testing.T) {
	s := serve(t, nil)
	ctx, exchange := providers.WithExchange(t.Context())
	answer, err := s.driver(nil).Do(ctx, call(recipient))
	if err != nil || answer.MessageID != "Q-1" || answer.Recipients != nil {
		t.Errorf("answer %+v, %v", answer, err)
	}
	if exchange.Status != "250 2.0.0" || !exchange.Left || !strings.Contains(string(exchange.Request), "Subject: subject") ||
		strings.Contains(string(exchange.Request), "text") {
		t.Errorf("exchange %+v\n%s", exchange, exchange.Request)
	}
}

func endedBefore(cause error, want fault.Reason) func(*testing.T) {
	return func(t *testing.T) {
		s := serve(t, nil)
		ctx := providertest.NewExpiring(cause)
		ctx.Expire()
		try(t, ctx, s.driver(nil), want, false)
		if n := s.connections(); n != 0 {
			t.Errorf("%d connections, want none", n)
		}
	}
}

func refusedConnection(t *testing.T) {
	s := serve(t, nil)
	_ = s.listener.Close()
	try(t, t.Context(), s.driver(nil), fault.Unavailable, false)
}

func silentAt(verb string, cause error, want fault.Reason, left bool) func(*testing.T) {
	return func(t *testing.T) {
		s := serve(t, at(verb, hang))
		d := s.driver(nil)
		ctx := providertest.NewExpiring(cause)
		done := make(chan struct{})
		go func() {
			defer close(done)
			try(t, ctx, d, want, left)
		}()
		s.until(verb)
		ctx.Expire()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("Do does not obey its context")
		}
	}
}

func lost(verb, answer string, want fault.Reason, left bool) func(*testing.T) {
	return func(t *testing.T) {
		s := serve(t, at(verb, answer))
		try(t, t.Context(), s.driver(nil), want, left)
		if n := s.count("MAIL"); n > 1 {
			t.Errorf("MAIL was said %d times", n)
		}
	}
}

// cutOnKept: a connection that dies after the content was handed over must not
// lead to a second copy, although it had been kept.
func cutOnKept(t *testing.T) {
	s := serve(t, func(s *scripted) {
		s.answer = func(_ *dialogue, verb, _ string, n int) string {
			if verb == "BODY" && n == 2 {
				return cut
			}
			return ""
		}
	})
	d := s.driver(nil)
	if _, err := d.Do(t.Context(), call(recipient)); err != nil {
		t.Fatal(err)
	}
	try(t, t.Context(), d, fault.UnknownOutcome, true)
	if n := len(s.received()); n != 2 {
		t.Errorf("the server has %d messages, want 2", n)
	}
}

// echoed: servers like to repeat what they were told.
func echoed(t *testing.T) {
	for _, verb := range []string{"GREET", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY"} {
		for _, code := range []string{"550 5.1.1", "451 4.3.0", "554", "421"} {
			words := fmt.Sprintf("%s <%s> portal@gangwon.example %s %s %s", code, recipient, testUser, testPassword, testToken)
			s := serve(t, at(verb, words))
			_, err := s.driver(nil).Do(t.Context(), call(recipient))
			if err == nil {
				t.Errorf("%s %s: no error", verb, code)
			}
			harmless(t, err, "")
			s.close()
		}
	}
}

func concurrentCalls(t *testing.T) {
	s := serve(t, nil)
	d := s.driver(func(o *Options) { o.MaxConns = 6 })
	var done sync.WaitGroup
	for i := range 64 {
		done.Go(func() {
			if _, err := d.Do(t.Context(), call(fmt.Sprintf("u%d@example.kr", i))); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	got := map[string]int{}
	for _, m := range s.received() {
		got[m.to[0]]++
		if !strings.Contains(m.content, "To: <"+m.to[0]+">") {
			t.Errorf("envelope and header differ for %s", m.to[0])
		}
	}
	if len(got) != 64 || len(s.received()) != 64 {
		t.Errorf("%d messages to %d recipients, want 64 each", len(s.received()), len(got))
	}
	if n := s.connections(); n > 6 {
		t.Errorf("%d connections for at most 6", n)
	}
}

func checks(t *testing.T) {
	s := serve(t, nil)
	d := s.driver(nil)
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if s.count("AUTH") != 1 || s.count("NOOP") != 1 || s.count("MAIL") != 0 {
		t.Error("Check does not log in and say NOOP only")
	}
	if err := d.Check(t.Context()); err != nil || s.connections() != 1 {
		t.Errorf("second Check: %v, %d connections", err, s.connections())
	}
	for want, change := range map[fault.Reason]func(*scripted){
		fault.Unauthorized: at("AUTH", "535 5.7.8 no"),
		fault.Unavailable:  at("NOOP", "451 4.3.0 out of order"),
		fault.RateLimited:  at("GREET", "421 4.7.0 too many connections"),
	} {
		err := serve(t, change).driver(nil).Check(t.Context())
		if fault.Of(err) != want {
			t.Errorf("Check = %v, want %s", err, want)
		}
		harmless(t, err, "")
	}
}
