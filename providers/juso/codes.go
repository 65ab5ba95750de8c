package juso

import (
	"regexp"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// code is what a code of the vendor means to us.
type code struct {
	reason  fault.Reason
	message string
}

// codes are the vendor's published codes. Those of the keyword are mistakes in
// the command, so they are invalid and not refused: the person has to type
// something else, and an operator need not look.
var codes = map[string]code{
	"-999":  {fault.Unavailable, "the address service failed"},
	"E0001": {fault.Unauthorized, "the address service does not accept the key"},
	"E0014": {fault.Unauthorized, "the key's development period is over"},
	"E0005": {fault.Invalid, "is missing, or nothing is left of it without special characters"},
	"E0006": {fault.Invalid, "is too vague: add a road, a district or a number"},
	"E0008": {fault.Invalid, "is too short: at least two characters are needed"},
	"E0009": {fault.Invalid, "has digits only: add a road or a district"},
	"E0010": {fault.Invalid, "is too long"},
	"E0011": {fault.Invalid, "contains a number of more than ten digits"},
	"E0012": {fault.Invalid, "has only digits and special characters: add a road or a district"},
	"E0013": {fault.Invalid, "contains characters or words that the address service refuses"},
	"E0015": {fault.Invalid, "finds too many addresses: add a road, a district or a number"},
}

var codeRE = regexp.MustCompile(`^-?[A-Z0-9]{1,8}$`)

// coded is the fault of a code other than "0".
func coded(text string) *fault.Error {
	known, ok := codes[text]
	switch {
	case ok && known.reason == fault.Invalid:
		return keywordFault(text)
	case !ok:
		known = code{fault.Unavailable, "the address service answered with an error"}
	}
	e := fault.New(known.reason, opSearch, "%s", known.message)
	e.Code = "unknown"
	if codeRE.MatchString(text) {
		e.Code = text
	}
	return e
}

// keywordFault is a mistake in the keyword. It does not repeat the keyword:
// people search for their own address.
func keywordFault(text string) *fault.Error {
	e := fault.InvalidField("keyword", "%s", codes[text].message)
	e.Op, e.Code = opSearch, text
	return e
}
