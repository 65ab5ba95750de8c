package simulator

import "strings"

// Outcome is how the simulator treats one request.
type Outcome string

// The outcomes of the public contract, section 9.
const (
	Success       Outcome = "success"
	Bounce        Outcome = "bounce" // an SMS: undelivered
	Complaint     Outcome = "complaint"
	Reject        Outcome = "reject"
	Throttle      Outcome = "throttle" // once per recipient, then success
	Error         Outcome = "error"
	Timeout       Outcome = "timeout" // no answer until the client gives up
	Drop          Outcome = "drop"    // accepted, then cut before the answer
	Slow          Outcome = "slow"    // two seconds, then success
	NotFound      Outcome = "not_found"
	NotRegistered Outcome = "not_registered"
	Closed        Outcome = "closed"
	Suspended     Outcome = "suspended"
)

// OfEmail reads the outcome from a local part, with or without a +tag.
func OfEmail(address string) Outcome {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	switch outcome := Outcome(local); outcome {
	case Bounce, Complaint, Reject, Throttle, Error, Timeout, Drop, Slow:
		return outcome
	default:
		return Success
	}
}

// OfPhone reads the outcome from a number in any spelling.
func OfPhone(number string) Outcome {
	digits := onlyDigits(number)
	if rest, ok := strings.CutPrefix(digits, "82"); ok {
		digits = "0" + strings.TrimPrefix(rest, "0")
	}
	last, ok := strings.CutPrefix(digits, "0100000000")
	if !ok || len(last) != 1 {
		return Success
	}
	return map[string]Outcome{
		"1": Bounce, "2": Reject, "3": Throttle, "4": Error, "5": Timeout, "6": Drop, "7": Slow,
	}[last].orSuccess()
}

// OfBusiness reads the outcome from a business registration number.
func OfBusiness(number string) Outcome {
	last, ok := strings.CutPrefix(onlyDigits(number), "10181900")
	if !ok || len(last) != 2 {
		return Success
	}
	return map[string]Outcome{
		"03": Throttle, "04": Error, "05": Timeout, "06": Drop, "07": Slow,
		"08": NotRegistered, "09": Closed, "10": Suspended,
	}[last].orSuccess()
}

// OfKeyword reads the outcome from an address keyword.
func OfKeyword(keyword string) Outcome {
	for word, outcome := range map[string]Outcome{
		"모의제한": Throttle, "모의오류": Error, "모의지연초과": Timeout, "모의절단": Drop, "모의느림": Slow, "모의없음": NotFound,
	} {
		if strings.Contains(keyword, word) {
			return outcome
		}
	}
	return Success
}

func (o Outcome) orSuccess() Outcome {
	if o == "" {
		return Success
	}
	return o
}

func onlyDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
