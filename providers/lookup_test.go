package providers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// TestLookupShapes holds the results to the public contract, section 4.
func TestLookupShapes(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		result any
		want   string
	}{
		{"business", BusinessResult{
			Outcome: BusinessNotFound, Company: command.Company{RegistrationNumber: "1248100998"}, Source: "nicednb", AsOf: at,
		}, `{"outcome":"not_found","company":{"registration_number":"1248100998"},"source":"nicednb","stale":false,"as_of":"2026-03-01T09:00:00Z"}`},
		{"no addresses", AddressResult{Page: 1, Source: "juso", AsOf: at},
			`{"total":0,"page":1,"items":[],"source":"juso","stale":false,"as_of":"2026-03-01T09:00:00Z"}`},
		{"address", AddressResult{Total: 1, Page: 1, Source: "kakao", Stale: true, AsOf: at, Items: []AddressItem{{
			PostalCode: "24266", RoadAddress: "중앙로 1", Region: Region{Province: "강원특별자치도", City: "춘천시", Town: "봉의동"},
			Latitude: 37.8813, Longitude: 127.73,
		}}}, `{"total":1,"page":1,"items":[{"postal_code":"24266","road_address":"중앙로 1","jibun_address":"","building_name":"",` +
			`"detail_hint":"","region":{"province":"강원특별자치도","city":"춘천시","town":"봉의동"},"latitude":37.8813,"longitude":127.73}],` +
			`"source":"kakao","stale":true,"as_of":"2026-03-01T09:00:00Z"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, err := LookupAnswer("search", c.result)
			if err != nil || string(answer.Result) != c.want {
				t.Errorf("result = %s, %v\n    want %s", answer.Result, err, c.want)
			}
		})
	}
	if _, err := LookupAnswer("search", make(chan int)); fault.Of(err) != fault.Internal {
		t.Errorf("unmarshallable result: %v", err)
	}
}

func TestCleanText(t *testing.T) {
	for text, want := range map[string]string{
		" 강원\t특별 \n자치도 ": "강원 특별 자치도", "a\x00b": "a b", "": "", "\u0085": "", "plain": "plain",
	} {
		if got := CleanText(text); got != want {
			t.Errorf("CleanText(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCleanDate(t *testing.T) {
	for text, want := range map[string]string{
		"20200131": "2020-01-31", "2020-01-31": "2020-01-31", "2020.01.31": "2020-01-31", "": "", "20201301": "", "00000000": "", "soon": "",
	} {
		if got := CleanDate(text); got != want {
			t.Errorf("CleanDate(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestVendorText(t *testing.T) {
	for value, want := range map[string]string{
		`" a  b "`: "a b", `12`: "12", `"12"`: "12", `null`: "", `true`: "", `{"a":1}`: "", `[1]`: "", `"a\u0000b"`: "a b",
	} {
		got := VendorText("old")
		if err := json.Unmarshal([]byte(value), &got); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v, want %q", value, got, err, want)
		}
	}
}

// TestDecodeAnswer: an answer that cannot be read is not repeated in the error.
func TestDecodeAnswer(t *testing.T) {
	var into struct {
		N int `json:"n"`
	}
	if err := DecodeAnswer([]byte(`{"n":1,"n":2,"more":[]}`), &into); err != nil || into.N != 2 {
		t.Errorf("repeated and unknown members: %v, n = %d", err, into.N)
	}
	for _, body := range []string{``, `{"n":"key-3f9a71"}`, `{"n":1e400}`, `key-3f9a71`, `{"key-3f9a71":key-3f9a71}`, `{"n":1} key-3f9a71`, "{\"n\":\"\xff\"}"} {
		err := DecodeAnswer([]byte(body), &into)
		if err == nil || strings.Contains(err.Error(), "key") || strings.Contains(err.Error(), "3f9a71") {
			t.Errorf("%s: error = %v", body, err)
		}
	}
}

func TestStatusFault(t *testing.T) {
	header := http.Header{"Retry-After": {"7"}}
	for status, want := range map[int]fault.Error{
		401: {Reason: fault.Unauthorized}, 403: {Reason: fault.Unauthorized},
		429: {Reason: fault.RateLimited, RetryAfter: 7 * time.Second},
		500: {Reason: fault.Unavailable, RetryAfter: 7 * time.Second}, 503: {Reason: fault.Unavailable, RetryAfter: 7 * time.Second},
		504: {Reason: fault.Unavailable, RetryAfter: 7 * time.Second},
		302: {Reason: fault.Unavailable, RetryAfter: 7 * time.Second}, 404: {Reason: fault.Unavailable, RetryAfter: 7 * time.Second},
	} {
		got := StatusFault("search", HTTPAnswer{Status: status, Header: header})
		if got.Reason != want.Reason || got.RetryAfter != want.RetryAfter || got.Op != "search" || !strings.HasPrefix(got.Code, "HTTP ") {
			t.Errorf("%d = %+v, want reason %s, wait %s", status, got, want.Reason, want.RetryAfter)
		}
	}
}
