// Package nts asks the National Tax Service (국세청) for the state of a business
// registration, or whether number, opening date and representative belong
// together. It is the register that decides active, suspended, closed and not
// registered. Look-ups that come close together share one call.
package nts

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Source is the word for this register in results.
const Source = "nts"

// MostNumbers is how many registrations the vendor takes in one call.
const MostNumbers = 100

const (
	opStatus   = "status"
	opValidate = "validate"
)

// Provider is one configured key. Its methods may be called by many goroutines
// at once.
type Provider struct {
	options  Options
	client   *providers.HTTPClient
	status   *batcher[string, statusItem]
	validate *batcher[person, validItem]
}

// New returns a provider; zero options take their defaults. It calls nobody.
func New(options Options) (*Provider, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Provider{options: options, client: providers.NewHTTPClient(false, options.Conns)}
	p.status = newBatcher(opStatus, options, p.askStatus)
	p.validate = newBatcher(opValidate, options, p.askValidate)
	return p, nil
}

// Name implements [providers.Provider].
func (p *Provider) Name() string { return p.options.Name }

// Serves reports whether the vendor can answer: it compares a representative
// only together with the opening date.
func (p *Provider) Serves(request providers.Company) bool {
	return request.Representative == "" || request.OpenedOn != ""
}

// Do looks a registration up. The result is a [providers.BusinessResult] with
// outcome active, suspended, closed or not_registered; with a representative it
// is match or mismatch, and a mismatch does not say which of the three facts
// differs. The call may be shared with other callers; the exchange then shows
// only this caller's part of it.
func (p *Provider) Do(ctx context.Context, call providers.Call[providers.Company]) (providers.Answer, error) {
	request := call.Request
	result := providers.BusinessResult{Source: Source, AsOf: p.options.Now().UTC().Truncate(time.Second)}
	result.Company.RegistrationNumber = request.RegistrationNumber
	if !tenDigits(request.RegistrationNumber) {
		return providers.Answer{}, invalid("registration_number", "must be ten digits")
	}
	if request.Representative == "" {
		item, err := p.status.do(ctx, request.RegistrationNumber)
		if err != nil {
			return providers.Answer{}, err
		}
		if result.Outcome, err = item.outcome(); err != nil {
			return providers.Answer{}, p.client.Unreadable(opStatus, err)
		}
		item.fill(&result.Company)
		return providers.LookupAnswer(opStatus, result)
	}
	who, err := personOf(request)
	if err != nil {
		return providers.Answer{}, err
	}
	item, err := p.validate.do(ctx, who)
	if err != nil {
		return providers.Answer{}, err
	}
	if result.Outcome, err = item.outcome(); err != nil {
		return providers.Answer{}, p.client.Unreadable(opValidate, err)
	}
	if result.Outcome == providers.BusinessMatch {
		result.Company.Representative, result.Company.OpenedOn = who.Name, request.OpenedOn
		item.Status.fill(&result.Company)
	}
	return providers.LookupAnswer(opValidate, result)
}

// Check asks for the state of a well-known registration (see
// [Options.CheckNumber]).
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.Do(ctx, providers.Call[providers.Company]{
		Attempt: 1, Request: providers.Company{RegistrationNumber: p.options.CheckNumber},
	})
	return err
}

// Close ends shared calls that are under way, waits for them, and drops the kept
// connections. Calls must have ended before.
func (p *Provider) Close() {
	p.status.close()
	p.validate.close()
	p.client.Close()
}

// invalid is a mistake in the command that the vendor would not understand.
func invalid(field, text string) error {
	e := fault.InvalidField(field, "%s", text)
	e.Op = "nts"
	return e
}

func tenDigits(text string) bool { return len(text) == 10 && strings.Trim(text, "0123456789") == "" }

func personOf(request providers.Company) (person, error) {
	at, err := time.Parse(time.DateOnly, request.OpenedOn)
	switch {
	case request.OpenedOn == "":
		return person{}, invalid("opened_on", "is missing: the National Tax Service compares a representative together with the opening date")
	case err != nil:
		return person{}, invalid("opened_on", "must be a date such as 1969-01-13")
	}
	name := providers.CleanName(request.Representative)
	if name == "" {
		return person{}, invalid("representative", "is missing")
	}
	return person{Number: request.RegistrationNumber, OpenedOn: at.Format("20060102"), Name: name}, nil
}

// fill adds what a state says of a company.
func (s *statusItem) fill(company *command.Company) {
	if s == nil {
		return
	}
	switch outcome, err := s.outcome(); {
	case err != nil, outcome == providers.BusinessNotRegistered:
		return // the tax type then holds a sentence, not a type
	default:
		company.Status = string(outcome)
	}
	company.TaxType = providers.CleanText(s.TaxType)
	company.ClosedOn = providers.CleanDate(s.ClosedOn)
}

func (p *Provider) post(ctx context.Context, op, path string, body []byte) (providers.HTTPAnswer, error) {
	target := p.options.BaseURL + path + "?" + keyParam(p.options.Key) + "&returnType=JSON"
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	return p.client.Do(ctx, op, http.MethodPost, target, header, body)
}

var (
	_ providers.Provider[providers.Company]  = (*Provider)(nil)
	_ providers.Selective[providers.Company] = (*Provider)(nil)
)
