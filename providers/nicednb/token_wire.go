package nicednb

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

type tokenRequest struct {
	AppKey    string `json:"appKey"`
	AppSecret string `json:"appSecret"`
	GrantType string `json:"grantType"`
	Scope     string `json:"scope"`
}

// tokenReply has the token at the top or in dataBody; both were seen.
type tokenReply struct {
	tokenFields
	Body tokenFields `json:"dataBody"`
}

type tokenFields struct {
	AccessToken string               `json:"accessToken"`
	ExpiresIn   providers.VendorText `json:"expiresIn"` // seconds
}

func (p *Provider) fetchToken(ctx context.Context) (string, time.Duration, error) {
	body, err := json.Marshal(tokenRequest{
		AppKey: p.options.AppKey, AppSecret: p.options.AppSecret, GrantType: "client_credentials", Scope: "oob",
	})
	if err != nil {
		return "", 0, fault.New(fault.Internal, opToken, "the credentials are not UTF-8")
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	answer, err := p.client.Do(ctx, opToken, http.MethodPost, p.options.BaseURL+p.options.TokenPath, header, body)
	if err != nil {
		return "", 0, err
	}
	if answer.Status != http.StatusOK {
		e := providers.StatusFault(opToken, answer)
		if answer.Status == http.StatusBadRequest {
			e.Reason = fault.Unauthorized // the credentials are all that can be wrong in this request
		}
		return "", 0, e
	}
	return p.readToken(answer.Body)
}

func (p *Provider) readToken(body []byte) (string, time.Duration, error) {
	var got tokenReply
	if err := providers.DecodeAnswer(body, &got); err != nil {
		return "", 0, p.client.Unreadable(opToken, err)
	}
	fields := got.tokenFields
	if fields.AccessToken == "" {
		fields = got.Body
	}
	if fields.AccessToken == "" || len(fields.AccessToken) > 8192 || !headerSafe(fields.AccessToken) {
		return "", 0, p.client.Unreadable(opToken, errors.New("no accessToken"))
	}
	seconds, err := strconv.ParseInt(string(fields.ExpiresIn), 10, 32)
	if err != nil || seconds <= 0 {
		return fields.AccessToken, lifetime, nil //nolint:nilerr // what the documents promise stands for what is not said
	}
	return fields.AccessToken, time.Duration(seconds) * time.Second, nil
}

// headerSafe reports whether a token can stand in a header.
func headerSafe(value string) bool {
	for _, r := range value {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}
