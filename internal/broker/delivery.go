package broker

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Delivery is one handing-out of a stored message. A handler finds it with
// [DeliveryFrom] and writes down what is to become of the message; the
// subscriber carries that out when the handler has returned. A handler that
// writes nothing acknowledges by returning nil and is retried after a pause
// when it returns an error.
type Delivery struct {
	subject    string
	body       []byte
	header     nats.Header
	stream     string
	sequence   uint64
	deliveries int
	timestamp  time.Time

	feed  *feed // where it came from
	reply string
	size  int
	lane  int

	// prev and next link what is outstanding, for the heartbeat; the
	// subscription's lock guards them.
	prev, next *Delivery

	mu      sync.Mutex
	verdict verdict
	settled bool
}

type deliveryKey struct{}

// DeliveryFrom returns the delivery that ctx, a message's context or one
// derived from it, belongs to.
func DeliveryFrom(ctx context.Context) (*Delivery, bool) {
	d, ok := ctx.Value(deliveryKey{}).(*Delivery)
	return d, ok
}

// Subject is the subject the message is stored under: "email.send.high",
// "scheduled.due.email.send.high".
func (d *Delivery) Subject() string { return d.subject }

// Body is the payload. It must not be changed.
func (d *Delivery) Body() []byte { return d.body }

// Headers holds every header with every value; nil when the message has none.
// It must not be changed.
func (d *Delivery) Headers() map[string][]string { return d.header }

// Deliveries counts how often the message was handed out, this time included.
func (d *Delivery) Deliveries() int { return d.deliveries }

// Source says where the message came from. Our own headers go before the
// broker's: Nats-Msg-Id is stripped from a fired schedule and names a version
// on others, and the timestamp of a fired schedule is that of its firing.
// Headers that cannot be read count as absent.
func (d *Delivery) Source() command.Source {
	return sourceOf(d.header, d.stream, d.sequence, d.timestamp)
}

func sourceOf(header nats.Header, stream string, sequence uint64, timestamp time.Time) command.Source {
	src := command.Source{
		MsgID:       first(header, HeaderID),
		Stream:      stream,
		Sequence:    sequence,
		Timestamp:   timestamp,
		TraceParent: anyCase(header, HeaderTraceParent),
		TraceState:  anyCase(header, HeaderTraceState),
	}
	if src.MsgID == "" {
		src.MsgID = first(header, HeaderMsgID)
	}
	// An error costs more than to look first, and most messages have neither.
	if text := first(header, HeaderRequestedAt); text != "" {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			src.Timestamp = at
		}
	}
	if text := first(header, HeaderGeneration); text != "" {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			src.Generation = n
		}
	}
	return src
}

// Ack asks for the message to be acknowledged.
func (d *Delivery) Ack() { d.decide(verdict{kind: verdictAck}) }

// RetryIn asks for the message to be handed out again after delay. It occupies
// one of the consumer's places meanwhile: see [Delivery.CanRetryIn].
func (d *Delivery) RetryIn(delay time.Duration) {
	d.decide(verdict{kind: verdictRetry, delay: max(delay, 0)})
}

// Terminate asks for the message to be removed for good; reason is published
// in the server's advisory.
func (d *Delivery) Terminate(reason string) {
	d.decide(verdict{kind: verdictTerminate, reason: oneLine(reason, maxTermReason)})
}

// MaxShortDelay is the longest delay that [Delivery.CanRetryIn] allows.
const MaxShortDelay = 30 * time.Second

// lastShortDelivery is the delivery from which on every postponement must be a
// schedule: healthy naks count like crashes towards the consumer's MaxDeliver.
const lastShortDelivery = 10

// CanRetryIn reports whether RetryIn is right for this delay: at most
// [MaxShortDelay], before the tenth delivery, and while this worker has fewer
// than [SubscriberOptions].DelayedNaks outstanding. Otherwise publish a schedule
// and acknowledge.
func (d *Delivery) CanRetryIn(delay time.Duration) bool {
	return delay <= MaxShortDelay && d.deliveries < lastShortDelivery &&
		(delay <= 0 || d.feed.subscription.owner.naks.free(time.Now()))
}

func (d *Delivery) decide(v verdict) {
	d.mu.Lock()
	d.verdict = v
	d.mu.Unlock()
}

// first returns the first value of a header as it stands: the bus compares
// names exactly.
func first(header nats.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// anyCase is first for names that the W3C calls case-insensitive.
func anyCase(header nats.Header, name string) string {
	if value := first(header, name); value != "" {
		return value
	}
	for other, values := range header {
		if len(values) > 0 && strings.EqualFold(other, name) {
			return values[0]
		}
	}
	return ""
}
