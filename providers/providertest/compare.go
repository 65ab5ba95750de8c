package providertest

import (
	"errors"
	"fmt"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// differences lists what is wrong with the error of a call.
func differences(want fault.Reason, code string, after time.Duration, err error) []string {
	if want == fault.None {
		if err != nil {
			return []string{fmt.Sprintf("error = %v, want success", err)}
		}
		return nil
	}
	if err == nil {
		return []string{fmt.Sprintf("no error, want %s", want)}
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return []string{fmt.Sprintf("error carries no reason: %v", err)}
	}
	var found []string
	if e.Reason != want {
		found = append(found, fmt.Sprintf("reason = %s, want %s: %v", e.Reason, want, err))
	}
	if e.Op == "" {
		found = append(found, fmt.Sprintf("error does not say what was being done: %v", err))
	}
	if code != "" && e.Code != code {
		found = append(found, fmt.Sprintf("code = %q, want %q: %v", e.Code, code, err))
	}
	if off := e.RetryAfter - after; off < -slack || off > slack {
		found = append(found, fmt.Sprintf("RetryAfter = %s, want %s", e.RetryAfter, after))
	}
	return found
}
