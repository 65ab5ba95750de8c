package nicednb

import (
	"regexp"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// CodeEcho is the code of an answer about another number than the one asked.
const CodeEcho = "echo_mismatch"

// noDataCodes are the values of dataBody.errorCode that callers were seen to
// treat as an empty result. The vendor's own list is not public; what a contract
// adds is set by [Options.NoDataCodes] and [Options.Codes].
var noDataCodes = []string{"NOAG1001", "NOAG1201"}

// codeRE is what a code looks like. Anything else in its place is not repeated:
// it could be a sentence with the caller's data.
var codeRE = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)

// coded is the fault of a code of the vendor.
func (o Options) coded(code string) *fault.Error {
	reason, ok := o.Codes[code]
	if !ok {
		reason = fault.Unavailable
	}
	e := fault.New(reason, opSearch, "the provider refused the look-up")
	e.Code = "unknown"
	if codeRE.MatchString(code) {
		e.Code = code
	}
	return e
}
