package resilience

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// SharedState is what the workers of a fleet tell each other through: keys with
// a time to live that are changed by compare-and-set and can be watched. Times
// are the server's.
type SharedState interface {
	// Get returns a nil value for a key that does not exist; the revision is then
	// what Swap expects of whoever creates it.
	Get(ctx context.Context, key string) (value []byte, revision uint64, at time.Time, err error)
	// Put writes whatever stands there; a ttl of 0 keeps it for good.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error)
	// Swap writes when the key stands at revision; else it has not won.
	Swap(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (next uint64, won bool, err error)
	// Delete removes a key; with a revision other than 0 only when it stands there.
	Delete(ctx context.Context, key string, revision uint64) (won bool, err error)
	// Watch reports what stands under the patterns and every change, until ctx
	// ends. A nil value says that the key is gone. synced follows each time when
	// everything that stands there has been reported.
	Watch(ctx context.Context, patterns []string, changed func(key string, value []byte, revision uint64, at time.Time), synced func()) error
}

// Keys of the shared state. The name of a provider or kind follows.
const (
	keyTrip   = "cb."     // a tripped breaker: tripRecord
	keyGate   = "probe."  // nobody else may probe while it stands: gateRecord
	keyHold   = "hold."   // <provider>.<cause>: Hold
	keyStop   = "stop."   // <kind>, paused by an operator: Hold
	keyTuned  = "limit."  // what an operator set: tunedRecord
	keyBucket = "bucket." // tokens: bucketRecord
	keyWorker = "worker." // <worker>: WorkerReport
	keyHealth = "health." // the result of the last check, opaque here
)

// HealthKey is where the record of a provider's health is kept; [Fleet.Health]
// follows it.
func HealthKey(provider string) string { return keyHealth + provider }

func watched() []string {
	return []string{keyTrip + "*", keyGate + "*", keyHold + ">", keyStop + ">", keyTuned + "*", keyBucket + "*", keyWorker + "*", keyHealth + "*"}
}

// tripRecord says that a breaker is not closed. Durations, never times, decide:
// the clocks of workers differ.
type tripRecord struct {
	ID         string    `json:"id"`
	Worker     string    `json:"worker"`
	CooldownMS int64     `json:"cooldown_ms"`
	Since      time.Time `json:"since"` // for people
	Reason     string    `json:"reason,omitzero"`
}

// gateRecord closes the way to the probe: for the cooldown, then for the worker
// that probes. Its time to live ends it by the server's clock; ForMS lets a
// worker that has lost the server count for itself.
type gateRecord struct {
	ForMS  int64  `json:"for_ms"`
	Probes string `json:"probes,omitzero"` // the worker that probes; "" during the cooldown
	ID     string `json:"id"`
}

// tunedRecord is a limit that an operator set over the configured one. It ends
// when that one changes.
type tunedRecord struct {
	Rate  *float64 `json:"rate,omitzero"`
	Burst *int     `json:"burst,omitzero"`
	Over  Limit    `json:"over"`
	By    string   `json:"by"`
}

// over is the limit that is in force where limit is configured.
func (r *tunedRecord) over(limit Limit) Limit {
	if r == nil || r.Over != limit {
		return limit
	}
	if r.Rate != nil {
		limit.Rate = *r.Rate
	}
	if r.Burst != nil {
		limit.Burst = *r.Burst
	}
	return limit
}

func encode(record any) []byte {
	value, err := json.Marshal(record)
	if err != nil {
		panic("resilience: a record cannot be encoded: " + err.Error()) // plain data: it cannot happen
	}
	return value
}

// decode returns nil for a value that is absent or was written by a later
// version of this program in a form that is not known here.
func decode[R any](value []byte) *R {
	if value == nil {
		return nil
	}
	record := new(R)
	if json.Unmarshal(value, record) != nil {
		return nil
	}
	return record
}

// named takes a key apart: "hold.ses.operator" is under "hold." the name "ses"
// with the rest "operator".
func named(key, prefix string) (name, rest string, ok bool) {
	name, ok = strings.CutPrefix(key, prefix)
	name, rest, _ = strings.Cut(name, ".")
	return name, rest, ok
}
