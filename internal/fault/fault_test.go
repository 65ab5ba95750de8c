package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// TestTableFollowsTheContract holds the failure table to section 5 of the public
// contract, line by line.
func TestTableFollowsTheContract(t *testing.T) {
	type line struct {
		retry, free, failover, breaker, letter bool
		status                                 string
	}
	want := map[Reason]line{
		Invalid:        {letter: true, status: "rejected"},
		Refused:        {status: "failed"},
		NotFound:       {letter: true, status: "dead_lettered"},
		Unauthorized:   {retry: true, failover: true, letter: true, status: "dead_lettered"},
		RateLimited:    {retry: true, free: true, letter: true, status: "dead_lettered"},
		QuotaExhausted: {retry: true, free: true, failover: true, letter: true, status: "dead_lettered"},
		Unavailable:    {retry: true, failover: true, breaker: true, letter: true, status: "dead_lettered"},
		Timeout:        {retry: true, failover: true, breaker: true, letter: true, status: "dead_lettered"},
		CircuitOpen:    {retry: true, free: true, failover: true, letter: true, status: "dead_lettered"},
		UnknownOutcome: {breaker: true, letter: true, status: "unknown"},
		Suppressed:     {status: "suppressed"},
		Expired:        {letter: true, status: "expired"},
		Cancelled:      {retry: true, free: true, status: "cancelled"},
		Internal:       {retry: true, letter: true, status: "dead_lettered"},
	}
	for _, reason := range Reasons() {
		r := reason.Rule()
		if got := (line{r.Retry, r.Free, r.Failover, r.Breaker, r.Letter, r.Status}); got != want[reason] {
			t.Errorf("%s: %+v, want %+v", reason, got, want[reason])
		}
		if r.HTTP < 400 || http.StatusText(r.HTTP) == "" {
			t.Errorf("%s: HTTP status %d", reason, r.HTTP)
		}
	}
	if len(Reasons()) != len(want) {
		t.Errorf("%d reasons, the contract has %d", len(Reasons()), len(want))
	}
	if UnknownOutcome.Rule().Failover || UnknownOutcome.Rule().Retry {
		t.Error("what may have been sent is neither retried nor given to another provider by rule")
	}
	if got := Reason("from a newer worker").Rule(); got != Internal.Rule() {
		t.Errorf("an unknown word is %+v", got)
	}
}

func TestOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Reason
	}{
		{nil, None},
		{errors.New("x"), Internal},
		{context.Canceled, Cancelled},
		{fmt.Errorf("call: %w", context.DeadlineExceeded), Timeout},
		{fmt.Errorf("call: %w", New(Refused, "op", "no")), Refused},
		{Wrap(Unavailable, "op", context.DeadlineExceeded), Unavailable},
		{Wrap(Unavailable, "op", nil), None},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v is %q, want %q", c.err, got, c.want)
		}
		if failure := As(c.err); (failure == nil) != (c.err == nil) || failure != nil && failure.Reason != c.want {
			t.Errorf("%v as %+v", c.err, failure)
		}
	}
}

func TestErrorSaysWhatIsKnown(t *testing.T) {
	err := &Error{Reason: Invalid, Op: "command: decode", Field: "to[0]", Message: "is not an address", Code: "550", Err: errors.New("cause")}
	if got := err.Error(); got != "command: decode: to[0]: is not an address (550): cause" {
		t.Error(got)
	}
	if got := (&Error{Reason: Timeout}).Error(); got != "timeout" {
		t.Error(got)
	}
	if slices.Contains(Reasons(), None) || None.Valid() || !Invalid.Valid() {
		t.Error("None is no reason")
	}
}
