package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrPublisherClosed is returned after [Publisher.Close].
var ErrPublisherClosed = errors.New("broker: publisher is closed")

// Outgoing is one message to publish.
type Outgoing struct {
	Subject string
	// Headers belong to the publisher from the call on; nil is fine.
	Headers map[string][]string
	Body    []byte
	// MsgID is the Nats-Msg-Id: every repetition carries it, so that the stream
	// keeps one within its window. "" leaves the message without.
	MsgID string
}

// PublisherOptions tune a [Publisher]; zero values mean the defaults.
type PublisherOptions struct {
	// MaxPending bounds the messages without an acknowledgement over all calls;
	// more wait, obeying their context. Default 4096.
	MaxPending int
	// RetryFor is how long one message is repeated while no acknowledgement
	// comes; default 20 s. A leader election takes 4 to 7 seconds.
	RetryFor time.Duration
	// AckTimeout is how long one repetition waits; default 5 s.
	AckTimeout time.Duration
}

// Publisher publishes to streams and returns when they have acknowledged. It is
// safe for concurrent use and meant to be shared: messages of all callers are
// in flight together.
type Publisher struct {
	conn      *Conn
	js        jetstream.JetStream
	options   PublisherOptions
	slots     chan struct{}
	marshaler wmnats.NATSMarshaler

	mu      sync.RWMutex // held for reading by every call, so that Close waits for them
	closed  bool
	cleanup sync.Once
}

// NewPublisher returns a publisher on conn. It creates no streams.
func NewPublisher(conn *Conn, options PublisherOptions) (*Publisher, error) {
	if options.MaxPending <= 0 {
		options.MaxPending = 4096
	}
	if options.RetryFor <= 0 {
		options.RetryFor = 20 * time.Second
	}
	if options.AckTimeout <= 0 {
		options.AckTimeout = 5 * time.Second
	}
	// Its own instance: the library's count of pending messages and its time-out
	// belong to this publisher alone. The count leaves room for messages whose
	// caller gave up; the slots are the real bound.
	js, err := jetstream.New(conn.nc,
		jetstream.WithPublishAsyncMaxPending(4*options.MaxPending),
		jetstream.WithPublishAsyncTimeout(options.AckTimeout))
	if err != nil {
		return nil, fmt.Errorf("broker: new publisher: %w", err)
	}
	return &Publisher{conn: conn, js: js, options: options, slots: make(chan struct{}, options.MaxPending)}, nil
}

// Publish implements [message.Publisher]. The subject is the topic; metadata
// become headers as watermill-nats' NATSMarshaler writes them, and the UUID is
// the Nats-Msg-Id unless the metadata name one. It waits under the context of
// the first message.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	if len(messages) == 0 {
		return nil
	}
	msgs := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		msg, err := p.marshaler.Marshal(topic, m)
		if err != nil {
			return fmt.Errorf("broker: publish to %s: %w", topic, err)
		}
		if m.UUID != "" && msg.Header.Get(HeaderMsgID) == "" {
			msg.Header.Set(HeaderMsgID, m.UUID)
		}
		msgs[i] = msg
	}
	return p.send(messages[0].Context(), msgs)
}

// Send publishes messages, pipelined in their order, and returns when every one
// has been acknowledged. Errors are classified: unavailable when a stream is
// full ([ErrStreamRefused]) or does not answer in time, invalid when a message
// is larger than the server takes. With several messages the error is a
// [*SendError] that tells which were not stored; those may still have been when
// ctx ended or no answer came.
func (p *Publisher) Send(ctx context.Context, messages ...Outgoing) error {
	if len(messages) == 0 {
		return nil
	}
	msgs := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		header := nats.Header(m.Headers)
		if m.MsgID != "" {
			if header == nil {
				header = make(nats.Header, 1)
			}
			header[HeaderMsgID] = []string{m.MsgID}
		}
		msgs[i] = &nats.Msg{Subject: m.Subject, Header: header, Data: m.Body}
	}
	return p.send(ctx, msgs)
}

// Close waits for calls in progress and releases what the publisher holds; the
// connection stays open.
func (p *Publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.cleanup.Do(p.js.CleanupPublisher)
	return nil
}

var _ message.Publisher = (*Publisher)(nil)
