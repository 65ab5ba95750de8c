package nhncloud

import (
	"net/http"
	"strconv"
	"strings"
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

// apiCodes are the resultCode of requests, and of recipients within one.
var apiCodes = map[string]meaning{
	"4":     {fault.Refused, "the vendor finds a value malformed"},
	"-4":    {fault.Refused, "the vendor finds a value malformed"},
	"-1000": {fault.Unauthorized, "the app key or secret key is wrong"},
	"-1001": {fault.Unauthorized, "the app key does not exist"},
	"-1002": {fault.Unauthorized, "the service is disabled"},
	"-1003": {fault.Unauthorized, "the member is not of the project"},
	"-1004": {fault.Unauthorized, "this address may not call the vendor; allow it there"},
	"-1005": {fault.Internal, "the vendor finds the search malformed"},
	"-1006": {fault.Internal, "the vendor finds the message type malformed"},
	"-1007": {fault.Unauthorized, "the member may not send"},
	"-1008": {fault.Unauthorized, "the project is blocked at the vendor"},
	"-2000": {fault.Internal, "the vendor finds a date malformed"},
	"-2001": {fault.Refused, "the recipient is missing"},
	"-2008": {fault.NotFound, "the vendor has no request with this id"},
	"-2011": {fault.Internal, "the vendor finds the search malformed"},
	"-2012": {fault.Internal, "the vendor finds the search malformed"},
	"-2014": {fault.Refused, "title or text is missing"},
	"-2015": {fault.Refused, "title or text is too long"},
	"-2016": {fault.Internal, "there are more than 1,000 recipients"},
	"-2018": {fault.Refused, "the recipient's number is missing"},
	"-2019": {fault.Refused, "the recipient's number is malformed"},
	"-2021": {fault.Unavailable, "the vendor could not queue the message"},
	"-2023": {fault.Refused, "title or text has characters that Korean mobiles lack"},
	"-2024": {fault.Refused, "only SMS goes to numbers outside Korea"},
	"-2044": {fault.Refused, "the vendor does not send to the recipient's country"},
	"-2045": {fault.Refused, "sending outside Korea is blocked for this project"},
	"-2046": {fault.Refused, "the recipient's country is blocked for this project"},
	"-2047": {fault.QuotaExhausted, "the limit for numbers outside Korea is used up"},
	"-2048": {fault.Refused, "the text is too long for a number outside Korea"},
	"-2051": {fault.Refused, "sending to the recipient's country is blocked for its conversion rate"},
	"-2052": {fault.QuotaExhausted, "the organisation's messages of this month are used up; ask the vendor for more"},
	"-2053": {fault.QuotaExhausted, "the messages of this day to the recipient's country are used up"},
	"-2312": {fault.Unauthorized, "the sender number is not registered with the vendor"},
	"-2313": {fault.Unauthorized, "the sender number is blocked at the vendor"},
	"-4000": {fault.Internal, "the search spans more than a month"},
	"-6000": {fault.Unauthorized, "the project has no 080 opt-out number, which advertising needs"},
	"-6001": {fault.Refused, "the recipient opted out by the 080 number"},
	"-6003": {fault.Refused, "the advertisement lacks the opt-out line"},
	"-6004": {fault.Unauthorized, "the 080 opt-out number in the text is not the project's"},
	"-8000": {fault.Refused, "an authentication message has to say that it is one"},
	"-9995": {fault.Unavailable, "the vendor does not know the API version; check the URL"},
	"-9996": {fault.Internal, "the vendor wants another content type"},
	"-9997": {fault.Internal, "the vendor cannot read the request"},
	"-9998": {fault.Unavailable, "the vendor has no such resource; check the URL"},
	"-9999": {fault.Unavailable, "the vendor failed"},
}

// stoppedStates are the msgStatus of messages that were never given to a
// carrier. The others: 0 failed, 1 requested, 2 being processed, 3 delivered,
// 7 waiting for the hours in which advertising may be sent.
var stoppedStates = map[string]meaning{
	"4": {fault.Refused, "the vendor cancelled the message"},
	"5": {fault.Refused, "the vendor takes the message for a duplicate"},
	"6": {fault.Refused, "the vendor stopped the advertisement"},
}

// carrierCodes are results of carriers (1000 is delivered) that a later attempt
// may not meet again; every other one is a refusal.
var carrierCodes = map[string]fault.Reason{
	"1001": fault.Unavailable, "1019": fault.Timeout, "2000": fault.Timeout, "2001": fault.Unavailable, "2002": fault.Unavailable,
	"2003": fault.Unavailable, "2004": fault.Unavailable, "2005": fault.Unavailable, "2007": fault.Unavailable, "3004": fault.Unavailable,
	"3005": fault.Unavailable, "3008": fault.Unavailable, "3011": fault.Unavailable, "3015": fault.Unavailable,
	"1003": fault.Unauthorized, "3017": fault.Unauthorized, "3018": fault.Unauthorized, "3019": fault.Unauthorized, // the sender number
	"4004": fault.Unavailable, "4006": fault.Unavailable, "4007": fault.Unavailable, "4009": fault.Unavailable, "E900": fault.Unavailable, "E999": fault.Unavailable,
}

// State returns what msgStatus and the carrier's resultCode say about delivery:
// sent while there is no result, delivered, or undelivered with a reason. The
// words of webhooks (COMPLETED, FAILED, CANCEL, DUPLICATED, FAILED_AD) are
// understood too.
func State(status, result string) (delivery.Status, fault.Reason) {
	switch status {
	case "3", "COMPLETED":
		return delivery.Delivered, fault.None
	case "0", "FAILED", "4", "5", "6", "CANCEL", "DUPLICATED", "FAILED_AD":
		if reason, ok := carrierCodes[result]; ok {
			return delivery.Undelivered, reason
		}
		return delivery.Undelivered, fault.Refused
	}
	return delivery.Sent, fault.None
}

// codeFault is the fault of a request or a recipient that was not taken.
func codeFault(endpoint, code string) error {
	m, known := apiCodes[code]
	if !known {
		m = meaning{fault.Refused, "the vendor refused the message"}
		if _, err := strconv.Atoi(code); err != nil || len(code) > 6 {
			code = "" // no code of the vendor's: it may quote anything
		}
	}
	return &fault.Error{Reason: m.reason, Op: endpoint, Code: code, Message: m.says}
}

// httpFault is the fault of an answer other than 200, which the documents of the
// API do not mention: it comes from a gateway before the service. sends says that
// the call would have reached a person.
func httpFault(endpoint string, answer providers.HTTPAnswer, now time.Time, sends bool) error {
	m := meaning{fault.Unavailable, "the vendor failed"}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		m = meaning{fault.Unauthorized, "the vendor does not accept the keys"}
	case http.StatusTooManyRequests:
		m = meaning{fault.RateLimited, "the vendor asks to slow down"}
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		m = meaning{fault.Refused, "the vendor finds the request malformed"}
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		// A gateway lost the vendor's answer; the vendor may have acted.
		if sends {
			m = meaning{fault.UnknownOutcome, "a gateway of the vendor lost the answer"}
		}
	}
	e := &fault.Error{Reason: m.reason, Op: endpoint, Code: strconv.Itoa(answer.Status), Message: m.says}
	if m.reason == fault.RateLimited || m.reason == fault.Unavailable {
		e.RetryAfter = providers.RetryAfter(answer.Header, now)
	}
	// Some errors of the service itself have another status with the usual body.
	if result, ok, err := parseHeader(answer.Body); err == nil && !ok && strings.HasPrefix(result, "-") {
		if known, found := apiCodes[result]; found {
			e.Reason, e.Code, e.Message = known.reason, result, known.says
		}
	}
	return e
}
