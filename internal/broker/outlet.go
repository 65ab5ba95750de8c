package broker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Outlet publishes what a settled command gives rise to. Its ids are made of
// the row's id and version, so that a repetition of the same settle is the same
// message, and every change of the row a new one.
type Outlet struct {
	conn      *Conn
	publisher *Publisher
	overflow  Overflow // nil for none
}

// NewOutlet returns an outlet that publishes through publisher.
func NewOutlet(conn *Conn, publisher *Publisher) *Outlet {
	return &Outlet{conn: conn, publisher: publisher}
}

// Event publishes the row as a CloudEvent on event.<kind>.<status>. Nothing is
// published for queued and processing: they tell nobody anything.
func (o *Outlet) Event(ctx context.Context, row delivery.Row) error {
	if row.Status == delivery.Queued || row.Status == delivery.Processing {
		return nil
	}
	msg, err := eventMessage(ctx, &row)
	if err != nil {
		return fmt.Errorf("broker: event %s of %s: %w", row.Status, row.ID, err)
	}
	if err := o.send(ctx, row.ID, msg); err != nil {
		return fmt.Errorf("broker: event %s of %s: %w", row.Status, row.ID, err)
	}
	return nil
}

// Schedule stores the command to come back at its due time, on
// scheduled.due.<kind>.<lane>. There is one schedule for each id: a new one
// replaces the old. A due time in the past fires at once.
func (o *Outlet) Schedule(ctx context.Context, postponed delivery.Postponed) error {
	cmd := postponed.Command
	id := cmd.ID.String()
	headers := make(map[string][]string, 10)
	// Set by hand: the library's option cuts the time to whole seconds, which
	// fires up to a second early.
	headers[headerSchedule] = []string{"@at " + postponed.Due.UTC().Format(time.RFC3339Nano)}
	headers[headerScheduleTarget] = []string{scheduledDue(cmd.Kind, cmd.Lane)}
	headers[HeaderID] = []string{id}
	headers[HeaderVersion] = []string{strconv.Itoa(postponed.Version)}
	if cmd.Generation > 0 {
		headers[HeaderGeneration] = []string{strconv.Itoa(cmd.Generation)}
	}
	if !cmd.RequestedAt.IsZero() {
		headers[HeaderRequestedAt] = []string{cmd.RequestedAt.UTC().Format(time.RFC3339Nano)}
	}
	setTrace(headers, cmd.TraceParent, cmd.TraceState)
	err := o.send(ctx, cmd.ID, Outgoing{
		Subject: scheduledAt(cmd.ID), Headers: headers, Body: cmd.Body,
		MsgID: versioned(cmd.ID, postponed.Version) + postponed.Again,
	})
	if err != nil {
		return fmt.Errorf("broker: schedule %s: %w", id, err)
	}
	return nil
}

// Unschedule is [Conn.Unschedule].
func (o *Outlet) Unschedule(ctx context.Context, id uuid.UUID) error {
	return o.conn.Unschedule(ctx, id)
}

// DeadLetter stores the whole command on deadletter.<kind>.<id>, with what is
// known of its end in headers.
func (o *Outlet) DeadLetter(ctx context.Context, letter delivery.Letter) error {
	if err := o.send(ctx, letter.ID, letterMessage(&letter, int(o.conn.nc.MaxPayload()))); err != nil {
		return fmt.Errorf("broker: dead letter %s: %w", letter.ID, err)
	}
	return nil
}

// versioned is the id of a message about one version of a row.
func versioned(id uuid.UUID, version int) string {
	return id.String() + "." + strconv.Itoa(version)
}

// maxTrace bounds what a client may have us carry on.
const maxTrace = 512

func setTrace(headers map[string][]string, parent, state string) {
	if parent = oneLine(parent, maxTrace); parent != "" {
		headers[HeaderTraceParent] = []string{parent}
	}
	if state = oneLine(state, maxTrace); state != "" {
		headers[HeaderTraceState] = []string{state}
	}
}
