package providertest

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Names lists the cases that every driver passes, whatever its protocol. The
// vendor's own failures come on top. The last four need an answer with a body.
func Names(body bool) []string {
	names := []string{
		"success", "cancelled before", "expired before", "connection refused", "time-out before the request left",
		"time-out after the request left", "cancel after the request left", "cut after the request left",
		"cut on a kept connection", "answer echoes the request", "concurrent calls", "check",
	}
	if body {
		names = append(names, "oversized answer", "wrong content type", "truncated answer", "redirect")
	}
	return names
}

// all is the whole table of an HTTP driver.
func (s Suite[P]) all() []step[P] {
	steps := []step[P]{
		{name: "success", vendor: s.Success, run: s.succeeds(nil, s.Verify)},
		{name: "concurrent calls", vendor: s.Success, run: s.concurrent},
	}
	steps = append(steps, s.faults()...)
	steps = append(steps, s.answers()...)
	for _, c := range s.Cases {
		steps = append(steps, step[P]{name: "vendor: " + c.Name, vendor: c.Answer, run: func(t *testing.T, b *bench[P]) {
			if c.Want == fault.None {
				verify := c.Verify
				if verify == nil {
					verify = s.Verify
				}
				s.succeeds(c.Request, verify)(t, b)
				return
			}
			_, err := b.do(t, context.Background(), c.Request)
			b.compare(t, c, err)
		}})
	}
	steps = append(steps, s.checks()...)
	return append(steps, s.confirms()...)
}

// succeeds makes one call and inspects the answer and the exchange.
func (s Suite[P]) succeeds(request *P, verify func(*testing.T, providers.Answer)) func(*testing.T, *bench[P]) {
	return func(t *testing.T, b *bench[P]) {
		ctx, exchange := providers.WithExchange(t.Context())
		answer, err := b.driver.Do(ctx, s.call(request))
		if err != nil {
			t.Fatalf("Do: %v", err)
		}
		if b.driver.Name() == "" {
			t.Error("Name is empty")
		}
		if !s.Sends && !answer.Result.IsValid() {
			t.Errorf("Result of a look-up is not JSON: %q", answer.Result)
		}
		for name, value := range map[string]string{
			"Endpoint": exchange.Endpoint, "Method": exchange.Method, "URL": exchange.URL, "Status": exchange.Status,
		} {
			if value == "" {
				t.Errorf("exchange: %s is empty", name)
			}
		}
		if !exchange.Left {
			t.Error("exchange: Left is false after an answer")
		}
		if verify != nil {
			verify(t, answer)
		}
	}
}

// checks are the cases of Check.
func (s Suite[P]) checks() []step[P] {
	health := s.Health
	if health == nil {
		health = s.Success
	}
	check := func(b *bench[P]) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return b.driver.Check(ctx)
	}
	steps := []step[P]{
		{name: "check", vendor: health, run: func(t *testing.T, b *bench[P]) {
			if err := check(b); err != nil {
				t.Errorf("Check of a healthy vendor: %v", err)
			}
			if b.requests.Load()+b.preludes.Load() == 0 {
				t.Error("Check asked the vendor nothing")
			}
		}},
		{name: "check: connection refused", vendor: health, run: func(t *testing.T, b *bench[P]) {
			b.server.Close()
			b.compare(t, Case[P]{Want: fault.Unavailable}, check(b))
		}},
	}
	for _, c := range s.Checks {
		steps = append(steps, step[P]{name: "check: " + c.Name, vendor: c.Answer, run: func(t *testing.T, b *bench[P]) {
			b.compare(t, c, check(b))
		}})
	}
	return steps
}

// confirms are the cases of Confirm. It is a look-up: nothing of it reaches a
// person, so a lost answer is never unknown_outcome.
func (s Suite[P]) confirms() []step[P] {
	refused := step[P]{name: "confirm: connection refused", vendor: s.Success, run: func(t *testing.T, b *bench[P]) {
		confirmer, ok := b.driver.(providers.Confirmer[P])
		if !ok {
			if len(s.Confirms) > 0 {
				t.Error("the driver is no Confirmer, but the suite has cases for it")
			}
			return
		}
		if len(s.Confirms) == 0 {
			t.Error("the driver is a Confirmer: the suite needs Confirms")
		}
		b.server.Close()
		_, err := confirmer.Confirm(t.Context(), s.call(nil))
		b.compare(t, Case[P]{Want: fault.Unavailable}, err)
	}}
	steps := []step[P]{refused}
	for _, c := range s.Confirms {
		steps = append(steps, step[P]{name: "confirm: " + c.Name, vendor: c.Answer, run: func(t *testing.T, b *bench[P]) {
			confirmer, ok := b.driver.(providers.Confirmer[P])
			if !ok {
				t.Fatal("the driver is no Confirmer")
			}
			answer, err := confirmer.Confirm(t.Context(), s.call(c.Request))
			b.compare(t, c, err)
			if err == nil && c.Verify != nil {
				c.Verify(t, answer)
			}
		}})
	}
	return append(steps, s.lostConfirm())
}

func (s Suite[P]) lostConfirm() step[P] {
	return step[P]{name: "confirm: cut after the request left", vendor: http.HandlerFunc(cut), run: func(t *testing.T, b *bench[P]) {
		confirmer, ok := b.driver.(providers.Confirmer[P])
		if !ok {
			return
		}
		_, err := confirmer.Confirm(t.Context(), s.call(nil))
		b.compare(t, Case[P]{Want: fault.Unavailable}, err)
	}}
}

// do makes one call whose error is inspected by compare.
func (b *bench[P]) do(t *testing.T, ctx context.Context, request *P) (*providers.Exchange, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx, exchange := providers.WithExchange(ctx)
	_, err := b.driver.Do(ctx, b.suite.call(request))
	return exchange, err
}

// compare reports every difference between an error and what the case wants.
func (b *bench[P]) compare(t *testing.T, c Case[P], err error) {
	t.Helper()
	for _, problem := range differences(c.Want, c.Code, c.RetryAfter, err) {
		t.Error(problem)
	}
	if err != nil {
		b.absent(t, "error", spell(err))
	}
}

// drain reads a request whole, so that a cut after it is one after the request.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

// cut takes the request and breaks the connection without an answer.
func cut(w http.ResponseWriter, r *http.Request) {
	drain(r)
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// silence is how long a call waits for an answer that never comes.
const silence = time.Second

// slack is how far a Retry-After may be from what was scripted.
const slack = 2 * time.Second
