// Package config holds every knob of Gangway as plain data: one struct, one
// table that documents each key ([Keys]), a loader that layers flag over
// environment over file over default, and a validation that lists every mistake
// at once. Nothing below app fetches configuration; it is handed down as values.
package config

import (
	"time"
)

// Config is the whole configuration. [Load] fills it; every field has the value
// that is in force, defaults and presets included. A section with keys of both
// parts is named through its part: c.Static.HTTP.Addr, c.Live.HTTP.ClientRate.
type Config struct {
	Static `mapstructure:",squash"`
	Live   `mapstructure:",squash"`
}

// Static is what a worker starts with: a change needs a restart.
type Static struct {
	// Env is dev, staging or production.
	Env string `mapstructure:"-"`
	// Traces come from OpenTelemetry's own variables.
	Traces Traces `mapstructure:"-"`

	NATS     NATS       `mapstructure:"nats"`
	Postgres Postgres   `mapstructure:"postgres"`
	HTTP     Listener   `mapstructure:"http"`
	Admin    Listener   `mapstructure:"admin"`
	Log      Log        `mapstructure:"log"`
	Worker   Worker     `mapstructure:"worker"`
	Shutdown Shutdown   `mapstructure:"shutdown"`
	Cache    CacheSizes `mapstructure:"cache"`

	// MockInProduction allows mock mode in production, where it is otherwise refused.
	MockInProduction bool `mapstructure:"mock_in_production"`
	// DataDir is where worker dev keeps its data.
	DataDir string `mapstructure:"data_dir"`
	// Pool is how many commands of a kind one worker executes at once, by kind
	// ("email.send"). Every kind has an entry.
	Pool map[string]int `mapstructure:"pool"`
}

// Live is what takes effect without a restart. Whatever follows a reload is given
// this part alone.
type Live struct {
	// SecretsKey opens sealed values; it may hold several age identities, the
	// newest first. It comes from the environment only, never from a file of keys.
	SecretsKey Secret `mapstructure:"-"`

	// Mock sends every provider without a mode of its own to the simulator.
	Mock bool `mapstructure:"mock"`

	Postgres  Sealing    `mapstructure:"postgres"`
	HTTP      Clients    `mapstructure:"http"`
	Admin     Access     `mapstructure:"admin"`
	Log       LogLevel   `mapstructure:"log"`
	Templates Templates  `mapstructure:"templates"`
	Email     EmailRules `mapstructure:"email"`
	SMS       SMSRules   `mapstructure:"sms"`
	Marketing Marketing  `mapstructure:"marketing"`
	Health    Health     `mapstructure:"health"`
	Postcode  Postcode   `mapstructure:"postcode"`
	Retention Retention  `mapstructure:"retention"`
	Alerts    Alerts     `mapstructure:"alerts"`
	Cache     Cache      `mapstructure:"cache"`
	Routes    Routes     `mapstructure:"routes"`

	// Providers are the configured instances by name: those that a route names
	// and those that any source of the configuration mentions.
	Providers map[string]Provider `mapstructure:"providers"`
	// WebhooksOut are the endpoints that events are pushed to, by name.
	WebhooksOut map[string]WebhookOut `mapstructure:"webhooks_out"`
	// Retry is the backoff by kind. Every kind has an entry.
	Retry map[string]Retry `mapstructure:"retry"`
	// Fallback is what a look-up answers when nothing else does, by kind.
	Fallback map[string]Fallback `mapstructure:"fallback"`
}

// NATS is the connection to the bus and the shape of its streams.
type NATS struct {
	URL      DSN    `mapstructure:"url"`   // several with commas
	Creds    string `mapstructure:"creds"` // path of a .creds file
	TLS      Files  `mapstructure:"tls"`
	Replicas int    `mapstructure:"replicas"` // of every stream and bucket: 1, 3 or 5
	MaxBytes int64  `mapstructure:"max_bytes"`
}

// Files are PEM files of a TLS connection. CA "" means the system's authorities.
type Files struct {
	CA   string `mapstructure:"ca"`
	Cert string `mapstructure:"cert"`
	Key  string `mapstructure:"key"`
}

// Postgres is the connection to the database. URL is any pgx connection string.
type Postgres struct {
	URL      DSN `mapstructure:"url"`
	MaxConns int `mapstructure:"max_conns"`
}

// Sealing is what the database keeps encrypted.
type Sealing struct {
	// Seal encrypts the bodies of dead letters with [Live.SecretsKey].
	Seal bool `mapstructure:"seal"`
}

// Listener is where one of the two listeners is: the public one, or the one for
// everything but webhooks and address search.
type Listener struct {
	Addr string  `mapstructure:"addr"`
	TLS  KeyPair `mapstructure:"tls"`
}

// KeyPair is a listener's certificate; both empty means plain HTTP.
type KeyPair struct {
	Cert string `mapstructure:"cert"`
	Key  string `mapstructure:"key"`
}

// Clients are those of the public listener.
type Clients struct {
	// TrustedProxies are the addresses or networks whose X-Forwarded-For counts.
	TrustedProxies []string `mapstructure:"trusted_proxies"`
	// ClientRate and ClientBurst limit the address search, per client and second.
	ClientRate  float64 `mapstructure:"client_rate"`
	ClientBurst int     `mapstructure:"client_burst"`
}

// Access is who may use the admin listener.
type Access struct {
	Token  Secret   `mapstructure:"token"`
	Tokens []Secret `mapstructure:"tokens"` // see [Access.Grants]
}

// Log is how lines look. Format "" means console on a terminal, else json.
type Log struct {
	Format string `mapstructure:"format"`
}

// LogLevel is the least level that is logged.
type LogLevel struct {
	Level string `mapstructure:"level"`
}

// Templates says where templates override the embedded ones; "" for nowhere.
type Templates struct {
	Dir string `mapstructure:"dir"`
}

// Worker is how workers show each other that they are alive.
type Worker struct {
	// Heartbeat is how often a worker renews its liveness row.
	Heartbeat time.Duration `mapstructure:"heartbeat"`
	// Lease is how long that row counts: after it a worker's claims are dead.
	Lease time.Duration `mapstructure:"lease"`
	// AckWait is how long the broker waits for a sign of life of one message.
	AckWait time.Duration `mapstructure:"ack_wait"`
	// Reap is how often claims without a message are looked for.
	Reap time.Duration `mapstructure:"reap"`
	// LeaderLease is how long a fleet-wide singleton stays with a worker that is gone.
	LeaderLease time.Duration `mapstructure:"leader_lease"`
}

// Shutdown is how a worker ends.
type Shutdown struct {
	// Grace is how long commands in flight may take to finish.
	Grace time.Duration `mapstructure:"grace"`
}

// Health is how often every provider is checked.
type Health struct {
	Interval time.Duration `mapstructure:"interval"`
}

// Postcode is the page that picks an address with the Kakao widget.
type Postcode struct {
	Origins   []string `mapstructure:"origins"` // that may receive the picked address
	ScriptURL string   `mapstructure:"script_url"`
}

// Retention is how long rows are kept; 0 keeps them for ever.
type Retention struct {
	Deliveries  time.Duration `mapstructure:"deliveries"`
	Attempts    time.Duration `mapstructure:"attempts"`
	Events      time.Duration `mapstructure:"events"`
	Webhooks    time.Duration `mapstructure:"webhooks"`
	Deadletters time.Duration `mapstructure:"deadletters"`
	Audit       time.Duration `mapstructure:"audit"`
	Stats       time.Duration `mapstructure:"stats"`
	Alerts      time.Duration `mapstructure:"alerts"`
}

// Routes are the providers of each look-up and send, in the order of failover.
type Routes struct {
	Email    []string `mapstructure:"email"`
	SMS      []string `mapstructure:"sms"`
	Business []string `mapstructure:"business"`
	Address  []string `mapstructure:"address"`
}

// Of returns the providers of a route by its name: email, sms, business, address.
func (r Routes) Of(route string) []string {
	switch route {
	case "email":
		return r.Email
	case "sms":
		return r.SMS
	case "business":
		return r.Business
	case "address":
		return r.Address
	default:
		return nil
	}
}

// Retry is exponential backoff: Base, then times Factor, never above Cap, with
// at most Max rounds after the first.
type Retry struct {
	Base   time.Duration `mapstructure:"base"`
	Factor float64       `mapstructure:"factor"`
	Cap    time.Duration `mapstructure:"cap"`
	Max    int           `mapstructure:"max"`
}

// Fallback is a look-up's answer of last resort: a JSON object in the shape of
// the kind's result, or "" for none.
type Fallback struct {
	Default string `mapstructure:"default"`
}
