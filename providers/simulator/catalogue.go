package simulator

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// houseAddress is one building of the catalogue.
type houseAddress struct {
	place               *place
	town, village       string // 봉의동; or 홍천읍 and 희망리
	townEN, streetEN    string
	street              string
	main, lot, sublot   int
	building            string
	parts               []string // of an apartment house: 101동
	zip                 int
	latitude, longitude float64
	townCode, roadCode  int
	words               []string // that a search can find, in lower case
}

// perStreet is how many buildings a street has.
const perStreet = 12

// catalogue is every building of the simulated province, landmarks first. It is
// computed from names alone, so every simulator has the same.
type catalogue []houseAddress

func newCatalogue() catalogue {
	var all catalogue
	for _, mark := range landmarks {
		for i := range places {
			if p := &places[i]; p.name == mark.place {
				all = append(all, p.landmark(mark.street, mark.town, mark.building, mark.main, mark.zip))
			}
		}
	}
	for i := range places {
		p := &places[i]
		for street := range strings.Fields(p.streets) {
			for k := range perStreet {
				all = append(all, p.address(street, k))
			}
		}
	}
	for i := range all {
		a := &all[i]
		text := strings.Join([]string{a.road(), a.jibun(), a.building, a.english(), fmt.Sprintf("%05d", a.zip)}, " ")
		a.words = strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ' ' || r == ',' })
	}
	return all
}

// address computes the kth building of a street.
func (p *place) address(street, k int) houseAddress {
	streets, towns := strings.Fields(p.streets), strings.Fields(p.towns)
	a := houseAddress{place: p, roadCode: 3000000 + 1000*street + 7}
	a.street, a.streetEN = splitName(streets[street])
	seed := seedOf(p.name, a.street, fmt.Sprint(k))
	a.setTown(towns, int(seed%uint64(len(towns))))
	a.main = 1 + k*9 + int(seed>>8%9)
	a.lot, a.sublot = 1+int(seed>>16%900), int(seed>>26%12)
	a.zip = p.firstZip + int(seedOf(p.name, a.street)%uint64(p.lastZip-p.firstZip+1))
	a.latitude = math.Round(p.latitude*1e4+float64(int(seed>>32%300)-150)) / 1e4 // within 2 km of the hall
	a.longitude = math.Round(p.longitude*1e4+float64(int(seed>>40%300)-150)) / 1e4
	switch seed >> 48 % 4 {
	case 0:
		a.building = pickWord(seed>>52, "한신", "현대", "푸른", "소양", "솔빛", "한빛", "대우", "금호") + pickWord(seed>>56, "아파트", "맨션", "빌라")
		for n := range 2 + int(seed>>58%6) {
			a.parts = append(a.parts, fmt.Sprintf("%d동", 101+n))
		}
	case 1:
		a.building = pickWord(seed>>52, "제일", "중앙", "강원", "태양", "한마음", "동원", "새롬", "미래") + pickWord(seed>>56, "빌딩", "프라자", "타워", "회관")
	}
	return a
}

func (p *place) landmark(street, town, building string, main, zip int) houseAddress {
	a := p.address(0, 0)
	for i, entry := range strings.Fields(p.streets) {
		if name, _ := splitName(entry); name == street {
			a = p.address(i, 0)
		}
	}
	for i, entry := range strings.Fields(p.towns) {
		if name, _ := splitName(entry); name == town || strings.HasSuffix(name, ":"+town) {
			a.setTown(strings.Fields(p.towns), i)
		}
	}
	a.building, a.main, a.zip, a.parts = building, main, zip, nil
	a.latitude, a.longitude = p.latitude, p.longitude
	return a
}

func (a *houseAddress) setTown(towns []string, i int) {
	town, english := splitName(towns[i])
	a.town, a.village, _ = strings.Cut(town, ":")
	a.townEN, a.townCode = strings.ReplaceAll(english, ",", ", "), 101+i
}

// road is the road name address without the reference in parentheses.
func (a *houseAddress) road() string {
	if a.village != "" { // the road address of a county names the eup or myeon
		return fmt.Sprintf("%s %s %s %s %d", gangwon, a.place.name, a.town, a.street, a.main)
	}
	return fmt.Sprintf("%s %s %s %d", gangwon, a.place.name, a.street, a.main)
}

// reference is what stands in parentheses behind the road address.
func (a *houseAddress) reference() string {
	var parts []string
	if a.village == "" {
		parts = append(parts, a.town)
	}
	if len(a.parts) > 0 {
		parts = append(parts, a.building)
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// lotNumber is 15 or 15-3.
func (a *houseAddress) lotNumber() string {
	if a.sublot == 0 {
		return fmt.Sprint(a.lot)
	}
	return fmt.Sprintf("%d-%d", a.lot, a.sublot)
}

// area is the town with its village: 봉의동, 홍천읍 희망리.
func (a *houseAddress) area() string { return strings.TrimSpace(a.town + " " + a.village) }

// jibun is the address by lot.
func (a *houseAddress) jibun() string {
	return fmt.Sprintf("%s %s %s %s", gangwon, a.place.name, a.area(), a.lotNumber())
}

func (a *houseAddress) english() string {
	if a.village != "" {
		_, town, _ := strings.Cut(a.townEN, ", ")
		return fmt.Sprintf("%d, %s, %s, %s, Gangwon-do", a.main, a.streetEN, town, a.place.english)
	}
	return fmt.Sprintf("%d, %s, %s, Gangwon-do", a.main, a.streetEN, a.place.english)
}

// legalCode has ten digits: district, town, village.
func (a *houseAddress) legalCode() string {
	village := "00"
	if a.village != "" {
		village = "21"
	}
	return fmt.Sprintf("%s%03d%s", a.place.sigungu, a.townCode, village)
}

// search returns the addresses that have every word of the keyword, in catalogue
// order. A single name without digits that is in none is taken for a building's:
// mock mode then finds it, the same one each time.
func (c catalogue) search(keyword string) []houseAddress {
	words := strings.Fields(strings.ToLower(keyword))
	var found []houseAddress
	for i := range c {
		if c[i].hasAll(words) {
			found = append(found, c[i])
		}
	}
	if len(found) == 0 && len(words) == 1 && !strings.ContainsAny(keyword, "0123456789") && utf8.RuneCountInString(keyword) > 1 {
		a := c[seedOf(keyword)%uint64(len(c))]
		a.building, a.parts = strings.TrimSpace(keyword), nil
		found = []houseAddress{a}
	}
	return found
}

// hasAll reports whether every word asked for is in one of the address. Digits
// must match whole, so that "중앙로 1" does not find 중앙로 12.
func (a *houseAddress) hasAll(asked []string) bool {
	for _, word := range asked {
		number, long := strings.Trim(word, "0123456789-") == "", utf8.RuneCountInString(word) > 2
		if !slices.ContainsFunc(a.words, func(own string) bool {
			return own == word || !number && (strings.HasPrefix(own, word) || long && strings.Contains(own, word))
		}) {
			return false
		}
	}
	return len(asked) > 0
}

// pageOf cuts one page out of a list; page counts from 1.
func pageOf[T any](all []T, number, size int) []T {
	from := min(max(number-1, 0)*size, len(all))
	return all[from:min(from+size, len(all))]
}

// seedOf is a number that depends on the texts alone.
func seedOf(texts ...string) uint64 {
	hash := fnv.New64a()
	for _, text := range texts {
		_, _ = hash.Write([]byte(text + "\x00"))
	}
	// FNV's high bits hardly differ between short texts; mix them.
	n := hash.Sum64()
	n ^= n >> 31
	n *= 0x9e3779b97f4a7c15
	return n ^ n>>29
}

func pickWord(seed uint64, words ...string) string { return words[seed%uint64(len(words))] }
