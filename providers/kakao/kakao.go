// Package kakao searches addresses by keyword with Kakao Local. It is the second
// source behind juso: it gives coordinates, but neither English names nor a
// building's parts.
package kakao

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Source is the word for this service in results.
const Source = "kakao"

// Bounds of one call of the vendor.
const (
	MostPerPage = 30
	MostPages   = 45
)

const opSearch = "search"

// Provider is one configured app. Its methods may be called by many goroutines
// at once.
type Provider struct {
	options Options
	client  *providers.HTTPClient
}

// New returns a provider; zero options take their defaults. It calls nobody.
func New(options Options) *Provider {
	options.Name = cmp.Or(options.Name, Source)
	options.BaseURL = strings.TrimRight(cmp.Or(options.BaseURL, "https://dapi.kakao.com"), "/")
	options.Path = cmp.Or(options.Path, "/v2/local/search/address.json")
	options.CheckKeyword = cmp.Or(options.CheckKeyword, "세종대로 110")
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Provider{options: options, client: providers.NewHTTPClient(false, options.Conns)}
}

// Name implements [providers.Provider].
func (p *Provider) Name() string { return p.options.Name }

// Do searches. The result is a [providers.AddressResult]; that nothing was found
// is a success without items. The vendor has pages of 30 at most: a larger page
// is put together from up to five calls, so that a client that pages on misses
// nothing. Behind the vendor's last page (1,350 hits) there are no items.
func (p *Provider) Do(ctx context.Context, call providers.Call[providers.Address]) (providers.Answer, error) {
	keyword := providers.CleanText(norm.NFC.String(strings.ToValidUTF8(call.Request.Keyword, " ")))
	if keyword == "" {
		return providers.Answer{}, keywordFault("-2")
	}
	page, size := max(call.Request.Page, 1), min(cmp.Or(max(call.Request.Size, 0), 10), 100)
	result := providers.AddressResult{
		Page: page, Items: []providers.AddressItem{}, Source: Source, AsOf: p.options.Now().UTC().Truncate(time.Second),
	}
	first := (page - 1) * size // index of the first hit that is wanted
	step := MostPerPage
	if size <= MostPerPage && page <= MostPages {
		step = size // the vendor's pages are the client's own
	}
	for at := min(first/step+1, MostPages); at <= MostPages; at++ {
		got, err := p.search(ctx, keyword, at, step)
		if err != nil {
			return providers.Answer{}, err
		}
		result.Total = max(result.Total, got.Meta.Total)
		from := (at - 1) * step // index of the first hit of this answer
		for i := range got.Documents {
			if hit := from + i; hit >= first && hit < first+size {
				result.Items = append(result.Items, got.Documents[i].item())
			}
		}
		if got.Meta.End || len(got.Documents) < step || from+step >= first+size {
			break
		}
	}
	return providers.LookupAnswer(opSearch, result)
}

// Check searches for an address that exists (see [Options.CheckKeyword]).
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.search(ctx, p.options.CheckKeyword, 1, 1)
	return err
}

// Close drops the kept connections.
func (p *Provider) Close() { p.client.Close() }

func (p *Provider) search(ctx context.Context, keyword string, page, size int) (envelope, error) {
	query := url.Values{
		"query": {keyword}, "page": {strconv.Itoa(page)}, "size": {strconv.Itoa(size)}, "analyze_type": {"similar"},
	}
	header := http.Header{"Authorization": {"KakaoAK " + p.options.Key}, "Accept": {"application/json"}}
	answer, err := p.client.Do(ctx, opSearch, http.MethodGet, p.options.BaseURL+p.options.Path+"?"+query.Encode(), header, nil)
	if err != nil {
		return envelope{}, err
	}
	return p.read(answer)
}

// keywordFault is a mistake in the keyword, which it does not repeat: people
// search for their own address.
func keywordFault(code string) *fault.Error {
	e := fault.InvalidField("keyword", "is missing, or the address service cannot read it")
	e.Op, e.Code = opSearch, code
	return e
}

// Options configure one app. Zero values take the defaults in brackets.
type Options struct {
	Name         string // as configured [kakao]
	BaseURL      string // without a slash at the end [https://dapi.kakao.com]
	Key          string // REST key; the app's Kakao Map API must be switched on
	Path         string // [/v2/local/search/address.json]
	CheckKeyword string // searched by Check [세종대로 110]
	Conns        int    // connections that are kept [16]
	Now          func() time.Time
}

var _ providers.Provider[providers.Address] = (*Provider)(nil)
