package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

const (
	sampleKey   = "key-3f9a71"
	sampleToken = "token-88c2"
)

// sample is a driver as the suite wants it: a token first, then one call.
type sample struct {
	url    string
	send   bool
	client *providers.HTTPClient

	mu    sync.Mutex
	token string
}

func (s *sample) Name() string { return "sample" }

func (s *sample) Do(ctx context.Context, call providers.Call[string]) (providers.Answer, error) {
	token, err := s.login(ctx)
	if err != nil {
		return providers.Answer{}, err
	}
	header := http.Header{"Authorization": {"Bearer " + token}}
	answer, err := s.client.Do(ctx, "call", http.MethodPost, s.url+"/call", header, []byte(call.Request))
	if err != nil {
		return providers.Answer{}, err
	}
	return s.judge(answer)
}

func (s *sample) judge(answer providers.HTTPAnswer) (providers.Answer, error) {
	switch answer.Status {
	case http.StatusOK:
		var body struct{ ID string }
		if err := json.Unmarshal(answer.Body, &body); err != nil {
			return providers.Answer{}, s.client.Unreadable("call", errors.New("no JSON"))
		}
		return providers.Answer{MessageID: body.ID, Result: jsontext.Value(answer.Body)}, nil
	case http.StatusTooManyRequests:
		e := fault.New(fault.RateLimited, "call", "slow down")
		e.RetryAfter = providers.RetryAfter(answer.Header, time.Now())
		return providers.Answer{}, e
	default:
		e := fault.New(fault.Unavailable, "call", "the vendor failed")
		e.Code = fmt.Sprint(answer.Status)
		return providers.Answer{}, e
	}
}

// login holds the lock over the call: all callers share one token.
func (s *sample) login(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fault.Wrap(fault.Of(err), "token", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" {
		return s.token, nil
	}
	client := providers.NewHTTPClient(false, 1)
	defer client.Close()
	answer, err := client.Do(ctx, "token", http.MethodPost, s.url+"/token", nil, []byte(sampleKey))
	if err != nil {
		return "", err
	}
	if strings.Contains(string(answer.Body), "<html>") {
		return "", client.Unreadable("token", errors.New("no token"))
	}
	s.token = string(answer.Body)
	return s.token, nil
}

func (s *sample) Check(ctx context.Context) error {
	_, err := s.Do(ctx, providers.Call[string]{})
	if fault.Of(err) == fault.UnknownOutcome {
		return fault.Wrap(fault.Unavailable, "check", err)
	}
	return err
}

func (s *sample) Close() { s.client.Close() }

// TestSuite runs the whole table for a send and for a look-up that behave.
func TestSuite(t *testing.T) {
	for _, send := range []bool{true, false} {
		t.Run(fmt.Sprintf("send=%v", send), func(t *testing.T) {
			Run(t, Suite[string]{
				New: func(_ *testing.T, baseURL string) providers.Provider[string] {
					return &sample{url: baseURL, send: send, client: providers.NewHTTPClient(send, 64)}
				},
				Request: "to kim@example.kr", Personal: []string{"kim@example.kr"},
				Secrets: []string{sampleKey, sampleToken}, Sends: send,
				Success: Reply{Body: `{"ID":"m-1"}`},
				Prelude: func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/token" {
						_, _ = w.Write([]byte(sampleToken))
						return true
					}
					return false
				},
				Verify: func(t *testing.T, answer providers.Answer) {
					if answer.MessageID != "m-1" {
						t.Errorf("MessageID = %q", answer.MessageID)
					}
				},
				Cases: []Case[string]{
					{
						Name: "limit", Answer: Reply{Status: 429, Header: map[string]string{"Retry-After": "7"}},
						Want: fault.RateLimited, RetryAfter: 7 * time.Second,
					},
					{Name: "failure", Answer: Reply{Status: 503}, Want: fault.Unavailable, Code: "503"},
				},
				Checks: []Case[string]{{Name: "failure", Answer: Reply{Status: 500}, Want: fault.Unavailable}},
			})
		})
	}
}

// TestDifferences proves that the suite can fail.
func TestDifferences(t *testing.T) {
	limited := &fault.Error{Reason: fault.RateLimited, Op: "call", Code: "429", RetryAfter: time.Minute}
	for _, c := range []struct {
		name  string
		want  fault.Reason
		code  string
		after time.Duration
		err   error
		found string
	}{
		{"right", fault.RateLimited, "429", time.Minute, limited, ""},
		{"success", fault.None, "", 0, nil, ""},
		{"error instead of success", fault.None, "", 0, limited, "want success"},
		{"success instead of error", fault.Refused, "", 0, nil, "no error"},
		{"unclassified", fault.Timeout, "", 0, context.DeadlineExceeded, "no reason"},
		{"other reason", fault.Refused, "", time.Minute, limited, "want refused"},
		{"other code", fault.RateLimited, "430", time.Minute, limited, "code"},
		{"other wait", fault.RateLimited, "429", 0, limited, "RetryAfter"},
		{"no operation", fault.Refused, "", 0, &fault.Error{Reason: fault.Refused}, "being done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := strings.Join(differences(c.want, c.code, c.after, c.err), "; ")
			if (c.found == "") != (found == "") || !strings.Contains(found, c.found) {
				t.Errorf("found %q, want %q", found, c.found)
			}
		})
	}
	if leaks("authorization: "+sampleKey, []string{"", sampleKey}) != sampleKey || leaks("all is well", []string{sampleKey, ""}) != "" {
		t.Error("leaks does not tell a leak from none")
	}
}

// TestNames: the list for other protocols names cases that exist.
func TestNames(t *testing.T) {
	has := map[string]bool{}
	for _, c := range (Suite[string]{Success: Reply{}}).all() {
		has[c.name] = true
	}
	for _, name := range Names(true) {
		if !has[name] {
			t.Errorf("Names has %q, the table has not", name)
		}
	}
}
