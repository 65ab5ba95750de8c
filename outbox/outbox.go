// Package outbox lets a Go program publish Gangway commands inside its own
// database transaction: [Enqueue] writes a row, and a worker's [Relay] publishes
// it once the transaction has committed. A rolled back transaction publishes
// nothing. The package depends on pgx only and may be imported by any program.
package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Command is one command to publish.
type Command struct {
	// Kind is email.send, sms.send, business.verify, address.search or
	// delivery.cancel.
	Kind string
	// Payload is the JSON object of that kind; anything that marshals to one.
	Payload any
	// ID makes a repetition the same command; "" takes the payload's id or a new
	// UUIDv7. Text that is no UUID is mapped to one.
	ID string
	// SendAt schedules the command; zero means now.
	SendAt time.Time
	// Lane is high, normal or bulk; "" means normal.
	Lane string
}

// Queryer is a pgx transaction, connection or pool.
type Queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Enqueue writes the command into the outbox of tx's database and returns its
// id. The error of a command that the database refuses says what is wrong with
// which value; as with every failed statement, the transaction is then aborted.
func Enqueue(ctx context.Context, tx Queryer, cmd Command) (uuid.UUID, error) {
	payload, err := json.Marshal(cmd.Payload)
	if err != nil {
		return uuid.Nil, fmt.Errorf("outbox: enqueue %s: payload: %w", cmd.Kind, err)
	}
	var name *string
	if cmd.ID != "" {
		name = &cmd.ID
	}
	var sendAt *time.Time
	if !cmd.SendAt.IsZero() {
		sendAt = &cmd.SendAt
	}
	lane := cmd.Lane
	if lane == "" {
		lane = "normal"
	}
	var id uuid.UUID
	err = tx.QueryRow(ctx, `SELECT gangway.enqueue(kind => $1, payload => $2::text::jsonb, id => $3, send_at => $4, lane => $5)`,
		cmd.Kind, string(payload), name, sendAt, lane).Scan(&id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("outbox: enqueue %s: %w", cmd.Kind, err)
	}
	return id, nil
}
