package fault_test

import (
	"net/http"
	"testing"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestEveryReasonHasARule(t *testing.T) {
	internal := fault.Internal.Rule()
	for _, reason := range fault.Reasons() {
		if !reason.Valid() {
			t.Errorf("%s has no line in the table", reason)
		}
		rule := reason.Rule()
		if rule == internal && reason != fault.Internal {
			t.Errorf("%s: its rule is that of an unknown reason", reason)
		}
		status := delivery.Status(rule.Status)
		if !status.Valid() || status.Open() || status.Good() {
			t.Errorf("%s ends as %q", reason, rule.Status)
		}
		if http.StatusText(rule.HTTP) == "" || rule.HTTP < 400 {
			t.Errorf("%s is answered with HTTP %d", reason, rule.HTTP)
		}
		if rule.Free && !rule.Retry {
			t.Errorf("%s: what is not retried spends no round anyway", reason)
		}
		if rule.Failover && !rule.Retry {
			t.Errorf("%s: another provider may be tried, and then none", reason)
		}
	}
	if fault.None.Valid() || fault.Reason("newer").Rule() != internal {
		t.Error("a reason that this version does not know counts as internal")
	}
}

// A send that may have left is never repeated by the table: not by a retry, not
// by failover.
func TestUnknownOutcomeIsNeverRepeated(t *testing.T) {
	if rule := fault.UnknownOutcome.Rule(); rule.Retry || rule.Failover {
		t.Errorf("%+v", rule)
	}
}
