package config

import (
	"cmp"
	"time"
)

// Provider is one configured instance of a driver. Fields that a driver does not
// use are ignored by it.
type Provider struct {
	// Name is the key under providers.
	Name string `mapstructure:"-"`
	// Driver is the code that speaks to the vendor: one of [Drivers].
	Driver string `mapstructure:"driver"`
	// Mode is live or mock, the global mock already taken into account.
	Mode string `mapstructure:"mode"`

	// URL is the base of an HTTP API, without a path and without a slash at the
	// end: https://api.solapi.com.
	URL string `mapstructure:"url"`
	// Host, Port and TLS (starttls, tls, none) are a mail server's.
	Host string `mapstructure:"host"`
	Port int    `mapstructure:"port"`
	TLS  string `mapstructure:"tls"`
	// CA is a PEM file of authorities trusted instead of the system's.
	CA string `mapstructure:"ca"`

	Timeout time.Duration `mapstructure:"timeout"` // of one call
	// Rate is calls a second over the whole fleet, Burst how many at once, Quota
	// how many a day. 0 means no limit (Burst 0: as many as a second's rate).
	Rate  float64 `mapstructure:"rate"`
	Burst int     `mapstructure:"burst"`
	Quota int64   `mapstructure:"quota"`
	// MaxConns bounds the connections of one worker.
	MaxConns int `mapstructure:"max_conns"`

	// LogLevel is this provider's own level; "" follows log.level.
	LogLevel string `mapstructure:"log_level"`
	// OnUnknown is what follows an unknown outcome: confirm, retry or hold.
	OnUnknown string `mapstructure:"on_unknown"`

	// Auth is how a mail server is logged in to: auto, plain, login, xoauth2, none.
	Auth      string `mapstructure:"auth"`
	Username  string `mapstructure:"username"`
	Password  Secret `mapstructure:"password"`
	APIKey    Secret `mapstructure:"api_key"`
	APISecret Secret `mapstructure:"api_secret"`
	OAuth     OAuth  `mapstructure:"oauth"`

	// From is the sender when a command names none: an e-mail address, or a
	// registered phone number.
	From   string `mapstructure:"from"`
	Region string `mapstructure:"region"`

	Breaker Breaker `mapstructure:"breaker"`
	Webhook Webhook `mapstructure:"webhook"`
	Bounces Bounces `mapstructure:"bounces"`
	// Options are a driver's own settings: paths, field maps, identifiers. Keys
	// are lower case with "_"; lists are joined with commas.
	Options map[string]string `mapstructure:"options"`
}

// Mock reports whether the provider is served by the simulator.
func (p Provider) Mock() bool { return p.Mode == ModeMock }

// OAuth are the settings of xoauth2. Without a refresh token the flow is client
// credentials.
type OAuth struct {
	TokenURL     string `mapstructure:"token_url"`
	ClientID     string `mapstructure:"client_id"`
	ClientSecret Secret `mapstructure:"client_secret"`
	RefreshToken Secret `mapstructure:"refresh_token"`
	Scope        string `mapstructure:"scope"`
}

// Breaker opens after Failures in a row and probes again after Cooldown.
type Breaker struct {
	Failures int           `mapstructure:"failures"`
	Cooldown time.Duration `mapstructure:"cooldown"`
}

// Webhook is how a provider's webhooks are verified.
type Webhook struct {
	Secrets   []Secret      `mapstructure:"secrets"`    // newest first; any of them is accepted
	PublicKey string        `mapstructure:"public_key"` // SendGrid: base64 SPKI
	TopicARNs []string      `mapstructure:"topic_arns"` // SNS: topics that are believed
	Tolerance time.Duration `mapstructure:"tolerance"`  // how far a timestamp may be off
	AllowFrom []string      `mapstructure:"allow_from"` // addresses or networks; empty for any
	// Certificates is a folder trusted beside Amazon's host rule, in mock mode only.
	Certificates string `mapstructure:"certificates"`
}

// Bounces is the mailbox to which bounces come back, of mail servers that report
// by mail alone. It is read when Host is set.
type Bounces struct {
	Host string `mapstructure:"host"`
	Port int    `mapstructure:"port"`
	TLS  string `mapstructure:"tls"` // tls, starttls, none
	// Username and Password default to those of the mail server; so does xoauth2.
	Username string        `mapstructure:"username"`
	Password Secret        `mapstructure:"password"`
	Folder   string        `mapstructure:"folder"`
	Done     string        `mapstructure:"done"` // where read ones are moved to; "" marks them
	Every    time.Duration `mapstructure:"every"`
}

// BouncesUser is who logs in to the mailbox.
func (p Provider) BouncesUser() string { return cmp.Or(p.Bounces.Username, p.Username) }

// Values of [Provider.Mode].
const (
	ModeLive = "live"
	ModeMock = "mock"
)

// Values of [Provider.OnUnknown].
const (
	OnUnknownConfirm = "confirm" // ask the provider, or wait for its event with our id
	OnUnknownRetry   = "retry"   // same provider, same Message-ID
	OnUnknownHold    = "hold"    // status unknown, for a person
)
