package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Refire sets the schedule of id anew if its time was before a given one, and
// reports whether it did. A server that has no room at the time of a schedule
// drops the message that should have fired and does not try again (as of 2.15:
// the schedule stays "in flight" until the stream gets another leader). A
// schedule written over it fires at once. It is an error while the store is
// still full.
func (c *Conn) Refire(ctx context.Context, id uuid.UUID, before time.Time) (bool, error) {
	fail := func(err error) (bool, error) { return false, fmt.Errorf("broker: refire %s: %w", id, err) }
	stream, err := c.js.Stream(ctx, StreamScheduled)
	if err != nil {
		return fail(err)
	}
	stuck, err := stream.GetLastMsgForSubject(ctx, scheduledAt(id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return fail(err)
	}
	at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(stuck.Header.Get(headerSchedule), "@at "))
	if err != nil {
		return fail(err)
	}
	if !at.Before(before) {
		return false, nil
	}
	msg := &nats.Msg{Subject: stuck.Subject, Header: maps.Clone(stuck.Header), Data: stuck.Data}
	// Another schedule, not a repetition; and only over this one, which may have
	// fired meanwhile after all.
	msg.Header.Del(HeaderMsgID)
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(stuck.Sequence, 10))
	if _, err := c.js.PublishMsg(ctx, msg); err != nil {
		return fail(err)
	}
	return true, nil
}
