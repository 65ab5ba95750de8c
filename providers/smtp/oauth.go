package smtp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// OAuthOptions describe how access tokens are got. With a refresh token the
// flow is refresh_token (a mailbox that a person connected), else
// client_credentials (an application of its own).
type OAuthOptions struct {
	// TokenURL and Scope default to the preset's. Tenant is Microsoft's directory
	// id; default "organizations".
	TokenURL, Scope, Tenant string
	ClientID                string
	ClientSecret            func() string
	RefreshToken            func() string
}

// TokenSource gives out access tokens to whoever logs in beside the driver, such
// as the reader of a mailbox.
type TokenSource struct{ tokens *tokens }

// NewTokenSource returns a source of tokens of the account of a preset.
func NewTokenSource(preset string, o OAuthOptions) (*TokenSource, error) {
	tokens, err := newTokens(o, Presets()[preset], time.Now)
	if err != nil {
		return nil, err
	}
	return &TokenSource{tokens: tokens}, nil
}

// Token returns a token that is good for a while.
func (s *TokenSource) Token(ctx context.Context) (string, error) { return s.tokens.Token(ctx) }

// Forget drops a token that was not accepted, and reports whether asking again may
// give another one.
func (s *TokenSource) Forget(token string) bool { return s.tokens.Forget(token) }

// Close lets go of connections.
func (s *TokenSource) Close() { s.tokens.close() }

// tokenMargin is how long before its end a token is no longer used, so that it
// does not end between its check here and the server's.
const tokenMargin = time.Minute

// tokens keeps one access token for all callers.
type tokens struct {
	options OAuthOptions
	client  *providers.HTTPClient
	now     func() time.Time
	// turn is held by the one caller that fetches. A channel, because waiting
	// for it has to obey each caller's own context.
	turn chan struct{}

	mu      sync.Mutex
	token   string
	expires time.Time
	fetched time.Time
	// source is the secret that the token was made from: a changed one drops it.
	source string
	// rotated replaces a refresh token that the server exchanged for a new one.
	rotated, rotatedFrom string
	fetches              int
	failure              error
}

func newTokens(o OAuthOptions, preset Preset, now func() time.Time) (*tokens, error) {
	if o.Scope == "" {
		o.Scope = preset.Scope
		if o.RefreshToken == nil && preset.AppScope != "" {
			o.Scope = preset.AppScope
		}
	}
	if o.Tenant == "" {
		o.Tenant = "organizations"
	}
	if o.TokenURL == "" {
		o.TokenURL = strings.ReplaceAll(preset.TokenURL, "{tenant}", url.PathEscape(o.Tenant))
	}
	address, err := url.Parse(o.TokenURL)
	switch {
	case err != nil || address.Host == "" || address.User != nil:
		return nil, errors.New("smtp: the OAuth token URL is missing or no URL")
	case address.Scheme != "https" && !loopback(address.Hostname()):
		return nil, errors.New("smtp: the OAuth token URL must be https: it carries the client's secret")
	case o.ClientID == "":
		return nil, errors.New("smtp: OAuth needs a client id")
	case o.RefreshToken == nil && o.ClientSecret == nil:
		return nil, errors.New("smtp: OAuth needs a refresh token or a client secret")
	}
	return &tokens{options: o, now: now, client: providers.NewHTTPClient(false, 2), turn: make(chan struct{}, 1)}, nil
}

// Token returns a token that is good for a while. Of many callers without one,
// one fetches it and all get what it got, be it a failure.
func (t *tokens) Token(ctx context.Context) (string, error) {
	token, seen, _ := t.cached()
	if token != "" {
		return token, nil
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ended(ctx, "smtp: token")
	}
	defer func() { <-t.turn }()
	token, fetches, failure := t.cached()
	if token != "" {
		return token, nil
	}
	if fetches != seen && failure != nil {
		return "", failure
	}
	return t.fetch(ctx)
}

// Forget drops a token that the mail server did not take, and reports whether
// asking again may give another one. A token that was only just given out is
// not the trouble, and is kept from being asked for again and again.
func (t *tokens) Forget(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != token {
		return true
	}
	if t.now().Sub(t.fetched) < tokenMargin {
		return false
	}
	t.token = ""
	return true
}

func (t *tokens) close() { t.client.Close() }

// cached returns the token while it is good, and what the last fetch came to.
func (t *tokens) cached() (token string, fetches int, failure error) {
	material := t.material()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && t.source == material && t.now().Before(t.expires) {
		return t.token, t.fetches, nil
	}
	return "", t.fetches, t.failure
}

// material is the configured secret material that tokens are made from.
func (t *tokens) material() string {
	return ask(t.options.RefreshToken) + "\x00" + ask(t.options.ClientSecret)
}

func (t *tokens) fetch(ctx context.Context) (string, error) {
	material := t.material()
	grant, err := t.request(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		// A caller that gave up has found out nothing that others have to believe.
		if ctx.Err() == nil {
			t.fetches, t.failure = t.fetches+1, err
		}
		return "", err
	}
	t.fetches, t.failure = t.fetches+1, nil
	t.token, t.source, t.fetched = grant.AccessToken, material, t.now()
	t.expires = t.fetched.Add(max(time.Duration(grant.ExpiresIn)*time.Second-tokenMargin, time.Second))
	if grant.RefreshToken != "" {
		t.rotated, t.rotatedFrom = grant.RefreshToken, ask(t.options.RefreshToken)
	}
	return t.token, nil
}

// grant is the answer of a token endpoint (RFC 6749, sections 5.1 and 5.2).
type grant struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
}

func (t *tokens) request(ctx context.Context) (grant, error) {
	// The exchange of the message must not show the token call.
	ctx, _ = providers.WithExchange(ctx)
	form := url.Values{"client_id": {t.options.ClientID}, "scope": {t.options.Scope}}
	if secret := ask(t.options.ClientSecret); secret != "" {
		form.Set("client_secret", secret)
	}
	if refresh := t.refreshToken(); refresh != "" {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", refresh)
	} else {
		form.Set("grant_type", "client_credentials")
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	answer, err := t.client.Do(ctx, "smtp: token", http.MethodPost, t.options.TokenURL, header, []byte(form.Encode()))
	if err != nil {
		return grant{}, err
	}
	return t.judge(answer)
}

func (t *tokens) refreshToken() string {
	configured := ask(t.options.RefreshToken)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rotated != "" && t.rotatedFrom == configured {
		return t.rotated
	}
	return configured
}

// judge reads the answer. The vendor's description is left out: it repeats
// client ids and sometimes tokens.
func (t *tokens) judge(answer providers.HTTPAnswer) (grant, error) {
	var g grant
	err := json.Unmarshal(answer.Body, &g)
	failed := func(reason fault.Reason, says string) error {
		e := fault.New(reason, "smtp: token", "%s", says)
		e.RetryAfter = providers.RetryAfter(answer.Header, t.now())
		if isCode(g.Error) {
			e.Code = g.Error
		}
		return e
	}
	switch {
	case answer.Status == http.StatusTooManyRequests:
		return g, failed(fault.RateLimited, "the token endpoint asks to slow down")
	case answer.Status >= 500, g.Error == "temporarily_unavailable", g.Error == "server_error":
		return g, failed(fault.Unavailable, "the token endpoint failed")
	case answer.Status >= 400:
		return g, failed(fault.Unauthorized, "no access token is given: check client id, client secret and refresh token")
	case answer.Status != http.StatusOK || err != nil || g.AccessToken == "" || strings.ContainsAny(g.AccessToken, "\r\n\x00\x01"):
		return g, t.client.Unreadable("smtp: token", errors.New("not a token response"))
	case g.TokenType != "" && !strings.EqualFold(g.TokenType, "bearer"):
		return g, failed(fault.Unauthorized, "the token is no bearer token")
	}
	if g.ExpiresIn <= 0 {
		g.ExpiresIn = 300 // RFC 6749 allows silence; five minutes are within every vendor's life time
	}
	return g, nil
}

// isCode accepts the short words that RFC 6749 has for errors, not free text.
func isCode(word string) bool {
	return word != "" && len(word) <= 40 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") == ""
}

func ask(secret func() string) string {
	if secret == nil {
		return ""
	}
	return secret()
}

// ended is the fault of a context that is over.
func ended(ctx context.Context, op string) error {
	reason, says := fault.Timeout, "no answer in time"
	if errors.Is(ctx.Err(), context.Canceled) {
		reason, says = fault.Cancelled, "the call was cancelled"
	}
	return &fault.Error{Reason: reason, Op: op, Message: says, Err: ctx.Err()}
}
