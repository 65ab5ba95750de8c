package lookup

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// search is GET /v1/addresses?keyword=&page=&size=&english=.
func (p *Public) search(w http.ResponseWriter, r *http.Request) {
	asked, err := searchOf(r)
	if err == nil {
		var result jsontext.Value
		if result, err = p.answer(r, asked); err == nil {
			writeJSON(w, result)
			return
		}
	}
	s, status := explain(command.AddressSearch, err)
	writeProblem(w, r, status, s)
}

// searchOf reads the query. Numbers that are none are mistakes of their field.
func searchOf(r *http.Request) (command.Address, error) {
	query := r.URL.Query()
	asked := command.Address{Keyword: query.Get("keyword")}
	for _, field := range []struct {
		name string
		to   *int
	}{{"page", &asked.Page}, {"size", &asked.Size}} {
		if text := query.Get(field.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return asked, fault.InvalidField(field.name, "is not a number from 1")
			}
			*field.to = n
		}
	}
	asked.English, _ = strconv.ParseBool(query.Get("english"))
	return asked, nil
}

// answer passes a search through the one strict decoder.
func (p *Public) answer(r *http.Request, asked command.Address) (jsontext.Value, error) {
	body, err := json.Marshal(&asked)
	if err != nil {
		return nil, fault.InvalidField("keyword", "is not text")
	}
	payload, err := decode(command.AddressSearch, body)
	if err != nil {
		return nil, err
	}
	return p.answerer.Answer(r.Context(), payload)
}

// Picked is an address that a browser says somebody picked.
type Picked struct {
	PostalCode   string `json:"postal_code"`
	RoadAddress  string `json:"road_address"`
	JibunAddress string `json:"jibun_address"`
	BuildingCode string `json:"building_code"`
}

// resolved is the answer of resolve.
type resolved struct {
	// Verified says that an address service knows the address; Address is then what
	// that service says, and nothing of it is the browser's.
	Verified bool           `json:"verified"`
	Address  jsontext.Value `json:"address,omitzero"`
	Source   string         `json:"source,omitzero"`
	Stale    bool           `json:"stale,omitzero"`
	AsOf     string         `json:"as_of,omitzero"`
}

// found is as much as is read here of the result of address.search.
type found struct {
	Items  []jsontext.Value `json:"items"`
	Source string           `json:"source"`
	Stale  bool             `json:"stale"`
	AsOf   string           `json:"as_of"`
}

const (
	maxPicked = 16 << 10
	// resolveHits is how many hits a picked address is looked for in.
	resolveHits = 30
)

// resolve is POST /v1/addresses/resolve: what a browser says was picked counts
// only when an address service knows it.
func (p *Public) resolve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPicked))
	var picked Picked
	if err == nil {
		err = json.Unmarshal(body, &picked, json.RejectUnknownMembers(true))
	}
	if err != nil {
		writeProblem(w, r, http.StatusBadRequest, unreadable)
		return
	}
	keyword := plain(picked.RoadAddress)
	if keyword == "" {
		keyword = plain(picked.JibunAddress)
	}
	result, err := p.answer(r, command.Address{Keyword: keyword, Size: resolveHits})
	if err != nil {
		s, status := explain(command.AddressSearch, err)
		writeProblem(w, r, status, s)
		return
	}
	var hits found
	answer := resolved{}
	if err := json.Unmarshal(result, &hits); err == nil {
		for _, item := range hits.Items {
			if picked.is(item) {
				answer = resolved{Verified: true, Address: item, Source: hits.Source, Stale: hits.Stale, AsOf: hits.AsOf}
				break
			}
		}
	}
	value, err := json.Marshal(answer)
	if err != nil {
		s, status := explain(command.AddressSearch, err)
		writeProblem(w, r, status, s)
		return
	}
	writeJSON(w, value)
}

// is reports whether a hit is the address that was picked: by the number of its
// building where both have one, else by its postal code and either of its names.
func (p Picked) is(item jsontext.Value) bool {
	var hit Picked
	if json.Unmarshal(item, &hit) != nil {
		return false
	}
	if p.PostalCode != "" && hit.PostalCode != "" && p.PostalCode != hit.PostalCode {
		return false
	}
	if p.BuildingCode != "" && hit.BuildingCode != "" {
		return p.BuildingCode == hit.BuildingCode
	}
	if p.RoadAddress != "" {
		return sameAddress(p.RoadAddress, hit.RoadAddress)
	}
	return sameAddress(p.JibunAddress, hit.JibunAddress)
}

// sameAddress compares two spellings. Services write the province long or short,
// and some add the building's name behind.
func sameAddress(picked, known string) bool {
	a, b := strings.Fields(plain(picked)), strings.Fields(plain(known))
	if len(a) < 3 || len(b) < len(a) || province(a[0]) != province(b[0]) {
		return false
	}
	for i := 1; i < len(a); i++ {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b) || !startsWithDigit(b[len(a)])
}

func startsWithDigit(text string) bool { return text != "" && unicode.IsDigit(rune(text[0])) }

// plain is an address without the reference in parentheses behind it.
func plain(address string) string {
	before, _, _ := strings.Cut(address, "(")
	return strings.Join(strings.Fields(before), " ")
}

// province is the two syllables that a province is called by: 강원 of
// 강원특별자치도, 충북 of 충청북도.
func province(name string) string {
	syllables := []rune(name)
	if len(syllables) == 4 && strings.ContainsAny(string(syllables[2]), "남북") {
		return string([]rune{syllables[0], syllables[2]})
	}
	return string(syllables[:min(2, len(syllables))])
}

func writeJSON(w http.ResponseWriter, value jsontext.Value) {
	w.Header().Set("Content-Type", "application/json")
	// What somebody searches for is often their own address: nobody keeps it.
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(value) // the client may be gone
}
