package handlers

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/providers"
)

// verification is one question on its way to an answer.
type verification struct {
	pinned  string
	request providers.Company
	warning string

	register string // provider that decides, "" for none
	serves   bool   // it can answer this request
	further  string // provider that is to be asked for more; "" when the answer is whole

	result   providers.BusinessResult
	provider string // that was called for the answer; "" when nobody was
	live     bool   // a provider was called
	err      error
}

func (h *Business) verification(body *command.Business) *verification {
	// The decoder has accepted the number.
	digits, _ := command.RegistrationNumber(body.RegistrationNumber)
	v := &verification{pinned: body.Provider, register: h.options.Register()}
	v.request = providers.Company{
		RegistrationNumber: digits, Representative: providers.CleanText(body.Representative), OpenedOn: body.OpenedOn,
	}
	v.serves = v.register != "" && h.lookups().Serves(v.register, v.request)
	if !command.ChecksumOK(digits) {
		v.warning = "the check digit of the registration number does not fit"
	}
	return v
}

// take takes the first answer, and says whether the register is to be asked for
// the rest: it alone knows whether a company is active, and it settles what the
// other register cannot say of a representative.
func (v *verification) take(found providers.Found) {
	v.err, v.provider, v.live, v.further = found.Err, found.Provider, !found.Cached, ""
	if found.Err != nil {
		return
	}
	v.result, v.err = read[providers.BusinessResult](found.Result)
	if found.Cached {
		v.result.Mark(providers.FromCache, found.Stale)
		v.provider = ""
	}
	open := v.result.Outcome == providers.BusinessFound || v.result.Outcome == providers.BusinessNotFound
	if v.err == nil && open && v.serves && v.pinned == "" && found.Provider != v.register {
		v.further = v.register
	}
}

// add completes the answer by what the register says. Without it, found and
// not_found stand.
func (v *verification) add(more providers.Found) {
	v.further = ""
	if more.Err != nil {
		return
	}
	decided, err := read[providers.BusinessResult](more.Result)
	if err != nil {
		return
	}
	if more.Cached {
		decided.Mark(providers.FromCache, more.Stale)
	}
	v.live = v.live || !more.Cached
	if v.provider == "" && !more.Cached {
		v.provider = more.Provider
	}
	first := v.result
	if first.Outcome == providers.BusinessNotFound {
		v.result = decided
		return
	}
	v.result.Outcome, v.result.Stale = decided.Outcome, first.Stale || decided.Stale
	to, from := &v.result.Company, decided.Company
	to.Status, to.TaxType, to.ClosedOn = from.Status, from.TaxType, from.ClosedOn
	if v.request.Representative != "" {
		v.result.Source = decided.Source // whose judgement it is
	}
	if decided.AsOf.Before(first.AsOf) {
		v.result.AsOf = decided.AsOf
	}
}

// byDefault completes a configured answer, which knows of no company.
func (v *verification) byDefault() {
	v.result.Mark(providers.FromDefault, false)
	v.result.AsOf = time.Now().UTC().Truncate(time.Second)
	v.result.Company.RegistrationNumber = v.request.RegistrationNumber
	v.provider, v.live, v.further = "", false, ""
}

func (v *verification) done(attempts []delivery.Attempt) delivery.Result {
	if v.err != nil {
		return delivery.Result{Err: v.err, Provider: v.provider, Attempts: attempts}
	}
	v.result.Warning = v.warning
	return completed(v.result, v.provider, attempts)
}

// review leaves the verification to a person.
func (v *verification) review(attempts []delivery.Attempt) delivery.Result {
	value, err := v.question()
	if err != nil {
		return delivery.Result{Err: err, Attempts: attempts}
	}
	return delivery.Result{Status: delivery.ManualReview, Err: v.err, Result: value, Provider: v.provider, Attempts: attempts}
}

// question is what the row keeps of what was asked, for whoever finds it out.
func (v *verification) question() (jsontext.Value, error) {
	var open openQuestion
	open.Requested.RegistrationNumber = v.request.RegistrationNumber
	open.Requested.Representative, open.Requested.OpenedOn = v.request.Representative, v.request.OpenedOn
	open.Warning = v.warning
	return encoded(open)
}

// openQuestion is the result of a verification in manual_review.
type openQuestion struct {
	Requested struct {
		RegistrationNumber string `json:"registration_number"`
		Representative     string `json:"representative,omitzero"`
		OpenedOn           string `json:"opened_on,omitzero"`
	} `json:"requested"`
	Warning string `json:"warning,omitzero"`
}
