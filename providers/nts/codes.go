package nts

import (
	"errors"
	"regexp"
	"strconv"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// CodeMissing is the code of an answer without the number that was asked for.
const CodeMissing = "missing_in_answer"

// errMalformed marks a request that the vendor could not read.
var errMalformed = errors.New("the vendor calls the request malformed")

// gatewayCodes are the reasons of {code,msg}, the shape of the gateway before
// the service. HTTP statuses beside them differ (-4 was seen with 400, 401 and
// 200), so the code decides.
var gatewayCodes = map[int]fault.Reason{
	-1:   fault.Unavailable,    // internal error
	-2:   fault.Internal,       // parameters
	-3:   fault.Unauthorized,   // service is not registered for the key
	-4:   fault.Unauthorized,   // key is not registered, or not yet everywhere
	-9:   fault.Unavailable,    // service has ended
	-10:  fault.QuotaExhausted, // daily allowance
	-401: fault.Unauthorized,   // key is missing or not valid
}

// serviceCodes are the reasons of status_code.
var serviceCodes = map[string]fault.Reason{
	"BAD_JSON_REQUEST":       fault.Internal,
	"REQUEST_DATA_MALFORMED": fault.Internal,
	"TOO_LARGE_REQUEST":      fault.Internal, // never more than 100 are asked
	"INTERNAL_ERROR":         fault.Unavailable,
	"HTTP_ERROR":             fault.Unavailable,
}

var codeRE = regexp.MustCompile(`^[A-Z0-9_]{1,40}$`)

func gatewayFault(op string, code int, answer providers.HTTPAnswer) error {
	e := providers.StatusFault(op, answer)
	if reason, ok := gatewayCodes[code]; e.Reason != fault.RateLimited { // 429 is throttling whatever the code
		e.Reason = fault.Unavailable
		if ok {
			e.Reason = reason
		}
	}
	e.Code = strconv.Itoa(code)
	return described(e)
}

func serviceFault(op, code string, answer providers.HTTPAnswer) error {
	e := providers.StatusFault(op, answer)
	if reason, ok := serviceCodes[code]; ok {
		e.Reason = reason
	}
	if codeRE.MatchString(code) {
		e.Code = code
	}
	return described(e)
}

// described says what the vendor means in our words: its own sentences may
// repeat a key.
func described(e *fault.Error) error {
	switch e.Reason {
	case fault.Unauthorized:
		e.Message = "the National Tax Service does not accept the service key"
	case fault.QuotaExhausted:
		e.Message = "the daily allowance of the service key is used up"
	case fault.RateLimited:
		e.Message = "the National Tax Service asks us to slow down"
	case fault.Internal:
		e.Message, e.Err = "the National Tax Service cannot read the request", errMalformed
	default:
		e.Message = "the National Tax Service failed"
	}
	return e
}
