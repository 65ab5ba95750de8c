package providers_test

import (
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
)

func TestCacheKeys(t *testing.T) {
	person := providers.Company{RegistrationNumber: "1248100998", Representative: "홍 길동", OpenedOn: "1969-01-13"}
	key := providers.CacheKey("nicednb", person)
	if !strings.HasPrefix(key, "nicednb.representative.") {
		t.Errorf("the key is %q", key)
	}
	for _, inside := range []string{"1248100998", "홍", "길동", "1969"} {
		if strings.Contains(key, inside) {
			t.Errorf("%q is in the key %q", inside, key)
		}
	}
	same := [][2]providers.Keyed{
		{person, providers.Company{RegistrationNumber: "1248100998", Representative: "홍길동", OpenedOn: "1969-01-13"}},
		{providers.Address{Keyword: "춘천 중앙로"}, providers.Address{Keyword: "  춘천   중앙로 ", Page: 1, Size: 10}},
		{providers.Address{Keyword: "Seoul"}, providers.Address{Keyword: "SEOUL"}},
	}
	for _, pair := range same {
		if a, b := providers.CacheKey("x", pair[0]), providers.CacheKey("x", pair[1]); a != b {
			t.Errorf("%+v and %+v have the keys %s and %s", pair[0], pair[1], a, b)
		}
	}
	different := []providers.Keyed{
		samsung, person, providers.Company{RegistrationNumber: "1208147521"},
		providers.Company{RegistrationNumber: "1248100998", Representative: "홍길동"},
		providers.Company{RegistrationNumber: "1248100998", Representative: "홍길순"},
		// Registers are asked with spaces and letters of names in Latin as they are.
		providers.Company{RegistrationNumber: "1248100998", Representative: "John Smith"},
		providers.Company{RegistrationNumber: "1248100998", Representative: "JOHN SMITH"},
		providers.Company{RegistrationNumber: "1248100998", Representative: "JOHNSMITH"},
		providers.Address{Keyword: "춘천"}, providers.Address{Keyword: "춘천", Page: 2}, providers.Address{Keyword: "춘천", Size: 20},
		providers.Address{Keyword: "춘천", English: true}, providers.Address{Keyword: "1248100998"},
	}
	seen := map[string]providers.Keyed{}
	for _, request := range different {
		key := providers.CacheKey("x", request)
		if other, twice := seen[key]; twice {
			t.Errorf("%+v and %+v share a key", request, other)
		}
		seen[key] = request
	}
	for key, request := range seen {
		about := resilience.MatchKey(providers.CachePattern(samsung), key)
		company, ok := request.(providers.Company)
		if want := ok && company.RegistrationNumber == "1248100998"; about != want {
			t.Errorf("%+v is about the company: %v", request, about)
		}
	}
}
