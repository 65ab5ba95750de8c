package dashboard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Topic is something that the page shows and that changes by itself.
type Topic struct {
	Name string
	// Every is how old what is shown may be. Nobody watches, nothing is read.
	Every time.Duration
	// Read returns it as it is now. It may fail: the page then says that it does
	// not know.
	Read func(ctx context.Context) (any, error)
}

// LiveOptions tune a [Live]; zero values mean the defaults.
type LiveOptions struct {
	// Draining tells a stream that the server ends; nil for never.
	Draining func(context.Context) <-chan struct{}
	// Code names the reason of an error that the page is told; nil for "internal".
	Code func(error) string
	// Watchers is how many pages may watch at once; default 32.
	Watchers int
}

// Live streams topics to pages as server-sent events: each topic's state when a
// page begins to watch, and again whenever it changes. However many watch, a topic
// is read once.
type Live struct {
	topics   []*topic
	options  LiveOptions
	watchers chan struct{}
}

// NewLive returns a stream of topics.
func NewLive(topics []Topic, options LiveOptions) *Live {
	if options.Watchers <= 0 {
		options.Watchers = 32
	}
	if options.Draining == nil {
		options.Draining = func(context.Context) <-chan struct{} { return nil }
	}
	if options.Code == nil {
		options.Code = func(error) string { return "internal" }
	}
	l := &Live{options: options, watchers: make(chan struct{}, options.Watchers)}
	for _, t := range topics {
		l.topics = append(l.topics, &topic{Topic: t, code: options.Code})
	}
	return l
}

const (
	// look is how often a stream looks whether anything is due.
	look = time.Second
	// heartbeat keeps proxies from closing a stream on which nothing happens.
	heartbeat = 15 * time.Second
	// longest is how long a stream lasts. The page comes again by itself, and is
	// asked again who it is.
	longest = 15 * time.Minute
	// patience is how long a client may take to read what was sent.
	patience = 20 * time.Second
)

// ServeHTTP implements [http.Handler].
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case l.watchers <- struct{}{}:
		defer func() { <-l.watchers }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many pages watch", http.StatusServiceUnavailable)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx would keep it back
	ctx, cancel := context.WithTimeout(r.Context(), longest)
	defer cancel()
	s := stream{w: w, control: http.NewResponseController(w), told: map[*topic]state{}}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for s.send(ctx, l.topics) == nil {
		select {
		case <-tick.C:
		case <-l.options.Draining(r.Context()):
			return
		case <-ctx.Done():
			return
		}
	}
}

// stream is one page that watches.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	told    map[*topic]state
	last    time.Time
}

// send sends what the page does not know yet.
func (s *stream) send(ctx context.Context, topics []*topic) error {
	news := []byte(nil)
	for _, t := range topics {
		now, ok := t.state(ctx)
		if !ok || s.told[t].sum == now.sum {
			continue
		}
		s.told[t] = now
		news = fmt.Appendf(news, "event: %s\ndata: %s\n\n", t.Name, now.text)
	}
	if len(news) == 0 && time.Since(s.last) >= heartbeat {
		news = []byte(": still here\n\n")
	}
	if len(news) == 0 {
		return ctx.Err()
	}
	s.last = time.Now()
	// The server bounds the time of a whole answer; here each part has its own.
	if err := s.control.SetWriteDeadline(s.last.Add(patience)); err != nil {
		return err
	}
	if _, err := s.w.Write(news); err != nil {
		return err
	}
	return s.control.Flush()
}

// topic keeps what was read last.
type topic struct {
	Topic
	code func(error) string

	mu    sync.Mutex
	at    time.Time
	known state
}

// state is a topic as JSON.
type state struct {
	text []byte
	sum  [sha256.Size]byte
}

// readTime bounds one reading.
const readTime = 5 * time.Second

// state returns the topic as it is now or was shortly ago; false when the page
// is gone before that is known.
func (t *topic) state(ctx context.Context) (state, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.at.IsZero() && time.Since(t.at) < t.Every {
		return t.known, true
	}
	read, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	value, err := t.Read(read)
	var text []byte
	if err == nil {
		text, err = json.Marshal(value, json.Deterministic(true))
	}
	if ctx.Err() != nil {
		return state{}, false
	}
	if err != nil {
		text = fmt.Appendf(nil, `{"error":%q}`, t.code(err))
	}
	t.at, t.known = time.Now(), state{text: text, sum: sha256.Sum256(text)}
	return t.known, true
}
