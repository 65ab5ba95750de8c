package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// The options of a configuration reach the drivers: another contract of NICE D&B,
// and other paths of the public services.
func TestOptionsReachTheDrivers(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	answers := map[string]string{
		"/t": `{"accessToken":"t","expiresIn":60}`,
		"/d": `{"dataHeader":{"resCd":"OK"},"dataBody":{"bizNo":"1248100998","firm":"강원상사"}}`,
		"/n": `{"data":[{"b_no":"1248100998","b_stt":"계속사업자","b_stt_cd":"01"}]}`,
		"/j": `{"results":{"common":{"totalCount":"0","errorCode":"0"},"juso":[]}}`,
		"/k": `{"meta":{"total_count":0,"is_end":true},"documents":[]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		_, _ = io.WriteString(w, answers[r.URL.Path])
	}))
	defer server.Close()
	var d drivers
	configured := func(driver string, options map[string]string) config.Provider {
		return config.Provider{Name: driver, Driver: driver, URL: server.URL, Options: options, APIKey: config.NewSecret("k"), APISecret: config.NewSecret("s")}
	}
	company := func(options map[string]string, driver string) (providers.BusinessResult, error) {
		t.Helper()
		p, err := d.business(configured(driver, options))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Do(t.Context(), providers.Call[providers.Company]{Request: providers.Company{RegistrationNumber: "1248100998"}})
		var result providers.BusinessResult
		if err == nil {
			err = json.Unmarshal(answer.Result, &result)
		}
		return result, err
	}
	nice := map[string]string{
		"token_path": "/t", "detail_path": "/d", "success_codes": "OK,00", "no_data_codes": "N1", "codes": "Q7=quota_exhausted, Q8=refused", "field_name": "corp,firm",
	}
	if got, err := company(nice, "nicednb"); err != nil || got.Outcome != "found" || got.Company.Name != "강원상사" {
		t.Errorf("%+v, %v", got, err)
	}
	for body, want := range map[string]fault.Reason{
		`{"dataBody":{"errorCode":"N1"}}`: fault.None, `{"dataBody":{"errorCode":"NOAG1001"}}`: fault.Unavailable,
		`{"dataBody":{"errorCode":"Q7"}}`: fault.QuotaExhausted, `{"dataBody":{"errorCode":"Q8"}}`: fault.Refused,
		`{"dataHeader":{"resCd":"77"},"dataBody":{}}`: fault.Unavailable,
	} {
		mu.Lock()
		answers["/d"] = body
		mu.Unlock()
		if _, err := company(nice, "nicednb"); fault.Of(err) != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	for _, wrong := range []map[string]string{{"field_nmae": "x"}, {"codes": "Q7=nonsense"}} {
		if _, err := d.business(configured("nicednb", wrong)); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
	if got, err := company(map[string]string{"status_path": "/n", "batch_window": "1ms"}, "nts"); err != nil || got.Outcome != "active" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := d.business(configured("nts", map[string]string{"batch_window": "soon"})); err == nil || !strings.Contains(err.Error(), "batch_window") {
		t.Errorf("a window that is none: %v", err)
	}
	for driver, path := range map[string]string{"juso": "/j", "kakao": "/k"} {
		p, err := d.address(configured(driver, map[string]string{"path": path, "check_keyword": "춘천"}))
		if err != nil {
			t.Fatal(err)
		}
		err = p.Check(t.Context())
		mu.Lock()
		if err != nil || !slices.Contains(asked, path) {
			t.Errorf("%s: %v, asked %v", driver, err, asked)
		}
		mu.Unlock()
	}
}
