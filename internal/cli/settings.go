package cli

import (
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Endpoints are the places a program of Gangway is reached at, and the token of
// its admin listener. Empty means not told.
type Endpoints struct {
	NATSURL     string
	PostgresURL string
	HTTPAddr    string
	AdminAddr   string
	AdminToken  string
}

// Settings is what a command line says about where things are. Environment and
// configuration files are read by the backends, which join both with [Settings.Resolve].
type Settings struct {
	ConfigFile string    // --config; "" for the usual one
	DataDir    string    // --data-dir: where a development stack keeps dev.env
	Flags      Endpoints // --nats-url, --postgres-url
	Dev        Endpoints // DataDir/dev.env; zero when no development stack runs there
}

// Resolve joins the flags with what environment and files say (configured), and
// falls back on the running development stack.
//
// The development stack counts only when neither a NATS nor a Postgres URL was
// told: a publisher that is told one production address must never meet the
// laptop's other half.
func (s Settings) Resolve(configured Endpoints) Endpoints {
	told := first(s.Flags, configured)
	if told.NATSURL != "" || told.PostgresURL != "" {
		return told
	}
	// The listeners have defaults, which must not hide the ports that the
	// development stack really took.
	return first(s.Flags, first(s.Dev, configured))
}

// NATS returns the URL of NATS, or an invalid fault that says how to give one.
func (e Endpoints) NATS() (string, error) {
	if e.NATSURL == "" {
		return "", fault.New(fault.Invalid, "settings",
			"nats.url is not set: give --nats-url or GANGWAY_NATS_URL, or start a development stack with worker dev")
	}
	return e.NATSURL, nil
}

// Postgres returns the connection string of Postgres, or an invalid fault that
// says how to give one.
func (e Endpoints) Postgres() (string, error) {
	if e.PostgresURL == "" {
		return "", fault.New(fault.Invalid, "settings",
			"postgres.url is not set: give --postgres-url or GANGWAY_POSTGRES_URL, or start a development stack with worker dev")
	}
	return e.PostgresURL, nil
}

// first takes each endpoint from a, else from b.
func first(a, b Endpoints) Endpoints {
	return Endpoints{
		NATSURL:     either(a.NATSURL, b.NATSURL),
		PostgresURL: either(a.PostgresURL, b.PostgresURL),
		HTTPAddr:    either(a.HTTPAddr, b.HTTPAddr),
		AdminAddr:   either(a.AdminAddr, b.AdminAddr),
		AdminToken:  either(a.AdminToken, b.AdminToken),
	}
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
