// Package juso searches the road name addresses of the Ministry of the Interior
// and Safety (juso.go.kr) by keyword. The vendor always answers HTTP 200, gives
// every number as text, and refuses keywords that look like SQL.
package juso

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/providers"
)

// Source is the word for this service in results.
const Source = "juso"

// MostPerPage is how many addresses the vendor gives on one page.
const MostPerPage = 100

const opSearch = "search"

// Provider is one configured key. Its methods may be called by many goroutines
// at once.
type Provider struct {
	options Options
	client  *providers.HTTPClient
}

// New returns a provider; zero options take their defaults. It calls nobody.
func New(options Options) *Provider {
	options.Name = cmp.Or(options.Name, Source)
	options.BaseURL = strings.TrimRight(cmp.Or(options.BaseURL, "https://business.juso.go.kr"), "/")
	options.Path = cmp.Or(options.Path, "/addrlink/addrLinkApi.do")
	options.CheckKeyword = cmp.Or(options.CheckKeyword, "세종대로 110")
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Provider{options: options, client: providers.NewHTTPClient(false, options.Conns)}
}

// Name implements [providers.Provider].
func (p *Provider) Name() string { return p.options.Name }

// Do searches. The result is a [providers.AddressResult]; that nothing was found
// is a success without items. A keyword that the vendor refuses is invalid with
// field "keyword" and the vendor's code (E0005 to E0015, see codes.go): no other
// provider and no later try makes it better.
func (p *Provider) Do(ctx context.Context, call providers.Call[providers.Address]) (providers.Answer, error) {
	request := call.Request
	request.Page, request.Size = max(request.Page, 1), min(cmp.Or(max(request.Size, 0), 10), MostPerPage)
	keyword := CleanKeyword(request.Keyword)
	if keyword == "" {
		return providers.Answer{}, keywordFault("E0005")
	}
	// The key travels in a form rather than in the URL, which proxies log.
	form := url.Values{
		"confmKey": {p.options.Key}, "keyword": {keyword}, "resultType": {"json"},
		"currentPage": {strconv.Itoa(request.Page)}, "countPerPage": {strconv.Itoa(request.Size)},
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=UTF-8"}, "Accept": {"application/json"}}
	answer, err := p.client.Do(ctx, opSearch, http.MethodPost, p.options.BaseURL+p.options.Path, header, []byte(form.Encode()))
	if err != nil {
		return providers.Answer{}, err
	}
	result, err := p.read(answer, request)
	if err != nil {
		return providers.Answer{}, err
	}
	result.AsOf = p.options.Now().UTC().Truncate(time.Second)
	return providers.LookupAnswer(opSearch, result)
}

// Check searches for an address that exists (see [Options.CheckKeyword]).
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.Do(ctx, providers.Call[providers.Address]{
		Attempt: 1, Request: providers.Address{Keyword: p.options.CheckKeyword, Page: 1, Size: 1},
	})
	return err
}

// Close drops the kept connections.
func (p *Provider) Close() { p.client.Close() }

// Options configure one key. Zero values take the defaults in brackets.
type Options struct {
	Name         string // as configured [juso]
	BaseURL      string // without a slash at the end [https://business.juso.go.kr]
	Key          string // confmKey; development keys end after about 90 days
	Path         string // [/addrlink/addrLinkApi.do]
	CheckKeyword string // searched by Check [세종대로 110]
	Conns        int    // connections that are kept [16]
	Now          func() time.Time
}

var _ providers.Provider[providers.Address] = (*Provider)(nil)
