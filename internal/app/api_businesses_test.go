package app

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// businessAnswer is what the tests read of a result, of a delivery that waits and
// of a problem.
type businessAnswer struct {
	ID, Outcome, Source, Detail, Code, Field string
	Status                                   any
}

// business asks the API about a company and reads the answer.
func (o *office) business(path, language string) (status int, said businessAnswer) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, "http://"+o.running.AdminAddr+"/api/v1/businesses/"+path, http.NoBody)
	o.check(err)
	r.Header.Set("Accept-Language", language)
	response, err := http.DefaultClient.Do(r)
	o.check(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	o.check(err)
	o.check(json.Unmarshal(body, &said, json.MatchCaseInsensitiveNames(true)))
	return response.StatusCode, said
}

// TestBusinessesOverHTTP asks while the registers answer, while they do not, and
// after a person has found out.
func TestBusinessesOverHTTP(t *testing.T) {
	o := newOffice(t, append(append([]string{}, quick...), "PROVIDERS_NICEDNB_BREAKER_FAILURES=1000", "PROVIDERS_NTS_BREAKER_FAILURES=1000")...)
	if status, said := o.business("124-81-00998", "ko"); status != 200 || said.Outcome != "active" || said.Source != "nicednb" {
		t.Errorf("%d %+v", status, said)
	}
	if status, said := o.business("1248100998/representatives?name="+url.QueryEscape("김민수"), "ko"); status != 200 || said.Outcome != "mismatch" {
		t.Errorf("%d %+v", status, said)
	}
	for _, c := range []struct{ path, language, field, says string }{
		{"12", "ko", "registration_number", "사업자등록번호"},
		{"12", "en", "registration_number", "ten digits"},
		{"124-81-00998/representatives", "en", "name", "enter the name"},
		{"124-81-00998/representatives?name=x&opened_on=1969", "ko", "opened_on", "개업일"},
		{"124-81-00998?name=x", "en", "name", "not a parameter"},
	} {
		if status, said := o.business(c.path, c.language); status != 422 || said.Field != c.field || said.Code != "invalid" || !strings.Contains(said.Detail, c.says) {
			t.Errorf("%s: %d %+v", c.path, status, said)
		}
	}

	o.fail("nicednb", "nts")
	status, waiting := o.business("220-81-62517", "ko")
	if status != 202 || waiting.Status != "manual_review" {
		t.Fatalf("%d %+v", status, waiting)
	}
	o.told(broker.StreamEvents, "event.business.verify.manual_review")
	if status, again := o.business("220 81 62517", "ko"); status != 202 || again.ID != waiting.ID {
		t.Errorf("asked again: %d %+v", status, again)
	}
	if status, other := o.business("220-81-62517/representatives?name="+url.QueryEscape("홍길동"), "ko"); status != 202 || other.ID == waiting.ID {
		t.Errorf("another question: %d %+v", status, other)
	}
	if code, out, _ := o.person("manual", "list", "-o", "json"); code != 0 || !strings.Contains(out, waiting.ID) {
		t.Errorf("not listed: %s", out)
	}
	if code, _, errs := o.person("manual", "complete", waiting.ID, "--name", "강원상사", "--company-status", "active", "--by", "lee"); code != 0 {
		t.Fatal(errs)
	}
	testkit.Eventually(t, 30*time.Second, func() bool {
		status, said := o.business("220-81-62517", "ko")
		return status == 200 && said.Source == "manual" && said.Outcome == "active"
	}, "what a person found out is not the answer")
}
