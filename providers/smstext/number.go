// Package smstext is what every SMS driver and the SMS handler share about
// numbers and text: which numbers may receive a message, the encoding and the
// lengths of Korean carriers and of GSM networks, and what Korean law demands of
// advertising. Everything here is a pure function.
package smstext

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// korea is the country calling code of South Korea.
const korea = "82"

// NumberRules widen what [ParseNumber] accepts; the zero value is mobiles only.
type NumberRules struct {
	// Virtual allows 0303 safe numbers and 050x personal numbers. They forward
	// calls; whether a message arrives depends on the carrier behind them.
	Virtual bool
}

// ParseNumber reads a phone number in any usual spelling, Korean unless it
// begins with +, and returns it in E.164 (+821012345678). Only numbers that can
// receive a message pass. The error is an invalid fault on the field "to"; it
// never shows the number.
func ParseNumber(text string, rules NumberRules) (string, error) {
	// The library turns letters into keypad digits and reads "ext. 5": a typing
	// error would become somebody's number.
	if strings.IndexFunc(text, unicode.IsLetter) >= 0 {
		return "", invalidNumber("has letters in it")
	}
	number, err := phonenumbers.Parse(text, "KR")
	if err != nil {
		return "", invalidNumber("cannot be read")
	}
	if number.GetExtension() != "" {
		return "", invalidNumber("has an extension")
	}
	if number.GetCountryCode() != 82 {
		return foreign(number)
	}
	national := "0" + phonenumbers.GetNationalSignificantNumber(number)
	if virtual(national) {
		if !rules.Virtual {
			return "", invalidNumber("is a safe or personal number (0303, 050x), which this installation does not allow")
		}
		return "+" + korea + national[1:], nil
	}
	// The library takes the ten digits of an old subscriber number for valid, but
	// every 010 number has had eleven since 2004.
	if strings.HasPrefix(national, "010") && len(national) != 11 {
		return "", invalidNumber("has %d digits; a number that begins with 010 has 11", len(national))
	}
	if !phonenumbers.IsValidNumber(number) {
		return "", invalidNumber("is not assigned to anybody")
	}
	if kind := phonenumbers.GetNumberType(number); kind != phonenumbers.MOBILE {
		return "", invalidNumber("is %s, which receives no messages", describe(kind))
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}

// Domestic returns an E.164 number of South Korea as Korean gateways want it:
// digits with the leading zero (01012345678). It returns "" for other numbers.
func Domestic(e164 string) string {
	country, national := Split(e164)
	if country != korea {
		return ""
	}
	return national
}

// Split parts an E.164 number into its country calling code and the digits that
// gateways want beside one: for South Korea with the leading zero, elsewhere the
// national significant number. Both are "" when it is no such number.
func Split(e164 string) (country, national string) {
	if rest, ok := strings.CutPrefix(e164, "+"+korea); ok && len(rest) >= 7 && digits(rest) == rest {
		return korea, "0" + rest
	}
	number, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return "", ""
	}
	national = phonenumbers.GetNationalSignificantNumber(number)
	return digits(strings.TrimSuffix(phonenumbers.Format(number, phonenumbers.E164), national)), national
}

// Sender returns a sender number as Korean gateways have it registered: digits
// only, with the leading zero.
func Sender(number string) string {
	if strings.HasPrefix(strings.TrimSpace(number), "+"+korea) {
		return "0" + strings.TrimPrefix(digits(number), korea)
	}
	return digits(number)
}

// foreign accepts a number of another country that may be a mobile: in North
// America nothing tells mobiles from fixed lines.
func foreign(number *phonenumbers.PhoneNumber) (string, error) {
	if !phonenumbers.IsValidNumber(number) {
		return "", invalidNumber("is not assigned to anybody in its country")
	}
	switch kind := phonenumbers.GetNumberType(number); kind {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return phonenumbers.Format(number, phonenumbers.E164), nil
	default:
		return "", invalidNumber("is %s, which receives no messages", describe(kind))
	}
}

// virtual reports 0303 and 050x numbers. The library calls the former invalid.
func virtual(national string) bool {
	if len(national) != 11 && len(national) != 12 {
		return false
	}
	return strings.HasPrefix(national, "0303") || (strings.HasPrefix(national, "050") && national[3] >= '2')
}

func describe(kind phonenumbers.PhoneNumberType) string {
	switch kind {
	case phonenumbers.FIXED_LINE:
		return "a fixed line"
	case phonenumbers.VOIP:
		return "an internet telephone"
	case phonenumbers.TOLL_FREE:
		return "a toll-free number"
	case phonenumbers.UAN:
		return "a company's service number"
	case phonenumbers.PREMIUM_RATE:
		return "a premium-rate number"
	case phonenumbers.PAGER:
		return "a pager"
	default:
		return "no mobile"
	}
}

func invalidNumber(why string, args ...any) error {
	return fault.InvalidField("to", "the number "+why+"; give a mobile number such as 010-xxxx-xxxx", args...)
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
