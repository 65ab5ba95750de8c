package smtp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	mailsmtp "github.com/wneessen/go-mail/smtp"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// SESPassword derives the SMTP password of Amazon SES from a secret access key.
// It is bound to the region; keys of temporary credentials do not work.
// Version 4 of the derivation, from the SES developer guide.
func SESPassword(secretKey, region string) string {
	key := []byte("AWS4" + secretKey)
	for _, step := range []string{"11111111", region, "ses", "aws4_request", "SendRawEmail"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(step))
		key = mac.Sum(nil)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{4}, key...))
}

// credential is what a connection logs in with. A kept connection whose
// credential is no longer the current one is replaced.
type credential struct {
	login  string // AuthNone, AuthPlain, AuthLogin, AuthXOAuth2, or AuthAuto for plain or login
	user   string
	secret string // a password, or an access token
}

// credential returns the current one; for xoauth2 it may have to fetch a token.
func (d *Driver) credential(ctx context.Context) (credential, error) {
	c := credential{login: d.options.login(), user: d.options.Username}
	switch c.login {
	case AuthNone:
		return credential{login: AuthNone}, nil
	case AuthXOAuth2:
		token, err := d.oauth.Token(ctx)
		c.secret = token
		return c, err
	}
	c.secret = d.options.secret()()
	if c.secret == "" {
		return c, fault.New(fault.Unauthorized, "smtp: auth", "the password is empty")
	}
	return c, nil
}

// mechanism picks how to log in from what the server offers after EHLO.
func (c credential) mechanism(host, offered string) (mailsmtp.Auth, error) {
	has := func(name string) bool {
		for _, word := range strings.Fields(offered) {
			if strings.EqualFold(word, name) {
				return true
			}
		}
		return false
	}
	// The library refuses to show a secret without TLS to any but the local host.
	const plaintext = false
	switch {
	case c.login == AuthXOAuth2:
		return mailsmtp.XOAuth2Auth(c.user, c.secret), nil
	case c.login == AuthPlain, c.login == AuthAuto && has("PLAIN"):
		return mailsmtp.PlainAuth("", c.user, c.secret, host, plaintext), nil
	case c.login == AuthLogin, c.login == AuthAuto && has("LOGIN"):
		return mailsmtp.LoginAuth(c.user, c.secret, host, plaintext), nil
	}
	return nil, fault.New(fault.Unauthorized, "smtp: auth", "the server offers neither PLAIN nor LOGIN: set auth, or enable SMTP AUTH for the account")
}
