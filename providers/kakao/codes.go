package kakao

import (
	"net/http"
	"regexp"
	"strconv"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// codes are the reasons of {code,msg}, from the vendor's list of error codes.
// HTTP statuses beside them are mostly 400, so the code decides.
var codes = map[int]fault.Reason{
	-1:    fault.Unavailable,    // internal error
	-2:    fault.Invalid,        // a parameter: the keyword is the only one that is not ours
	-3:    fault.Unauthorized,   // feature is not switched on
	-4:    fault.Unauthorized,   // account is restricted
	-5:    fault.Unauthorized,   // app has no permission
	-6:    fault.Unauthorized,   // not allowed by the service
	-7:    fault.Unavailable,    // maintenance
	-8:    fault.Internal,       // header
	-9:    fault.Unavailable,    // the call has been ended
	-10:   fault.QuotaExhausted, // allowance
	-11:   fault.QuotaExhausted, // daily or monthly amount of a paid call
	-12:   fault.Unauthorized,   // app or developer is restricted
	-401:  fault.Unauthorized,   // key
	-603:  fault.Unavailable,    // time-out inside the platform
	-903:  fault.Unauthorized,   // key of an unknown developer
	-9798: fault.Unavailable,    // maintenance
}

// errorTypes are the reasons of the other shape, {errorType,message}.
var errorTypes = map[string]fault.Reason{
	"AccessDeniedError": fault.Unauthorized,
	"MissingParameter":  fault.Invalid,
	"InvalidArgument":   fault.Invalid,
	"RequestThrottled":  fault.RateLimited,
}

var typeRE = regexp.MustCompile(`^[A-Za-z]{1,40}$`)

// refusal is an error in either of the vendor's shapes. Its sentence is not
// read: it repeats the key.
type refusal struct {
	Code *int                 `json:"code"`
	Type providers.VendorText `json:"errorType"`
}

// refused judges an answer that is no success. 429 is throttling whatever the
// code says: -10 is then a short-term limit, not the allowance.
func refused(answer providers.HTTPAnswer) *fault.Error {
	e := providers.StatusFault(opSearch, answer)
	var got refusal
	if providers.DecodeAnswer(answer.Body, &got) != nil {
		return e
	}
	reason, known := fault.None, false
	switch {
	case got.Code != nil && *got.Code != 0:
		reason, known = codes[*got.Code]
		e.Code = strconv.Itoa(*got.Code)
	case typeRE.MatchString(string(got.Type)):
		reason, known = errorTypes[string(got.Type)]
		e.Code = string(got.Type)
	}
	if answer.Status == http.StatusTooManyRequests || !known {
		return e
	}
	if reason == fault.Invalid {
		return keywordFault(e.Code)
	}
	e.Reason, e.Message = reason, messages[reason]
	return e
}

var messages = map[fault.Reason]string{
	fault.Unauthorized:   "the address service does not accept the key, or the app may not use it",
	fault.QuotaExhausted: "the allowance of the app is used up",
	fault.RateLimited:    "the address service asks us to slow down",
	fault.Unavailable:    "the address service failed",
	fault.Internal:       "the address service cannot read the request",
}
