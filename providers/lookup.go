package providers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// BusinessOutcome is what a register says of a company or of its representative.
type BusinessOutcome string

// The outcomes of the public contract, section 4. Only the National Tax Service
// decides the first four.
const (
	BusinessActive        BusinessOutcome = "active"
	BusinessSuspended     BusinessOutcome = "suspended"
	BusinessClosed        BusinessOutcome = "closed"
	BusinessNotRegistered BusinessOutcome = "not_registered"
	// BusinessFound is also the answer to a question about a representative that
	// the register cannot settle: it lists some by name and others by number only.
	BusinessFound    BusinessOutcome = "found"
	BusinessNotFound BusinessOutcome = "not_found"
	BusinessMatch    BusinessOutcome = "match"
	BusinessMismatch BusinessOutcome = "mismatch"
)

// BusinessResult is the result of business.verify.
type BusinessResult struct {
	Outcome BusinessOutcome `json:"outcome"`
	// Company has the registration number always, the rest as far as it is known.
	Company command.Company `json:"company"`
	Source  string          `json:"source"` // nicednb, nts, cache, manual or default
	Stale   bool            `json:"stale"`
	AsOf    time.Time       `json:"as_of"` // when the source said so
	// Warning is what may be wrong with the question: its check digit. It refuses
	// nothing, because numbers that fail it exist.
	Warning string `json:"warning,omitzero"`
}

// AddressResult is the result of address.search.
type AddressResult struct {
	Total  int           `json:"total"` // hits in all, not only of this page
	Page   int           `json:"page"`  // from 1
	Items  []AddressItem `json:"items"`
	Source string        `json:"source"` // juso, kakao, cache or default
	Stale  bool          `json:"stale"`
	AsOf   time.Time     `json:"as_of"`
}

// AddressItem is one address. Texts are "" where the source gives nothing.
type AddressItem struct {
	PostalCode   string `json:"postal_code"` // five digits; "" for an address without a road name
	RoadAddress  string `json:"road_address"`
	JibunAddress string `json:"jibun_address"`
	BuildingName string `json:"building_name"`
	// DetailHint says what the person still has to add: the names of the
	// building's parts ("101동, 102동"), or what such an address needs ("동·호수").
	DetailHint string `json:"detail_hint"`
	Region     Region `json:"region"`
	// Latitude and Longitude are WGS 84 degrees; absent where the source gives none.
	Latitude  float64 `json:"latitude,omitzero"`
	Longitude float64 `json:"longitude,omitzero"`
	// EnglishAddress is filled on request, by sources that have it.
	EnglishAddress string `json:"english_address,omitzero"`
	// BuildingCode is the 25-digit number of the building, the same as the
	// Postcode widget's buildingCode.
	BuildingCode string `json:"building_code,omitzero"`
}

// Region is an address in parts, from the widest.
type Region struct {
	Province  string `json:"province"`            // 강원특별자치도
	City      string `json:"city"`                // 춘천시
	Town      string `json:"town"`                // 봉의동, 동내면
	Village   string `json:"village,omitzero"`    // 거두리
	Road      string `json:"road,omitzero"`       // 중앙로
	LegalCode string `json:"legal_code,omitzero"` // ten digits of the legal district
	RoadCode  string `json:"road_code,omitzero"`  // twelve digits
}

// Selective is implemented by drivers that cannot answer every request of their
// kind. A route passes over a provider that does not serve a request; asked all
// the same, it refuses as invalid and names the field that it misses.
type Selective[P any] interface {
	Serves(request P) bool
}

// LookupAnswer wraps the normalised result of a look-up.
func LookupAnswer(op string, result any) (Answer, error) {
	value, err := json.Marshal(result)
	if err != nil {
		return Answer{}, fault.Wrap(fault.Internal, op, err)
	}
	return Answer{Result: jsontext.Value(value)}, nil
}

// DecodeAnswer reads a vendor's JSON leniently (unknown and repeated members are
// allowed). Its error shows a position, never a part of the answer: vendors
// repeat keys and names in what they send.
func DecodeAnswer(body []byte, into any) error {
	err := json.Unmarshal(body, into, jsontext.AllowDuplicateNames(true))
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not JSON at byte %d of %d", syntax.ByteOffset, len(body))
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("not the expected JSON at byte %d of %d", semantic.ByteOffset, len(body))
	}
	return errors.New("not the expected JSON")
}

// StatusFault judges an answer of a look-up by its HTTP status alone, for when
// the vendor's own code says nothing. Statuses that no vendor documents are
// unavailable: another provider may still answer.
func StatusFault(op string, answer HTTPAnswer) *fault.Error {
	e := fault.New(fault.Unavailable, op, "the provider answered with an error")
	e.Code = fmt.Sprintf("HTTP %d", answer.Status)
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Reason, e.Message = fault.Unauthorized, "the provider does not accept our credentials"
	case http.StatusTooManyRequests:
		e.Reason, e.Message = fault.RateLimited, "the provider asks us to slow down"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		e.Message = "the provider had no answer in time"
	}
	if e.Reason != fault.Unauthorized {
		e.RetryAfter = RetryAfter(answer.Header, time.Now())
	}
	return e
}

// CleanText makes a vendor's text fit to be stored: one line, single spaces, no
// control characters (Postgres refuses NUL in jsonb).
func CleanText(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// CleanName is a person's name in the form in which registers have it: its letters
// composed, and no spaces among Hangul ("홍 길동").
func CleanName(name string) string {
	name = CleanText(norm.NFC.String(name))
	if strings.ContainsFunc(name, func(r rune) bool { return r != ' ' && !unicode.Is(unicode.Hangul, r) }) {
		return name
	}
	return strings.ReplaceAll(name, " ", "")
}

// CleanDate turns the digits of a date (20200131, also with separators) into
// 2020-01-31; anything else becomes "".
func CleanDate(text string) string {
	digits := strings.NewReplacer("-", "", ".", "", "/", "", " ", "").Replace(text)
	at, err := time.Parse("20060102", digits)
	if err != nil {
		return ""
	}
	return at.Format(time.DateOnly)
}

// VendorText is a text of a vendor's answer, made fit to be stored. Vendors write
// numbers with and without quotes, so a number is taken as it stands; null and
// everything else is "".
type VendorText string

// UnmarshalJSON fails on text that is not UTF-8 only.
func (t *VendorText) UnmarshalJSON(value []byte) error {
	*t = ""
	switch jsontext.Value(value).Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return err
		}
		*t = VendorText(CleanText(text))
	case '0':
		*t = VendorText(value)
	}
	return nil
}
