package smtp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"time"
)

// Ways to encrypt the connection.
const (
	StartTLS = "starttls" // demanded: a server that does not offer it gets nothing
	TLS      = "tls"      // from the first byte, port 465
	NoTLS    = "none"     // for a relay on this machine
)

// Ways to log in.
const (
	AuthAuto    = "auto" // xoauth2 when OAuth is set; else plain or login, as offered; none without a user name
	AuthPlain   = "plain"
	AuthLogin   = "login"
	AuthXOAuth2 = "xoauth2"
	AuthNone    = "none"
)

// Options describe one mail server and account. Empty fields take what the
// preset says, then the defaults given here. Secrets are functions that are
// asked before every message, so that a new secret is used at once and
// connections that logged in with an old one are replaced.
type Options struct {
	Name   string // the configured name; default: the preset's, or "smtp"
	Preset string // Gmail, Outlook, SendGrid, SES or ""

	Host string
	Port int
	TLS  string
	// RootCAs are trusted instead of the system's.
	RootCAs *x509.CertPool
	// TLSConfig is the base of the TLS settings; ServerName defaults to Host.
	TLSConfig *tls.Config
	// Helo is the name to greet with; default: this machine's.
	Helo string

	Auth     string
	Username string
	Password func() string
	// AWSSecretKey and Region derive the password of Amazon SES from the secret
	// key of the user whose access key id is Username. Region also picks the host;
	// default ap-northeast-2.
	AWSSecretKey func() string
	Region       string
	// OAuth gets tokens for xoauth2.
	OAuth *OAuthOptions

	// From is the sender of messages that name none.
	From string
	// ConfigurationSet of Amazon SES, without which it reports nothing.
	ConfigurationSet string

	// MaxConns is how many connections are open at most; default: the preset's.
	MaxConns int
	// IdleTimeout closes connections unused for so long; default 30 s.
	IdleTimeout time.Duration
	// CheckAfter is the idle time after which a kept connection is tried with
	// NOOP before it is trusted; default 5 s.
	CheckAfter time.Duration
	// ConnectTimeout bounds connecting and logging in within a call's own
	// time-out; default 10 s.
	ConnectTimeout time.Duration
	Now            func() time.Time
}

// Plain returns a secret that does not change.
func Plain(secret string) func() string { return func() string { return secret } }

// complete fills in defaults and reports what cannot work.
func (o Options) complete() (Options, error) {
	preset, known := Presets()[o.Preset]
	if !known {
		return o, fmt.Errorf("smtp: preset %q is unknown: use gmail, outlook, sendgrid, ses or none", o.Preset)
	}
	o.Name = cmp.Or(o.Name, o.Preset, "smtp")
	o.Region = cmp.Or(o.Region, "ap-northeast-2")
	o.Host = cmp.Or(o.Host, strings.ReplaceAll(preset.Host, "{region}", o.Region))
	o.Port = cmp.Or(o.Port, preset.Port)
	o.TLS = cmp.Or(o.TLS, preset.TLS)
	o.Auth = cmp.Or(o.Auth, preset.Auth)
	o.Username = cmp.Or(o.Username, preset.Username)
	o.MaxConns = cmp.Or(o.MaxConns, preset.MaxConns)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 30*time.Second)
	o.CheckAfter = cmp.Or(o.CheckAfter, 5*time.Second)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 10*time.Second)
	o.Helo = cmp.Or(o.Helo, ownName())
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, errors.Join(o.problems()...)
}

func (o Options) problems() []error {
	var found []error
	say := func(format string, args ...any) {
		found = append(found, fmt.Errorf("smtp %s: "+format, append([]any{o.Name}, args...)...))
	}
	if o.Host == "" || strings.ContainsAny(o.Host, " \r\n/") {
		say("host %q is not a host name", o.Host)
	}
	if o.Port < 1 || o.Port > 65535 {
		say("port %d is not a port", o.Port)
	}
	if o.MaxConns < 1 {
		say("max_conns must be at least 1, not %d", o.MaxConns)
	}
	switch o.TLS {
	case StartTLS, TLS:
	case NoTLS:
		if o.login() != AuthNone && !loopback(o.Host) {
			say("a login without TLS would show the secret: use starttls or tls for %s", o.Host)
		}
	default:
		say("tls must be starttls, tls or none, not %q", o.TLS)
	}
	switch o.Auth {
	case AuthAuto, AuthNone:
	case AuthPlain, AuthLogin:
		if o.Username == "" || o.secret() == nil {
			say("auth %s needs a user name and a password", o.Auth)
		}
	case AuthXOAuth2:
		if o.Username == "" || o.OAuth == nil {
			say("auth xoauth2 needs a user name and OAuth settings")
		}
	default:
		say("auth must be auto, plain, login, xoauth2 or none, not %q", o.Auth)
	}
	if o.From != "" {
		if _, err := mail.ParseAddress(o.From); err != nil {
			say("from %q is not an e-mail address", o.From)
		}
	}
	if !tagRE().MatchString(o.ConfigurationSet) {
		say("configuration set %q may have letters, digits, _ and - only", o.ConfigurationSet)
	}
	if !heloRE().MatchString(o.Helo) {
		say("helo name %q is not a host name", o.Helo)
	}
	return found
}

// login is the way to log in that auto stands for: none, xoauth2, or auto for
// plain or login as the server offers.
func (o Options) login() string {
	switch {
	case o.Auth != AuthAuto:
		return o.Auth
	case o.OAuth != nil:
		return AuthXOAuth2
	case o.Username == "" || o.secret() == nil:
		return AuthNone
	}
	return AuthAuto
}

// secret is the source of the password, nil for none.
func (o Options) secret() func() string {
	if o.AWSSecretKey != nil {
		return func() string { return SESPassword(o.AWSSecretKey(), o.Region) }
	}
	return o.Password
}

func tagRE() *regexp.Regexp  { return regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`) }
func heloRE() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9.\[\]:-]{1,255}$`) }

// ownName is this machine's name, as far as a server would take it.
func ownName() string {
	name, err := os.Hostname()
	if err != nil || !heloRE().MatchString(name) {
		return "localhost"
	}
	return name
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
