package smtp

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

const (
	testClientSecret = "client-secret-91aa"
	testRefresh      = "refresh-40be"
)

// tokenServer is a token endpoint whose answer a test may replace.
type tokenServer struct {
	*httptest.Server
	calls  atomic.Int64
	answer func(n int64, form url.Values, w http.ResponseWriter, r *http.Request)
}

func serveTokens(t *testing.T, answer func(n int64, form url.Values, w http.ResponseWriter, r *http.Request)) *tokenServer {
	t.Helper()
	s := &tokenServer{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.calls.Add(1)
		_ = r.ParseForm()
		w.Header().Set("Content-Type", "application/json")
		s.answer(n, r.PostForm, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// numbered gives out token-1, token-2, …
func numbered(n int64, _ url.Values, w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintf(w, `{"access_token":"%s-%d","token_type":"Bearer","expires_in":3599}`, testToken, n)
}

func (s *tokenServer) options() *OAuthOptions {
	return &OAuthOptions{TokenURL: s.URL + "/token", ClientID: "client-1", ClientSecret: Plain(testClientSecret), RefreshToken: Plain(testRefresh)}
}

// bearer accepts the tokens with the given endings.
func bearer(endings ...string) func(mechanism, response string) bool {
	return func(mechanism, response string) bool {
		for _, ending := range endings {
			if mechanism == "XOAUTH2" && response == "user="+testUser+"\x01auth=Bearer "+testToken+ending+"\x01\x01" {
				return true
			}
		}
		return false
	}
}

// TestXOAuth2: both flows ask as RFC 6749 says and log in; 50 callers share one token.
func TestXOAuth2(t *testing.T) {
	for _, c := range []struct {
		name, preset string
		refresh      bool
		want         url.Values
	}{
		{"refresh token, Gmail", Gmail, true, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {testRefresh}, "scope": {"https://mail.google.com/"}}},
		{"client credentials, Outlook", Outlook, false, url.Values{"grant_type": {"client_credentials"}, "scope": {"https://outlook.office365.com/.default"}}},
		{"refresh token, Outlook", Outlook, true, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {testRefresh}, "scope": {"https://outlook.office.com/SMTP.Send offline_access"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got atomic.Value
			tokens := serveTokens(t, func(n int64, form url.Values, w http.ResponseWriter, r *http.Request) {
				got.Store(form)
				numbered(n, form, w, r)
			})
			s := serve(t, func(s *scripted) { s.users = bearer("-1") })
			oauth := tokens.options()
			if !c.refresh {
				oauth.RefreshToken = nil
			}
			d := s.driver(func(o *Options) { o.Preset, o.OAuth, o.Password, o.MaxConns = c.preset, oauth, nil, 5 })
			var done sync.WaitGroup
			for range 50 {
				done.Go(func() {
					if err := send(t, d); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
			if n := tokens.calls.Load(); n != 1 {
				t.Errorf("%d token calls for 50 callers, want 1", n)
			}
			c.want.Set("client_id", "client-1")
			c.want.Set("client_secret", testClientSecret)
			if form := got.Load().(url.Values); form.Encode() != c.want.Encode() {
				t.Errorf("asked %q, want %q", form.Encode(), c.want.Encode())
			}
		})
	}
}

// TestTokenLife: a token is renewed before it ends, after its secret changed,
// and after the mail server refused it; a fresh one that is refused is not
// asked for again.
func TestTokenLife(t *testing.T) {
	var clock atomic.Int64
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	var secret atomic.Value
	secret.Store(testRefresh)
	var accepted atomic.Value
	accepted.Store("-1")
	tokens := serveTokens(t, numbered)
	s := serve(t, func(s *scripted) {
		s.users = func(mechanism, response string) bool { return bearer(accepted.Load().(string))(mechanism, response) }
	})
	oauth := tokens.options()
	oauth.RefreshToken = func() string { return secret.Load().(string) }
	d := s.driver(func(o *Options) { o.Preset, o.OAuth, o.Password, o.Now = Gmail, oauth, nil, now })
	step := func(name string, calls int64, logins int, want fault.Reason) {
		t.Helper()
		if err := send(t, d); fault.Of(err) != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if tokens.calls.Load() != calls || s.count("AUTH") != logins {
			t.Errorf("%s: %d token calls and %d logins, want %d and %d", name, tokens.calls.Load(), s.count("AUTH"), calls, logins)
		}
	}
	step("first", 1, 1, fault.None)
	step("again", 1, 1, fault.None)
	clock.Store(3599 - 61)
	step("near the end", 1, 1, fault.None)
	accepted.Store("-2")
	clock.Store(3599 - 59)
	step("renewed", 2, 2, fault.None)
	secret.Store("refresh-new")
	accepted.Store("-3")
	step("new secret", 3, 3, fault.None)
	// Revoked while kept: the server closes what it has and refuses the login.
	clock.Add(120)
	accepted.Store("-4")
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.conn.Close()
	}
	s.mu.Unlock()
	step("revoked", 4, 5, fault.None)
	accepted.Store("-none")
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.conn.Close()
	}
	s.mu.Unlock()
	step("refused although fresh", 4, 6, fault.Unauthorized)
}

// TestTokenFailures: the endpoint's answers, all without a secret in the error.
func TestTokenFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   fault.Reason
		code   string
	}{
		{"invalid_grant", 400, `{"error":"invalid_grant","error_description":"Token ` + testRefresh + ` was revoked"}`, fault.Unauthorized, "invalid_grant"},
		{"invalid_client", 401, `{"error":"invalid_client"}`, fault.Unauthorized, "invalid_client"},
		{"free text as code", 400, `{"error":"The secret ` + testClientSecret + ` is wrong"}`, fault.Unauthorized, ""},
		{"forbidden page", 403, `<html>`, fault.Unauthorized, ""},
		{"slow down", 429, `{"error":"slow_down"}`, fault.RateLimited, "slow_down"},
		{"server", 503, `busy`, fault.Unavailable, ""},
		{"temporary", 400, `{"error":"temporarily_unavailable"}`, fault.Unavailable, "temporarily_unavailable"},
		{"page", 200, `<html>sign in</html>`, fault.Unavailable, ""},
		{"truncated", 200, `{"access_token":"abc`, fault.Unavailable, ""},
		{"no token", 200, `{"token_type":"Bearer"}`, fault.Unavailable, ""},
		{"token with a line break", 200, `{"access_token":"a\r\nb","expires_in":10}`, fault.Unavailable, ""},
		{"other type", 200, `{"access_token":"abc","token_type":"mac"}`, fault.Unauthorized, ""},
		{"oversized", 200, `{"access_token":"` + strings.Repeat("a", providers.MaxAnswer) + `"}`, fault.Unavailable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tokens := serveTokens(t, func(_ int64, _ url.Values, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "9")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			s := serve(t, nil)
			d := s.driver(func(o *Options) { o.Preset, o.OAuth, o.Password = Gmail, tokens.options(), nil })
			ctx, exchange := providers.WithExchange(t.Context())
			_, err := d.Do(ctx, call(recipient))
			if fault.Of(err) != c.want || fault.As(err).Code != c.code {
				t.Errorf("%v, want %s with code %q", err, c.want, c.code)
			}
			if c.want == fault.RateLimited && fault.As(err).RetryAfter != 9*time.Second {
				t.Errorf("RetryAfter %s", fault.As(err).RetryAfter)
			}
			if exchange.Left || exchange.Endpoint != "smtp" || len(exchange.Response) > 0 || s.connections() > 0 {
				t.Errorf("the exchange shows the token call: %+v", exchange)
			}
			harmless(t, err, "")
			for _, secret := range []string{testRefresh, testClientSecret} {
				if strings.Contains(fmt.Sprintf("%v %#v", err, err), secret) {
					t.Errorf("%q is shown: %v", secret, err)
				}
			}
		})
	}
}

// TestTokenWaiters: a caller that waits obeys its own context, a caller that
// gives up takes nobody down, and one failure answers all who waited for it.
func TestTokenWaiters(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	arrived, release := make(chan struct{}, 64), make(chan int, 1)
	tokens := serveTokens(t, func(n int64, form url.Values, w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case status := <-release:
			if status != http.StatusOK {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			numbered(n, form, w, r)
		case <-r.Context().Done():
		}
	})
	source, err := newTokens(*tokens.options(), Presets()[Gmail], time.Now)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		token string
		err   error
	}
	ask := func(ctx context.Context) chan result {
		got, started := make(chan result, 1), make(chan struct{})
		go func() {
			close(started)
			token, err := source.Token(ctx)
			got <- result{token, err}
		}()
		<-started
		return got
	}
	leader, waiter := providertest.NewExpiring(context.Canceled), providertest.NewExpiring(context.DeadlineExceeded)
	led := ask(leader)
	<-arrived
	waited := ask(waiter)
	waiter.Expire()
	if r := <-waited; fault.Of(r.err) != fault.Timeout {
		t.Errorf("a waiter whose time is up: %+v", r)
	}
	follower := ask(t.Context())
	leader.Expire()
	if r := <-led; fault.Of(r.err) != fault.Cancelled {
		t.Errorf("the caller that gave up: %+v", r)
	}
	<-arrived // the follower asks for itself
	release <- http.StatusOK
	if r := <-follower; r.err != nil || r.token != testToken+"-2" {
		t.Errorf("the caller behind it: %+v", r)
	}
	source.mu.Lock()
	source.token = ""
	source.mu.Unlock()
	before := tokens.calls.Load()
	first := ask(t.Context())
	<-arrived
	var rest []chan result
	for range 20 {
		rest = append(rest, ask(t.Context()))
	}
	close(release) // from now on it fails, also for a caller that came too late to share
	if r := <-first; fault.Of(r.err) != fault.Unavailable {
		t.Errorf("failure: %+v", r)
	}
	for _, r := range rest {
		if got := <-r; fault.Of(got.err) != fault.Unavailable {
			t.Errorf("failure shared: %+v", got)
		}
	}
	if n := tokens.calls.Load() - before; n > 8 {
		t.Errorf("%d token calls for one failure", n)
	}
	source.close()
	tokens.Close()
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
}

// TestRotation: a refresh token that the server exchanged is used from then on,
// until another one is configured.
func TestRotation(t *testing.T) {
	used := make(chan string, 8)
	tokens := serveTokens(t, func(n int64, form url.Values, w http.ResponseWriter, _ *http.Request) {
		used <- form.Get("refresh_token")
		_, _ = fmt.Fprintf(w, `{"access_token":"a","refresh_token":"rotated-%d"}`, n)
	})
	configured := testRefresh
	options := tokens.options()
	options.RefreshToken = func() string { return configured }
	source, err := newTokens(*options, Presets()[Outlook], time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer source.close()
	for i, want := range []string{testRefresh, "rotated-1", "rotated-2", "by hand"} {
		if i == 3 {
			configured = "by hand"
		}
		source.mu.Lock()
		source.token = ""
		source.mu.Unlock()
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-used; got != want {
			t.Errorf("call %d used %q, want %q", i+1, got, want)
		}
	}
}
