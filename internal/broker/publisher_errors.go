package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// ErrStreamRefused is the cause of an error that says which stream does not
// take more, most often because it is full.
var ErrStreamRefused = errors.New("stream refuses to store more")

// SendError tells which of several messages were not stored.
type SendError struct {
	// Errs has one entry for each message, in order; nil where it was stored.
	Errs []error
}

// Error counts the failures and shows the first.
func (e *SendError) Error() string {
	failed := e.Unwrap()
	return fmt.Sprintf("%d of %d messages were not stored; the first: %v", len(failed), len(e.Errs), failed[0])
}

// Unwrap returns the failures.
func (e *SendError) Unwrap() []error {
	var failed []error
	for _, err := range e.Errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// Error codes of nats-server (server/errors.json) with which a stream turns a
// message away for want of room.
const (
	codeInsufficientResources jetstream.ErrorCode = 10023
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeStoreFailed           jetstream.ErrorCode = 10077 // DiscardNew: maximum bytes or messages exceeded
	codeAccountExceeded       jetstream.ErrorCode = 10002
)

func refused(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode {
	case codeInsufficientResources, codeStorageExceeded, codeStoreFailed, codeAccountExceeded:
		return true
	default:
		return false
	}
}

// unanswered reports an error after which the message may or may not have been
// stored, or certainly was not and may be tomorrow: repeat it under its id.
func unanswered(err error) bool {
	for _, known := range []error{
		jetstream.ErrAsyncPublishTimeout, jetstream.ErrNoStreamResponse, jetstream.ErrTooManyStalledMsgs,
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		nats.ErrReconnectBufExceeded, nats.ErrStaleConnection,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.Code == 503 && !refused(err)
}

// lookupTimeout bounds the question which stream a subject belongs to.
const lookupTimeout = 2 * time.Second

// result classifies what is left when nothing more is tried.
func (s *sending) result(ctx context.Context) error {
	failed := 0
	for i, err := range s.errs {
		if err == nil {
			continue
		}
		failed++
		s.errs[i] = s.classify(ctx, s.msgs[i], err)
	}
	switch {
	case failed == 0:
		return nil
	case len(s.errs) == 1:
		return s.errs[0]
	default:
		return &SendError{Errs: s.errs}
	}
}

func (s *sending) classify(ctx context.Context, msg *nats.Msg, err error) error {
	const op = "broker: publish"
	switch {
	case refused(err):
		stream := s.streamOf(ctx, msg.Subject)
		if stream == "" {
			stream = "of this subject"
		}
		api, _ := errors.AsType[*jetstream.APIError](err)
		return &fault.Error{
			Reason: fault.Unavailable, Op: op, Err: ErrStreamRefused,
			Message: fmt.Sprintf("stream %s does not take %s: %s", stream, msg.Subject, api.Description),
		}
	case unanswered(err):
		return &fault.Error{
			Reason: fault.Unavailable, Op: op, Err: err,
			Message: fmt.Sprintf("no stream acknowledged %s within %s", msg.Subject, s.publisher.options.RetryFor),
		}
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return &fault.Error{
			Reason: fault.Invalid, Op: op, Err: err,
			Message: fmt.Sprintf("%s with %d bytes is larger than the server takes", msg.Subject, len(msg.Data)),
		}
	case errors.Is(err, nats.ErrBadSubject):
		return &fault.Error{Reason: fault.Invalid, Op: op, Err: err, Message: fmt.Sprintf("%q is not a subject", msg.Subject)}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %s: %w", op, msg.Subject, err)
	case errors.Is(err, nats.ErrConnectionClosed):
		return &fault.Error{Reason: fault.Unavailable, Op: op, Err: err, Message: msg.Subject + " was not published"}
	default:
		return &fault.Error{Reason: fault.Internal, Op: op, Err: err, Message: msg.Subject + " was not stored"}
	}
}
