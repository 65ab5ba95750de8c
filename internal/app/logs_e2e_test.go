package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// callLine is the wide line of one provider call.
type callLine struct {
	Msg       string         `json:"msg"`
	Level     string         `json:"level"`
	Provider  string         `json:"provider"`
	Endpoint  string         `json:"endpoint"`
	Method    string         `json:"method"`
	URL       string         `json:"url"`
	Status    string         `json:"status"`
	Duration  *float64       `json:"duration"`
	Outcome   string         `json:"outcome"`
	Reason    string         `json:"reason"`
	Error     string         `json:"error"`
	CommandID uuid.UUID      `json:"command_id"`
	TraceID   string         `json:"trace_id"`
	Request   jsontext.Value `json:"request"`
	Response  jsontext.Value `json:"response"`
}

// callOf waits for the line about a command's call to a provider.
func (o *office) callOf(id uuid.UUID) (found callLine) {
	o.t.Helper()
	testkit.Eventually(o.t, 20*time.Second, func() bool {
		for text := range strings.Lines(o.log.String()) {
			var line callLine
			if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "provider call" && line.CommandID == id {
				found = line
				return true
			}
		}
		return false
	}, "a line for the call of %s", id)
	return found
}

// TestEveryCallIsLogged: one line in one form for each call of every integration,
// with the whole exchange where its level is debug, and no secret in it.
func TestEveryCallIsLogged(t *testing.T) {
	t.Parallel()
	const key = "a key that nobody may read"
	o := newOffice(t, "LOG_LEVEL=info", "PROVIDERS_NICEDNB_LOG_LEVEL=debug", "PROVIDERS_JUSO_LOG_LEVEL=debug", "PROVIDERS_JUSO_API_KEY="+key,
		"PROVIDERS_SENS_LOG_LEVEL=debug", "PROVIDERS_SOLAPI_LOG_LEVEL=debug", "PROVIDERS_NHNCLOUD_LOG_LEVEL=debug", "PROVIDERS_SNS_LOG_LEVEL=debug")
	for _, c := range []struct {
		kind, body string
		debug      bool
		answered   delivery.Status
	}{
		{"email.send", `{"to":["kim@example.kr"],"subject":"접수 안내","text":"y"}`, false, delivery.Sent},
		{"sms.send", `{"to":"010-1234-5678","text":"접수되었습니다."}`, true, delivery.Sent},
		{"business.verify", `{"registration_number":"124-81-00998"}`, true, delivery.Completed},
		{"address.search", `{"keyword":"중앙로 1"}`, true, delivery.Completed},
	} {
		id := o.publish(c.kind, c.body)
		o.await(id, c.answered, delivery.Delivered)
		line := o.callOf(id)
		if line.Level != "info" || line.Provider == "" || line.Endpoint == "" || line.Status == "" || line.Duration == nil || line.Outcome != "ok" || len(line.TraceID) != 32 {
			t.Errorf("%s: %+v", c.kind, line)
		}
		if !c.debug {
			if line.Request != nil || line.Response != nil {
				t.Errorf("%s: the exchange stands in the log at level info", c.kind)
			}
			continue
		}
		var request struct {
			Method, URL string
			Headers     map[string]string
			Body        jsontext.Value
		}
		var response struct {
			Status  string
			Headers map[string]string
			Body    jsontext.Value
		}
		matching := json.MatchCaseInsensitiveNames(true)
		if err := json.Unmarshal(line.Request, &request, matching); err != nil || request.Method == "" || request.URL == "" || len(request.Headers) == 0 && request.Method == http.MethodPost {
			t.Errorf("%s: request %s, %v", c.kind, line.Request, err)
		}
		if err := json.Unmarshal(line.Response, &response, matching); err != nil || response.Status == "" || len(response.Headers) == 0 || len(response.Body) == 0 {
			t.Errorf("%s: response %s, %v", c.kind, line.Response, err)
		}
	}
	if strings.Contains(o.log.String(), key) || strings.Contains(o.log.String(), strings.ReplaceAll(key, " ", "%20")) || strings.Contains(o.log.String(), strings.ReplaceAll(key, " ", "+")) {
		t.Error("the log shows a key")
	}
	for _, secret := range []string{"01012345678", "010-1234-5678", "접수되었습니다"} {
		if strings.Contains(o.log.String(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
}

// TestEveryFailureIsLogged: a failed call says what failed, of what command, and why.
func TestEveryFailureIsLogged(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "LOG_LEVEL=info")
	for kind, body := range map[string]string{
		"email.send": `{"to":["reject@example.kr"],"subject":"x","text":"y"}`, "sms.send": `{"to":"010-0000-0002","text":"x"}`,
		"address.search": `{"keyword":"모의오류"}`,
	} {
		line := o.callOf(o.publish(kind, body))
		if line.Level != "warn" || line.Outcome != "failed" || line.Reason == "" || line.Error == "" || line.Provider == "" || len(line.TraceID) != 32 {
			t.Errorf("%s: %+v", kind, line)
		}
	}
}
