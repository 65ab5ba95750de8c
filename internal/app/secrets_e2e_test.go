package app

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// TestEndUsersSeeNothingOfAProvider lets calls fail that carry a key in their URL
// or header, and looks at everything that leaves the house or is written down.
func TestEndUsersSeeNothingOfAProvider(t *testing.T) {
	const key, refuses = "sesame-4f1c9e7b", "http://127.0.0.1:9" // nobody listens there
	env := append([]string{}, quick...)
	for _, name := range []string{"JUSO", "KAKAO", "NTS"} {
		env = append(env, "PROVIDERS_"+name+"_MODE=live", "PROVIDERS_"+name+"_URL="+refuses, "PROVIDERS_"+name+"_API_KEY="+key)
	}
	o := newOffice(t, append(env, "ROUTES_BUSINESS=nts", "LOG_LEVEL=debug")...)
	for _, path := range []string{
		"http://" + o.running.HTTPAddr + "/v1/addresses?keyword=" + url.QueryEscape("원주시청"),
		"http://" + o.running.AdminAddr + "/api/v1/businesses/220-81-62517",
		"http://" + o.running.AdminAddr + "/health",
		"http://" + o.running.AdminAddr + "/api/v1/providers",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		o.check(err)
		response, err := http.DefaultClient.Do(r)
		o.check(err)
		body, err := io.ReadAll(response.Body)
		o.check(err)
		_ = response.Body.Close()
		for _, secret := range []string{key, "127.0.0.1:9", "confmKey", "serviceKey"} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%s tells of %s: %d %s", path, secret, response.StatusCode, body)
			}
		}
		if response.StatusCode < 500 && strings.Contains(path, "/v1/addresses") {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
	failed := o.await(o.find("속초시청", ""), delivery.DeadLettered)
	if strings.Contains(failed.ErrorMessage, key) {
		t.Errorf("%+v", failed)
	}
	for _, call := range []string{`"provider":"juso","endpoint":"search"`, `"provider":"nts","endpoint"`} {
		if !strings.Contains(o.log.String(), call) {
			t.Errorf("no call with %s is in the log: nothing is shown by the key's absence", call)
		}
	}
	if where := o.keeps(key); len(where) > 0 {
		t.Errorf("the key is kept in %s", strings.Join(where, "; "))
	}
}
