// Package nicednb asks the OpenAPI of NICE D&B (나이스디앤비) for companies: a
// token by client credentials, then a search by registration number. A
// representative is compared with the names that the search reply gives.
//
// The vendor's contract is not public and differs by product, so every path,
// every field name and every code can be set; the defaults are what client code
// in public repositories was seen to use.
package nicednb

import (
	"cmp"
	"context"
	"net/http"
	"strings"
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
			result.Outcome = judge(result.Company.Representative, call.Request.Representative)
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

// Options configure one account. Zero values take the defaults in brackets.
type Options struct {
	Name    string // as configured [nicednb]
	BaseURL string // without a slash at the end [https://gate.nicednb.com]
	// AppKey and AppSecret are the client credentials of the contract.
	AppKey, AppSecret string
	TokenPath         string // [/nice/oauth/v1.0/accesstoken]
	SearchPath        string // [/nice/bizinfo/v1.0/enterprise/general/search]
	// DetailPath is the contract's path of the detail product, which is asked
	// instead of the search when set.
	DetailPath string
	// Fields overrides single entries of [DefaultFields]: logical name → keys of
	// the reply, tried in order.
	Fields map[string][]string
	// SuccessCodes are the values of dataHeader.resCd that mean success; none
	// means that any does.
	SuccessCodes []string
	// NoDataCodes are the values of dataBody.errorCode that mean that nothing
	// was found [NOAG1001, NOAG1201].
	NoDataCodes []string
	// Codes gives reasons to further codes of either place, such as one for a
	// used-up allowance; codes without one are unavailable.
	Codes        map[string]fault.Reason
	TokenTimeout time.Duration // of one token call [10s]
	CheckNumber  string        // asked by Check [1248100998]
	Conns        int           // connections that are kept [16]
	Now          func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	o.Name = cmp.Or(o.Name, Source)
	o.BaseURL = strings.TrimRight(cmp.Or(o.BaseURL, "https://gate.nicednb.com"), "/")
	o.TokenPath = cmp.Or(o.TokenPath, "/nice/oauth/v1.0/accesstoken")
	o.SearchPath = cmp.Or(o.SearchPath, "/nice/bizinfo/v1.0/enterprise/general/search")
	o.TokenTimeout = cmp.Or(o.TokenTimeout, 10*time.Second)
	o.CheckNumber = cmp.Or(o.CheckNumber, "1248100998")
	if o.NoDataCodes == nil {
		o.NoDataCodes = noDataCodes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for code, reason := range o.Codes {
		if !reason.Valid() {
			return o, fault.InvalidField("codes", "%q of code %s is not a reason", reason, code)
		}
	}
	fields := DefaultFields()
	for name, keys := range o.Fields {
		if _, ok := fields[name]; !ok {
			return o, fault.InvalidField("fields", "%q is not a field of a company; known are %s", name, strings.Join(fieldNames(fields), ", "))
		}
		fields[name] = keys
	}
	o.Fields = fields
	return o, nil
}

var _ providers.Provider[providers.Company] = (*Provider)(nil)
