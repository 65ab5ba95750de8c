package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Forget removes what the streams still hold of some commands: their schedules,
// dead letters and events. It returns how many dead letters and events there were.
func (c *Conn) Forget(ctx context.Context, commands map[uuid.UUID]command.Kind) (int, error) {
	removed := 0
	for id, kind := range commands {
		n, err := c.ForgetLetter(ctx, kind, id)
		if removed += n; err == nil {
			err = c.Unschedule(ctx, id)
		}
		if err != nil {
			return removed, fmt.Errorf("broker: forget %s: %w", id, err)
		}
	}
	events, err := c.forgetEvents(ctx, commands)
	return removed + events, err
}

// ForgetLetter removes the dead letters of one command from the bus, and returns
// how many there were.
func (c *Conn) ForgetLetter(ctx context.Context, kind command.Kind, id uuid.UUID) (int, error) {
	letters, err := c.js.Stream(ctx, StreamDeadLetters)
	if err != nil {
		return 0, fmt.Errorf("broker: forget letter: %w", err)
	}
	subject := subjectDeadLetter + string(kind) + "." + id.String()
	info, err := letters.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err == nil && len(info.State.Subjects) > 0 {
		err = letters.Purge(ctx, jetstream.WithPurgeSubject(subject))
	}
	if err != nil {
		return 0, fmt.Errorf("broker: forget letter: %w", err)
	}
	return int(info.State.Subjects[subject]), nil
}

// forgetEvents reads the stream of events once and erases those of the commands.
func (c *Conn) forgetEvents(ctx context.Context, commands map[uuid.UUID]command.Kind) (removed int, err error) {
	stream, err := c.js.Stream(ctx, StreamEvents)
	if err != nil {
		return 0, fmt.Errorf("broker: forget events: %w", err)
	}
	if len(commands) == 0 || stream.CachedInfo().State.Msgs == 0 {
		return 0, nil
	}
	err = c.each(ctx, stream, stream.CachedInfo().State.LastSeq, func(m jetstream.Msg, sequence uint64) error {
		var event struct {
			Subject string `json:"subject"`
		}
		if json.Unmarshal(m.Data(), &event) != nil {
			return nil //nolint:nilerr // it is no event of ours
		}
		id, err := uuid.Parse(event.Subject)
		if _, ours := commands[id]; err != nil || !ours {
			return nil //nolint:nilerr // nor is this
		}
		removed++
		if err := stream.SecureDeleteMsg(ctx, sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return removed, fmt.Errorf("broker: forget events: %w", err)
	}
	return removed, nil
}

// each visits the messages of a stream up to a sequence, in order.
func (c *Conn) each(ctx context.Context, stream jetstream.Stream, last uint64, visit func(m jetstream.Msg, sequence uint64) error) error {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		// The last message may be gone by now: an end is also where nothing comes.
		next, cancel := context.WithTimeout(ctx, visitWait)
		m, err := messages.Next(jetstream.NextContext(next))
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Stream <= last {
			err = visit(m, meta.Sequence.Stream)
		}
		if err != nil || meta.Sequence.Stream >= last || meta.NumPending == 0 {
			return err
		}
	}
}

// visitWait is how long a message is waited for that should be there.
const visitWait = 10 * time.Second

// EachQueued visits the commands of a kind that wait in [StreamCommands], in every
// lane; what cannot be decoded is left out. A work queue can only be read message
// by message.
func (c *Conn) EachQueued(ctx context.Context, kind command.Kind, visit func(*command.Command) error) error {
	stream, err := c.js.Stream(ctx, StreamCommands)
	if err != nil {
		return fmt.Errorf("broker: queued: %w", err)
	}
	last := stream.CachedInfo().State.LastSeq
	for _, lane := range lanesOf(kind) {
		for at := uint64(1); at <= last; {
			m, err := stream.GetMsg(ctx, at, jetstream.WithGetMsgSubject(kind.Subject(lane)))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				break
			}
			if err == nil {
				at = m.Sequence + 1
				if cmd, mistake := command.Decode(kind, lane, m.Data, sourceOf(m.Header, StreamCommands, m.Sequence, m.Time)); mistake == nil {
					err = visit(cmd)
				}
			}
			if err != nil {
				return fmt.Errorf("broker: queued %s: %w", kind, err)
			}
		}
	}
	return nil
}
