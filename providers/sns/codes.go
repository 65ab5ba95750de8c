package sns

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// meaning is what a vendor's code comes to.
type meaning struct {
	reason fault.Reason
	says   string
}

var (
	slowDown = meaning{fault.RateLimited, "the vendor asks to slow down"}
	noAccess = meaning{fault.Unauthorized, "the access key lacks a permission"}
	wrongKey = meaning{fault.Unauthorized, "the vendor does not accept the access key"}
	refusal  = meaning{fault.Refused, "the vendor refused the number or the text"}
	failure  = meaning{fault.Unavailable, "the vendor failed"}
)

// errorCodes are the Code of error answers, without the "Exception" that some of
// them end in. The status tells less: throttling arrives as 400.
var errorCodes = map[string]meaning{
	"Throttling":                 slowDown,
	"Throttled":                  slowDown,
	"TooManyRequests":            slowDown,
	"RequestLimitExceeded":       slowDown,
	"RequestThrottled":           slowDown,
	"SlowDown":                   slowDown,
	"KMSThrottling":              slowDown,
	"AuthorizationError":         noAccess,
	"AccessDenied":               noAccess,
	"KMSAccessDenied":            noAccess,
	"OptInRequired":              noAccess,
	"InvalidSecurity":            wrongKey,
	"SignatureDoesNotMatch":      wrongKey,
	"InvalidClientTokenId":       wrongKey,
	"UnrecognizedClient":         wrongKey,
	"MissingAuthenticationToken": wrongKey,
	"IncompleteSignature":        wrongKey,
	"ExpiredToken":               wrongKey,
	// The SDK has taken the vendor's time from this answer: the next call is
	// signed by it.
	"RequestExpired":              {fault.Unavailable, "this machine's clock is off; the next call is signed by the vendor's"},
	"RequestTimeTooSkewed":        {fault.Unavailable, "this machine's clock is off; the next call is signed by the vendor's"},
	"InvalidParameter":            refusal,
	"InvalidParameterValue":       refusal,
	"ParameterValueInvalid":       refusal,
	"Validation":                  refusal,
	"ValidationError":             refusal,
	"MissingParameter":            refusal,
	"UserError":                   refusal,
	"EndpointDisabled":            refusal,
	"NotFound":                    refusal,
	"OptedOut":                    {fault.Refused, "the recipient opted out"},
	"PlatformApplicationDisabled": refusal,
	"QuotaExceeded":               {fault.QuotaExhausted, "the account's spending limit is used up"},
	"InternalError":               failure,
	"InternalFailure":             failure,
	"ServiceUnavailable":          failure,
	"InvalidAction":               {fault.Unavailable, "the vendor has no such resource; check the URL and the region"},
}

// statuses are for answers whose code says nothing.
var statuses = map[int]meaning{
	http.StatusBadRequest:            refusal,
	http.StatusUnauthorized:          wrongKey,
	http.StatusForbidden:             wrongKey,
	http.StatusRequestEntityTooLarge: refusal,
	http.StatusTooManyRequests:       slowDown,
	// A gateway lost the vendor's answer; the vendor may have acted.
	http.StatusBadGateway:     {fault.UnknownOutcome, "a gateway of the vendor lost the answer"},
	http.StatusGatewayTimeout: {fault.UnknownOutcome, "a gateway of the vendor lost the answer"},
}

// judge turns an error of the SDK into a fault. What happened on the wire rules:
// the SDK hides a lost answer behind the end of the context.
func judge(endpoint string, client *providers.HTTPClient, made *providers.SDKCall, err error) error {
	if made.Err != nil {
		return made.Err
	}
	switch status := made.Answer.Status; {
	case status == 0 && errorsOfContext(err):
		return &fault.Error{Reason: fault.Of(err), Op: endpoint, Message: "the call ended before it began"}
	case status == 0:
		return fault.New(fault.Internal, endpoint, "the SDK could not build the request")
	case status < 300:
		return client.Unreadable(endpoint, errors.New("not the documented XML"))
	default:
		return answerFault(endpoint, made.Answer, err, client)
	}
}

func answerFault(endpoint string, answer providers.HTTPAnswer, err error, client *providers.HTTPClient) error {
	code := strconv.Itoa(answer.Status)
	m, known := statuses[answer.Status]
	if !known {
		m = failure
	}
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		// An unknown code is not repeated: it may quote the request.
		if found, ok := errorCodes[strings.TrimSuffix(said.ErrorCode(), "Exception")]; ok {
			m, code = found, said.ErrorCode()
		}
	}
	if m.reason == fault.UnknownOutcome {
		return client.Unreadable(endpoint, errors.New(m.says))
	}
	e := &fault.Error{Reason: m.reason, Op: endpoint, Code: code, Message: m.says}
	if m.reason == fault.RateLimited || m.reason == fault.Unavailable {
		e.RetryAfter = providers.RetryAfter(answer.Header, time.Now())
	}
	return e
}

func errorsOfContext(err error) bool {
	reason := fault.Of(err)
	return reason == fault.Cancelled || reason == fault.Timeout
}
