package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Bus stores commands for the workers.
type Bus interface {
	// Publish returns when the command is stored.
	Publish(ctx context.Context, message Message) error
}

// Message is one command ready to be published. Its body carries the id.
type Message struct {
	Kind  command.Kind
	Lane  command.Lane
	Body  []byte
	MsgID string // the Nats-Msg-Id header
	// TraceParent and TraceState are the W3C trace headers.
	TraceParent, TraceState string
}

// accepted tells of a command that is on its way, or was before.
type accepted struct {
	ID     uuid.UUID       `json:"id"`
	Status delivery.Status `json:"status"`
}

// publishable are the kinds that a person or a program may ask for; webhooks come
// by their own listener.
func publishable() []command.Kind {
	return append(command.ProducerKinds(), command.DeliveryCancel, command.BusinessComplete)
}

// publish is POST /api/v1/commands/{kind}.
func (a *API) publish(r *http.Request) (answer, error) {
	kind, lane, err := kindAndLane(r)
	if err != nil {
		return answer{}, err
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return answer{}, fault.InvalidField("Idempotency-Key", "must be at most 255 printable ASCII characters")
	}
	body, err := readBody(r, command.MaxBody)
	if err != nil {
		return answer{}, err
	}
	out, err := a.hand(r.Context(), kind, lane, body, key)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusAccepted, body: out}, nil
}

func kindAndLane(r *http.Request) (command.Kind, command.Lane, error) {
	kind := command.Kind(r.PathValue("kind"))
	q := queryOf(r)
	lane := command.Lane(q.text("lane"))
	if lane == "" {
		lane = command.Normal
	}
	if !lane.Valid() {
		q.fail("lane", "%q is not known; allowed: %s", clip(string(lane)), enumerate(command.Lanes()))
	}
	if err := q.done(); err != nil {
		return "", "", err
	}
	for _, one := range publishable() {
		if kind == one {
			if lane != command.Normal && !kind.Producer() {
				return "", "", fault.InvalidField("lane", "%s has no lanes", kind)
			}
			return kind, lane, nil
		}
	}
	return "", "", fault.New(fault.NotFound, "publish", "%q is no kind of command here; there are %s", clip(string(kind)), enumerate(publishable()))
}

// hand puts one command on its way. What was published before under the same id is
// not published again: its stored status is the answer.
func (a *API) hand(ctx context.Context, kind command.Kind, lane command.Lane, body []byte, key string) (accepted, error) {
	if key == "" {
		key = uuid.Must(uuid.NewV7()).String()
	}
	cmd, err := command.Decode(kind, lane, body, command.Source{MsgID: key})
	if errors.Is(err, command.ErrNewer) {
		return accepted{}, fault.InvalidField("v", "is newer than this worker understands (%d)", command.Version)
	}
	if err != nil {
		return accepted{}, err
	}
	body = withID(body, cmd)
	out := accepted{ID: cmd.ID, Status: delivery.Queued}
	id := identity(ctx)
	m := Message{Kind: kind, Lane: lane, Body: body, MsgID: cmd.ID.String(), TraceParent: id.traceParent, TraceState: id.traceState}
	row, known, err := a.parts.Deliveries.Find(ctx, cmd.ID)
	if err != nil {
		return accepted{}, err
	}
	if known {
		out.Status = row.Status
		moves := row.Status == delivery.Scheduled && !cmd.Envelope().SendAt.Truncate(time.Microsecond).Equal(row.SendAt)
		switch {
		case row.Kind != "" && row.Digest != cmd.Digest:
			return accepted{}, conflict("The id " + cmd.ID.String() + " belongs to another command already; publish this one under an id of its own.")
		case !moves:
			return out, nil
		}
		// The same id moves a scheduled command only under another Nats-Msg-Id: an
		// equal one is dropped as a duplicate.
		m.MsgID = uuid.NewString()
	}
	return out, a.parts.Bus.Publish(ctx, m)
}

// withID returns the body with the id in it, so that it is the same command
// however it is published again.
func withID(body []byte, cmd *command.Command) []byte {
	if cmd.Envelope().ID != "" {
		return body
	}
	members := jsontext.NewDecoder(bytes.NewReader(body))
	_, err := members.ReadToken()
	out := []byte(`{"id":"` + cmd.ID.String() + `"`)
	for err == nil && members.PeekKind() == '"' {
		var name, value jsontext.Value
		if name, err = members.ReadValue(); err != nil {
			break
		}
		name = name.Clone()
		if value, err = members.ReadValue(); string(name) != `"id"` { // one that says nothing must not stand twice
			out = append(append(append(append(out, ','), name...), ':'), value...)
		}
	}
	if err != nil { // it was decoded before
		return body
	}
	return append(out, '}')
}
