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

// ShortestTTL is the shortest time to live that the server takes. It counts
// whole seconds; what is between is rounded up.
const ShortestTTL = time.Second

// errNotConnected: what is written while the connection is away would be sent
// when it is back, by which time it need not be true any more.
var errNotConnected = errors.New("broker: state: NATS is not connected")

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

// Get returns a key's value, its revision, and when the server stored it, by the
// server's clock. The value is nil when the key does not exist, has expired or
// was deleted; the revision is then what [State.Swap] expects of whoever creates
// it. In a cluster the answer may lag behind.
func (s *State) Get(ctx context.Context, key string) (value []byte, revision uint64, at time.Time, err error) {
	if !s.conn.nc.IsConnected() {
		return nil, 0, at, errNotConnected
	}
	msg, err := s.stream.GetLastMsgForSubject(ctx, s.prefix+key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, at, nil
	}
	if err != nil {
		return nil, 0, at, fmt.Errorf("broker: state: get %s: %w", key, err)
	}
	if gone(msg.Header) {
		return nil, msg.Sequence, msg.Time, nil
	}
	return present(msg.Data), msg.Sequence, msg.Time, nil
}

// Put writes a key whatever stands there. A ttl of 0 keeps it for good.
func (s *State) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error) {
	return s.write(ctx, key, value, ttl)
}

// Swap writes a key that stands at revision and returns the new one; it has not
// won when somebody else was faster. It is a publication and not the bucket's own
// Update, because that drops the time to live: a lease renewed by it would never
// expire.
func (s *State) Swap(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (next uint64, won bool, err error) {
	// Whoever swaps reads again after a failure: the library's own repetition
	// would only hide for a while that nobody answers.
	next, err = s.write(ctx, key, value, ttl, jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithRetryAttempts(0))
	if taken(err) {
		return 0, false, nil
	}
	return next, err == nil, err
}

// Delete removes a key, with a revision other than 0 only when it stands there.
func (s *State) Delete(ctx context.Context, key string, revision uint64) (won bool, err error) {
	if !s.conn.nc.IsConnected() {
		return false, errNotConnected
	}
	var options []jetstream.KVDeleteOpt
	if revision > 0 {
		options = append(options, jetstream.LastRevision(revision))
	}
	if err := s.kv.Delete(ctx, key, options...); taken(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("broker: state: delete %s: %w", key, err)
	}
	return true, nil
}

func (s *State) write(ctx context.Context, key string, value []byte, ttl time.Duration, options ...jetstream.PublishOpt) (uint64, error) {
	if !s.conn.nc.IsConnected() {
		return 0, errNotConnected
	}
	if ttl > 0 {
		// The server cuts to whole seconds: what is to live for 1.5 s must not die after one.
		ttl = (max(ttl, ShortestTTL) + time.Second - 1).Truncate(time.Second)
		options = append(options, jetstream.WithMsgTTL(ttl))
	}
	ack, err := s.conn.js.Publish(ctx, s.prefix+key, value, options...)
	if err != nil {
		return 0, fmt.Errorf("broker: state: write %s: %w", key, err)
	}
	return ack.Sequence, nil
}

// taken reports whether the server refused because the key stands at another
// revision.
func taken(err error) bool {
	api, ok := errors.AsType[jetstream.JetStreamError](err)
	if !ok || api.APIError() == nil {
		return false
	}
	code := api.APIError().ErrorCode
	return code == jetstream.JSErrCodeStreamWrongLastSequence || code == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// Pauses of [State.Watch].
const (
	watchAgain   = 500 * time.Millisecond // after a watch that could not be opened
	watchTick    = 100 * time.Millisecond // how soon a reconnect is noticed
	watchRefresh = 15 * time.Second
)

// Changed is told of a key that has changed.
type Changed = func(key string, value []byte, revision uint64, at time.Time)

// Watch calls changed for every key that matches one of patterns ("cb.*"), first
// with what stands there, then with every change, until ctx ends. A nil value
// says that the key is gone; at is the server's time of the change, zero when it
// was not seen. Each time the whole state is known, synced is called. The watch is opened anew after a reconnect and from time to time, and
// compares: a change that was missed is caught up with.
func (s *State) Watch(ctx context.Context, patterns []string, changed Changed, synced func()) error {
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

func (s *State) watchOnce(ctx context.Context, patterns []string, known map[string]uint64, changed Changed, synced func()) error {
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
						changed(key, nil, 0, time.Time{})
					}
				}
				synced()
			case entry.Operation() != jetstream.KeyValuePut:
				if _, was := known[entry.Key()]; was {
					delete(known, entry.Key())
					changed(entry.Key(), nil, entry.Revision(), entry.Created())
				}
			default:
				current[entry.Key()] = true
				if known[entry.Key()] != entry.Revision() {
					known[entry.Key()] = entry.Revision()
					changed(entry.Key(), present(entry.Value()), entry.Revision(), entry.Created())
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
