package solapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

var errNoList = errors.New("the answer has no message list")

// meaning is what a vendor's code comes to.
type meaning struct {
	reason fault.Reason
	says   string
}

// httpCodes are the errorCode words of answers other than 200.
var httpCodes = map[string]meaning{
	"ValidationError":       {fault.Refused, "the vendor finds the request malformed"},
	"BadRequest":            {fault.Refused, "the vendor finds the request malformed"},
	"NotEnoughBalance":      {fault.QuotaExhausted, "the account's balance is used up; charge it"},
	"InvalidAPIKey":         {fault.Unauthorized, "the vendor does not know the API key"},
	"SignatureDoesNotMatch": {fault.Unauthorized, "the API secret is wrong"},
	"RequestTimeTooSkewed":  {fault.Unauthorized, "this machine's clock is more than 15 minutes off; correct it"},
	"Unauthorized":          {fault.Unauthorized, "the API key lacks a permission"},
	"Forbidden":             {fault.Unauthorized, "the API key lacks a permission, or this address is not allowed"},
	"ResourceNotFound":      {fault.Unavailable, "the vendor has no such resource; check the URL"},
	"TooManyRequests":       {fault.RateLimited, "the vendor asks to slow down"},
	"RequestLimitExceeded":  {fault.RateLimited, "the vendor asks to slow down"},
	"GroupInProcessing":     {fault.Unavailable, "the group is being worked on"},
	"InternalError":         {fault.Unavailable, "the vendor failed"},
	"ServerError":           {fault.Unavailable, "the vendor failed"},
	// Date and salt are new in every call, so a signature that was seen before
	// means that something repeated this very request: its first copy counted.
	"DuplicatedSignature": {fault.UnknownOutcome, "the same request had arrived before"},
}

// statusCodes are the four digits that describe a message: 1xxx refused at
// intake, 2xxx the platform, 3xxx the carrier, of which 3000 waits for its
// report, and 4000 delivered.
var statusCodes = map[string]meaning{
	"1010": {fault.Refused, "a required value is missing"},
	"1011": {fault.Refused, "a value is malformed"},
	"1013": {fault.Refused, "an SMS takes no subject"},
	"1014": {fault.Refused, "the subject is longer than 40 bytes"},
	"1020": {fault.Unauthorized, "the vendor does not know the account"},
	"1024": {fault.Unavailable, "the vendor failed"},
	"1025": {fault.Refused, "the message type is unknown"},
	"1026": {fault.Refused, "the recipient is named twice"},
	"1027": {fault.Refused, "the text is not UTF-8"},
	"1028": {fault.Refused, "the text has unprintable characters"},
	"1029": {fault.Refused, "the text has characters that Korean mobiles lack"},
	"1030": {fault.QuotaExhausted, "the account's balance is used up; charge it"},
	"1031": {fault.Refused, "the text is too long"},
	"1032": {fault.Refused, "a custom field is malformed"},
	"1058": {fault.Unavailable, "the vendor has no route to the recipient"},
	"1060": {fault.Refused, "the recipient is blocked at the vendor"},
	"1061": {fault.Refused, "the recipient opted out by the 080 number"},
	"1062": {fault.Unauthorized, "the sender number is not registered with the vendor"},
	"1064": {fault.Unauthorized, "the sender is blocked after a report to KISA"},
	"2011": {fault.Refused, "a value is malformed"},
	"2024": {fault.Unavailable, "the vendor failed"},
	"2060": {fault.Refused, "the recipient is blocked at the vendor"},
	"2061": {fault.Refused, "the recipient opted out by the 080 number"},
	"2062": {fault.Unauthorized, "the sender number is not registered with the vendor"},
	"2063": {fault.Unauthorized, "the account is blocked"},
	"2064": {fault.Unauthorized, "the sender is blocked after a report to KISA"},
	"2230": {fault.QuotaExhausted, "the account's balance is used up; charge it"},
	"2254": {fault.Refused, "the vendor takes the text for spam"},
	"3010": {fault.Refused, "the number is malformed"},
	"3012": {fault.Unavailable, "the vendor's upstream failed"},
	"3013": {fault.Unauthorized, "the sender number breaks the rules against forged senders"},
	"3014": {fault.Unavailable, "the carrier reports no known state"},
	"3024": {fault.Unavailable, "the carrier failed"},
	"3032": {fault.Refused, "the number has no subscriber"},
	"3040": {fault.Timeout, "the carrier gave up in time"},
	"3041": {fault.Unavailable, "the mobile was busy"},
	"3042": {fault.Unavailable, "the mobile had no signal"},
	"3043": {fault.Unavailable, "the mobile was off"},
	"3044": {fault.Unavailable, "the mobile's memory was full"},
	"3045": {fault.Unavailable, "the subscriber is suspended for a time"},
	"3047": {fault.Refused, "the recipient refuses messages"},
	"3050": {fault.Refused, "the device takes no SMS"},
	"3053": {fault.Unavailable, "the carrier's queue was full"},
	"3054": {fault.Refused, "the carrier takes the text for spam"},
	"3055": {fault.Refused, "the carrier takes the text for spam"},
	"3056": {fault.Unavailable, "the mobile network failed"},
	"3057": {fault.Unavailable, "the mobile network failed"},
	"3058": {fault.Unavailable, "there is no route to the recipient"},
	"3059": {fault.Unauthorized, "the carrier takes the sender number for forged"},
}

// State returns what a message's status code says about its delivery: sent while
// the carrier has not reported, delivered, or undelivered with a reason.
func State(code string) (delivery.Status, fault.Reason) {
	switch {
	case code == "4000":
		return delivery.Delivered, fault.None
	case code == "2000" || code == "3000" || len(code) != 4 || !strings.Contains("123", code[:1]):
		return delivery.Sent, fault.None
	}
	return delivery.Undelivered, ofStatus(code).reason
}

// refusedAtIntake reports codes of messages that the vendor did not take.
func refusedAtIntake(code string) bool { return len(code) == 4 && code[0] == '1' }

func ofStatus(code string) meaning {
	if known, ok := statusCodes[code]; ok {
		return known
	}
	return meaning{fault.Refused, "the vendor refused the message"}
}

// statusFault is the fault of a message that was not taken.
func statusFault(endpoint, code string) error {
	m := ofStatus(code)
	if len(code) != 4 {
		code = "" // no code of the vendor's: it may quote anything
	}
	return &fault.Error{Reason: m.reason, Op: endpoint, Code: code, Message: m.says}
}

// httpFault is the fault of an answer other than 200. sends says that the call
// would have reached a person.
func httpFault(endpoint string, answer providers.HTTPAnswer, now time.Time, sends bool) error {
	code, m := errorCode(answer.Body)
	if code == "" {
		code, m = strconv.Itoa(answer.Status), byStatus(answer.Status)
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

func byStatus(status int) meaning {
	switch status {
	case http.StatusPaymentRequired:
		return httpCodes["NotEnoughBalance"]
	case http.StatusUnauthorized, http.StatusForbidden:
		return meaning{fault.Unauthorized, "the vendor does not accept the API key"}
	case http.StatusTooManyRequests:
		return httpCodes["TooManyRequests"]
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return httpCodes["ValidationError"]
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		// A gateway lost the vendor's answer; the vendor may have acted.
		return meaning{fault.UnknownOutcome, "a gateway of the vendor lost the answer"}
	}
	return meaning{fault.Unavailable, "the vendor failed"}
}

// errorCode reads the vendor's word of an error answer; "" when it is none that
// is known, because it may then quote the request.
func errorCode(body []byte) (string, meaning) {
	var answer struct {
		Code string `json:"errorCode"`
	}
	if providers.Decode(body, &answer) != nil {
		return "", meaning{}
	}
	for _, table := range []map[string]meaning{httpCodes, statusCodes} {
		if m, known := table[answer.Code]; known {
			return answer.Code, m
		}
	}
	return "", meaning{}
}
