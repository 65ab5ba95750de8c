package simulator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCatalogueIsPlausible: every address could stand in a Gangwon address book,
// and none stands there twice.
func TestCatalogueIsPlausible(t *testing.T) {
	all := newCatalogue()
	if len(all) < 1000 {
		t.Errorf("%d addresses", len(all))
	}
	seen := map[string]int{}
	for i := range all {
		a := &all[i]
		if a.zip < a.place.firstZip || a.zip > a.place.lastZip || a.place.firstZip < 24000 || a.place.lastZip > 26999 {
			t.Errorf("%s: postal code %d", a.road(), a.zip)
		}
		if d := a.latitude - a.place.latitude; d > 0.02 || d < -0.02 {
			t.Errorf("%s: latitude %v, the hall is at %v", a.road(), a.latitude, a.place.latitude)
		}
		if d := a.longitude - a.place.longitude; d > 0.02 || d < -0.02 {
			t.Errorf("%s: longitude %v, the hall is at %v", a.road(), a.longitude, a.place.longitude)
		}
		if len(a.legalCode()) != 10 || strings.Contains(a.english(), "  ") || a.streetEN == "" || a.townEN == "" || a.lot < 1 {
			t.Errorf("%+v", a)
		}
		seen[a.juso().Building]++
	}
	for code, n := range seen {
		if n > 1 {
			t.Errorf("building code %s stands %d times", code, n)
		}
	}
}

func TestSearchCatalogue(t *testing.T) {
	all := newCatalogue()
	for _, c := range []struct {
		keyword     string
		least, most int
		road        string // of the first
	}{
		{"강원특별자치도청", 1, 1, "강원특별자치도 춘천시 중앙로 1"},
		{"춘천시 중앙로 1", 1, 1, "강원특별자치도 춘천시 중앙로 1"},
		{"중앙로", 50, 200, ""},
		{"강릉 율곡로", 12, 12, ""},
		{"GANGNEUNG-DAERO 33", 1, 1, "강원특별자치도 강릉시 강릉대로 33"},
		{"24266", 1, 20, "강원특별자치도 춘천시 중앙로 1"},
		{"봉평면", 1, 60, ""},
		{"감자바위", 1, 1, ""}, // taken for a building's name
		{"서울 테헤란로 152", 0, 0, ""},
		{"테헤란로152", 0, 0, ""},
		{"", 0, 0, ""}, {"   ", 0, 0, ""},
	} {
		found := all.search(c.keyword)
		if len(found) < c.least || len(found) > c.most || c.road != "" && found[0].road() != c.road {
			t.Errorf("%q finds %d, the first is %+v", c.keyword, len(found), found[:min(1, len(found))])
		}
		if again := newCatalogue().search(c.keyword); fmt.Sprint(len(again)) != fmt.Sprint(len(found)) || len(found) > 0 && again[0].road() != found[0].road() {
			t.Errorf("%q finds something else the second time", c.keyword)
		}
	}
	if found := all.search("감자바위"); found[0].building != "감자바위" {
		t.Errorf("building = %q", found[0].building)
	}
}

func TestPageOf(t *testing.T) {
	all := []int{1, 2, 3, 4, 5}
	for _, c := range []struct {
		number, size int
		want         string
	}{{1, 2, "[1 2]"}, {3, 2, "[5]"}, {4, 2, "[]"}, {1, 10, "[1 2 3 4 5]"}, {0, 2, "[1 2]"}} {
		if got := fmt.Sprint(pageOf(all, c.number, c.size)); got != c.want {
			t.Errorf("page %d of %d = %s, want %s", c.number, c.size, got, c.want)
		}
	}
}

// TestCompanyOf: the same number is the same company, different ones differ.
func TestCompanyOf(t *testing.T) {
	names, joint := map[string]bool{}, 0
	for i := range 500 {
		number := fmt.Sprintf("%03d-%02d-%05d", 101+i, 1+i%99, 10007+i*37)
		c, ok := CompanyOf(number)
		again, _ := CompanyOf(strings.ReplaceAll(number, "-", ""))
		if !ok || c != again {
			t.Fatalf("%s: %+v, then %+v", number, c, again)
		}
		opened, err := time.Parse(time.DateOnly, c.OpenedOn)
		if err != nil || opened.After(time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)) || c.Name == "" || c.Representative == "" || c.Type == "" ||
			c.TaxType == "" || c.Industry == "" || len(c.PostalCode) != 5 || !strings.HasPrefix(c.Address, gangwon) || c.Status != "active" {
			t.Errorf("%+v", c)
		}
		names[c.Name] = true
		if strings.Contains(c.Representative, ", ") {
			joint++
		}
	}
	if len(names) < 200 || joint == 0 {
		t.Errorf("%d names, %d with several representatives", len(names), joint)
	}
	if c, _ := CompanyOf("124-81-00998"); c.Name != "예시전자(주)" || c.Representative != "홍길동" || c.OpenedOn != "1969-01-13" {
		t.Errorf("the contract's example: %+v", c)
	}
	for number, want := range map[string]string{"101-81-90008": "", "0000000000": "", "1": "", "101-81-90009": "closed", "101-81-90010": "suspended", "101-81-90004": "active"} {
		c, ok := CompanyOf(number)
		if ok != (want != "") || c.Status != want || (c.Status == "closed") != (c.ClosedOn != "") {
			t.Errorf("%s: %+v, %v", number, c, ok)
		}
	}
}
