// Package nicednb asks the OpenAPI of NICE D&B (나이스디앤비) for companies: a
// token by client credentials, then a search by registration number. A
// representative is compared with the names that the search reply gives.
//
// The vendor's contract is not public and differs by product, so every path,
// every field name and every code can be set; the defaults are what client code
// in public repositories was seen to use.
package nicednb

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Source is the word for this register in results.
const Source = "nicednb"

// Provider is one configured account. Its methods may be called by many
// goroutines at once.
type Provider struct {
	options Options
	client  *providers.HTTPClient
	tokens  *tokens
}

// New returns a provider; zero options take their defaults. It calls nobody.
func New(options Options) (*Provider, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Provider{options: options, client: providers.NewHTTPClient(false, options.Conns)}
	p.tokens = newTokens(p.fetchToken, options.TokenTimeout, options.Now)
	return p, nil
}

// Name implements [providers.Provider].
func (p *Provider) Name() string { return p.options.Name }

// Do looks a company up. The result is a [providers.BusinessResult] with outcome
// found or not_found, or match or mismatch when a representative was asked for;
// found then means that the register does not list every representative by name.
// An answer about another number than the one asked is unavailable with code
// echo_mismatch: test keys answer so, and it must never be kept.
func (p *Provider) Do(ctx context.Context, call providers.Call[providers.Company]) (providers.Answer, error) {
	number := call.Request.RegistrationNumber
	reply, err := p.lookUp(ctx, number)
	if err != nil {
		return providers.Answer{}, err
	}
	result := providers.BusinessResult{
		Outcome: providers.BusinessNotFound, Source: Source, AsOf: p.options.Now().UTC().Truncate(time.Second),
	}
	result.Company.RegistrationNumber = number
	if !reply.empty {
		row, err := reply.about(number, p.options.Fields)
		if err != nil {
			return providers.Answer{}, err
		}
		result.Outcome, result.Company = providers.BusinessFound, row.company(number, p.options.Fields)
		if call.Request.Representative != "" {
			result.Outcome = providers.JudgeRepresentative(result.Company.Representative, call.Request.Representative)
		}
	}
	return providers.LookupAnswer(opSearch, result)
}

// Check looks a well-known company up (see [Options.CheckNumber]); that it is
// found does not matter, that the answer is about it does.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.Do(ctx, providers.Call[providers.Company]{
		Attempt: 1, Request: providers.Company{RegistrationNumber: p.options.CheckNumber},
	})
	return err
}

// Close ends a token call that is under way, waits for it, and drops the kept
// connections. Calls must have ended before.
func (p *Provider) Close() {
	p.tokens.close()
	p.client.Close()
}

const opSearch = "search"

// lookUp asks with the cached token, and once more with a fresh one when the
// vendor no longer takes it.
func (p *Provider) lookUp(ctx context.Context, number string) (reply, error) {
	token, err := p.token(ctx)
	if err != nil {
		return reply{}, err
	}
	answer, err := p.search(ctx, token, number)
	if err == nil && answer.Status == http.StatusUnauthorized {
		p.tokens.invalidate(token)
		if token, err = p.token(ctx); err != nil {
			return reply{}, err
		}
		answer, err = p.search(ctx, token, number)
	}
	if err != nil {
		return reply{}, err
	}
	return p.read(answer)
}

// token returns the shared token. Its call has no exchange of its own, because
// the exchange would show the credentials; a failure is described without them.
func (p *Provider) token(ctx context.Context) (string, error) {
	token, err := p.tokens.get(ctx)
	if err != nil {
		*providers.ExchangeFrom(ctx) = providers.Exchange{
			Endpoint: opToken, Method: http.MethodPost, URL: p.options.BaseURL + p.options.TokenPath,
		}
	}
	return token, err
}

func (p *Provider) search(ctx context.Context, token, number string) (providers.HTTPAnswer, error) {
	path, request := p.options.SearchPath, any(searchRequest{
		SearchName: "BIZ_NO", SearchValue: number, PageNum: "1", PageCount: "10",
	})
	if p.options.DetailPath != "" {
		path, request = p.options.DetailPath, detailRequest{BizNo: number}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return providers.HTTPAnswer{}, fault.Wrap(fault.Internal, opSearch, err)
	}
	header := http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Accept": {"application/json"},
	}
	return p.client.Do(ctx, opSearch, http.MethodPost, p.options.BaseURL+path, header, body)
}

var _ providers.Provider[providers.Company] = (*Provider)(nil)
