package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// State is the bucket of what the workers of a fleet share: trips, pauses,
// leases, tokens. Its methods take and give plain values, so that those who use
// it need to know neither this package nor NATS.
type State struct {
	conn   *Conn
	kv     jetstream.KeyValue
	stream jetstream.Stream
	prefix string // of subjects; the key follows
}

// ErrTaken reports that a key does not stand at the expected revision: somebody
// else was faster.
var ErrTaken = errors.New("broker: state: the key was changed meanwhile")

// ShortestTTL is the shortest time to live that the server takes. It counts
// whole seconds; what is between is rounded up.
const ShortestTTL = time.Second

const (
	headerOperation = "KV-Operation"
	headerMarker    = "Nats-Marker-Reason"
)

// OpenState opens the bucket, which [Provision] made.
func OpenState(ctx context.Context, conn *Conn) (*State, error) {
	kv, err := conn.js.KeyValue(ctx, BucketState)
	if err != nil {
		return nil, fmt.Errorf("broker: open bucket %s: %w", BucketState, err)
	}
	stream, err := conn.js.Stream(ctx, "KV_"+BucketState)
	if err != nil {
		return nil, fmt.Errorf("broker: open bucket %s: %w", BucketState, err)
	}
	return &State{conn: conn, kv: kv, stream: stream, prefix: "$KV." + BucketState + "."}, nil
}

// Get returns a key's value and revision. The value is nil when the key does not
// exist, has expired or was deleted; the revision is then what [State.Swap]
// expects of whoever creates it. In a cluster the answer may lag behind.
func (s *State) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	msg, err := s.stream.GetLastMsgForSubject(ctx, s.prefix+key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("broker: state: get %s: %w", key, err)
	}
	if gone(msg.Header) {
		return nil, msg.Sequence, nil
	}
	return present(msg.Data), msg.Sequence, nil
}

// Put writes a key whatever stands there. A ttl of 0 keeps it for good.
func (s *State) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error) {
	return s.write(ctx, key, value, ttl)
}

// Swap writes a key that stands at revision, else it fails with [ErrTaken]. It
// is a publication and not the bucket's own Update, because that drops the time
// to live: a lease renewed by it would never expire.
func (s *State) Swap(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	return s.write(ctx, key, value, ttl, jetstream.WithExpectLastSequencePerSubject(revision))
}

// Delete removes a key, with a revision other than 0 only when it stands there.
func (s *State) Delete(ctx context.Context, key string, revision uint64) error {
	var options []jetstream.KVDeleteOpt
	if revision > 0 {
		options = append(options, jetstream.LastRevision(revision))
	}
	if err := s.kv.Delete(ctx, key, options...); err != nil {
		return s.failed("delete", key, err)
	}
	return nil
}

func (s *State) write(ctx context.Context, key string, value []byte, ttl time.Duration, options ...jetstream.PublishOpt) (uint64, error) {
	if ttl > 0 {
		// The server cuts to whole seconds: what is to live for 1.5 s must not die after one.
		ttl = (max(ttl, ShortestTTL) + time.Second - 1).Truncate(time.Second)
		options = append(options, jetstream.WithMsgTTL(ttl))
	}
	ack, err := s.conn.js.Publish(ctx, s.prefix+key, value, options...)
	if err != nil {
		return 0, s.failed("write", key, err)
	}
	return ack.Sequence, nil
}

func (s *State) failed(doing, key string, err error) error {
	if api, ok := errors.AsType[jetstream.JetStreamError](err); ok && api.APIError() != nil {
		switch api.APIError().ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return fmt.Errorf("%w: %s", ErrTaken, key)
		}
	}
	return fmt.Errorf("broker: state: %s %s: %w", doing, key, err)
}

// Pauses of [State.Watch].
const (
	watchAgain   = 500 * time.Millisecond // after a watch that could not be opened
	watchTick    = 100 * time.Millisecond // how soon a reconnect is noticed
	watchRefresh = 15 * time.Second
)

// Watch calls changed for every key that matches one of patterns ("cb.*"), first
// with what stands there, then with every change, until ctx ends. A nil value
// says that the key is gone. Each time the whole state is known, synced is
// called. The watch is opened anew after a reconnect and from time to time, and
// compares: a change that was missed is caught up with.
func (s *State) Watch(ctx context.Context, patterns []string, changed func(key string, value []byte), synced func()) error {
	known := map[string]uint64{}
	for ctx.Err() == nil {
		err := s.watchOnce(ctx, patterns, known, changed, synced)
		if err != nil && ctx.Err() == nil {
			s.conn.log.Debug("broker: watch of shared state is opened again", zap.Strings("keys", patterns), zap.Error(err))
			_ = sleep(ctx, watchAgain)
		}
	}
	return ctx.Err()
}

func (s *State) watchOnce(ctx context.Context, patterns []string, known map[string]uint64, changed func(string, []byte), synced func()) error {
	reconnects := s.conn.nc.Stats().Reconnects
	// The library rewrites the list of patterns.
	watcher, err := s.kv.WatchFiltered(ctx, append([]string(nil), patterns...))
	if err != nil {
		return err
	}
	defer watcher.Stop() //nolint:errcheck // the subscription may be gone already
	refresh := time.NewTimer(watchRefresh)
	defer refresh.Stop()
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	current := map[string]bool{}
	whole := false
	for {
		select {
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				return errors.New("the watch was closed")
			case entry == nil:
				whole = true
				for key := range known {
					if !current[key] {
						delete(known, key)
						changed(key, nil)
					}
				}
				synced()
			case entry.Operation() != jetstream.KeyValuePut:
				if _, was := known[entry.Key()]; was {
					delete(known, entry.Key())
					changed(entry.Key(), nil)
				}
			default:
				current[entry.Key()] = true
				if known[entry.Key()] != entry.Revision() {
					known[entry.Key()] = entry.Revision()
					changed(entry.Key(), present(entry.Value()))
				}
			}
		case <-tick.C:
			if s.conn.nc.Stats().Reconnects != reconnects {
				return nil
			}
		case <-refresh.C:
			if whole {
				return nil
			}
			return errors.New("the state did not come in time")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gone reports whether a stored message marks its key as deleted or expired.
func gone(header nats.Header) bool {
	return header.Get(headerOperation) != "" || header.Get(headerMarker) != ""
}

// present makes an empty value differ from none.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}
