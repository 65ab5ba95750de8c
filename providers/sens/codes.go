package sens

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// meaning is what a vendor's code comes to.
type meaning struct {
	reason fault.Reason
	says   string
}

// gatewayCodes are error.errorCode of the API gateway before the service.
var gatewayCodes = map[string]meaning{
	"100": {fault.Refused, "the vendor finds the request malformed"},
	"200": {fault.Unauthorized, "a key is wrong, or this machine's clock is more than five minutes off"},
	"210": {fault.Unauthorized, "the key lacks a permission"},
	"300": {fault.Unauthorized, "the service id does not exist or is not the key's"},
	"400": {fault.QuotaExhausted, "the calls that the vendor allows are used up"},
	"410": {fault.RateLimited, "the vendor asks to slow down"},
	"420": {fault.RateLimited, "the vendor asks to slow down"},
	"430": {fault.Refused, "the request is too large"},
	"500": {fault.Unavailable, "the vendor's gateway cannot reach the service"},
	// The gateway waited for the service in vain, which may have acted.
	"510": {fault.UnknownOutcome, "the vendor's gateway got no answer from the service"},
	"900": {fault.Unavailable, "the vendor failed"},
}

// statuses are the meanings of answers of the service itself.
var statuses = map[int]meaning{
	http.StatusBadRequest:            {fault.Refused, "the vendor finds the request malformed"},
	http.StatusUnauthorized:          gatewayCodes["200"],
	http.StatusPaymentRequired:       {fault.QuotaExhausted, "the account cannot pay"},
	http.StatusForbidden:             gatewayCodes["210"],
	http.StatusNotFound:              gatewayCodes["300"],
	http.StatusRequestEntityTooLarge: gatewayCodes["430"],
	http.StatusUnprocessableEntity:   {fault.Refused, "the vendor finds the request malformed"},
	http.StatusTooManyRequests:       gatewayCodes["420"],
	http.StatusBadGateway:            gatewayCodes["510"],
	http.StatusGatewayTimeout:        gatewayCodes["510"],
}

// carrierCodes are results of carriers ("0" is delivered) that a later attempt
// may not meet again; every other one is a refusal. They are the codes that all
// Korean carriers use; the vendor's own table was not at hand.
var carrierCodes = map[string]fault.Reason{
	"1001": fault.Unavailable, "2000": fault.Timeout, "2001": fault.Unavailable, "2002": fault.Unavailable, "2003": fault.Unavailable,
	"2004": fault.Unavailable, "2005": fault.Unavailable, "2007": fault.Unavailable, "3004": fault.Unavailable, "3005": fault.Unavailable,
	"3008": fault.Unavailable, "3011": fault.Unavailable, "3015": fault.Unavailable,
	"1003": fault.Unauthorized, "3017": fault.Unauthorized, "3018": fault.Unauthorized, "3019": fault.Unauthorized, "3023": fault.Unauthorized, // the sender number
}

// State returns what a message's status and statusCode say about delivery: sent
// until it is COMPLETED, then delivered, or undelivered with a reason.
func State(status, code string) (delivery.Status, fault.Reason) {
	switch {
	case status != "COMPLETED" || code == "":
		return delivery.Sent, fault.None
	case code == "0":
		return delivery.Delivered, fault.None
	}
	if reason, ok := carrierCodes[code]; ok {
		return delivery.Undelivered, reason
	}
	return delivery.Undelivered, fault.Refused
}

// refused is the fault of a request that was answered and not taken.
func refused(endpoint, code string) error {
	if _, err := strconv.Atoi(code); err != nil || len(code) > 6 {
		code = "" // no code of the vendor's: it may quote anything
	}
	return &fault.Error{Reason: fault.Refused, Op: endpoint, Code: code, Message: "the vendor refused the message"}
}

// httpFault is the fault of an answer other than 200 and 202. sends says that
// the call would have reached a person.
func httpFault(endpoint string, answer providers.HTTPAnswer, now time.Time, sends bool) error {
	code := strconv.Itoa(answer.Status)
	m, known := statuses[answer.Status]
	if !known {
		m = meaning{fault.Unavailable, "the vendor failed"}
	}
	if gateway, ok := gatewayCodes[gatewayCode(answer.Body)]; ok {
		m, code = gateway, code+"/"+gatewayCode(answer.Body)
	}
	if m.reason == fault.UnknownOutcome && !sends {
		m.reason = fault.Unavailable
	}
	e := &fault.Error{Reason: m.reason, Op: endpoint, Code: code, Message: m.says}
	if m.reason == fault.RateLimited || m.reason == fault.Unavailable {
		e.RetryAfter = providers.RetryAfter(answer.Header, now)
	}
	return e
}

// gatewayCode reads the code of the API gateway, "" when the service itself
// answered. It is a number in some answers and a string in others.
func gatewayCode(body []byte) string {
	var answer struct {
		Error struct {
			Code number `json:"errorCode"`
		} `json:"error"`
	}
	if providers.Decode(body, &answer) != nil {
		return ""
	}
	return string(answer.Error.Code)
}
