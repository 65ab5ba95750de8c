package broker_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestHasMessage: a command may come back as long as the stream holds what is older
// than its row, its schedule is there, or a schedule of its lane has fired.
func TestHasMessage(t *testing.T) {
	conn, o := outlet(t)
	id := uuid.New()
	has := func(id uuid.UUID, lane command.Lane, changed time.Time) bool {
		t.Helper()
		left, err := conn.HasMessage(t.Context(), id, command.EmailSend, lane, changed)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	if has(id, command.Normal, time.Now()) {
		t.Error("there is nothing at all")
	}
	before := time.Now()
	if err := publisher(t, conn, broker.PublisherOptions{}).Send(t.Context(), broker.Outgoing{Subject: "sms.send", Body: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if has(id, command.Normal, before.Add(-2*time.Minute)) {
		t.Error("all that waits came after the row changed")
	}
	if !has(id, command.Normal, before.Add(-2*time.Second)) {
		t.Error("by a clock that is ahead of the database's the command's own message is younger than its row")
	}
	if !has(id, command.Normal, time.Now().Add(time.Second)) {
		t.Error("what waits may be the command's")
	}
	commands, err := conn.JetStream().Stream(t.Context(), broker.StreamCommands)
	if err != nil {
		t.Fatal(err)
	}
	if err := commands.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	later, soon := postponed(command.EmailSend, command.Normal, time.Hour), postponed(command.EmailSend, command.High, time.Second)
	if err := o.Schedule(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if !has(later.Command.ID, command.Normal, time.Now()) || has(id, command.Normal, time.Now()) {
		t.Error("a schedule is its own command's alone")
	}
	if err := o.Schedule(t.Context(), soon); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, func() bool { return has(id, command.High, time.Now()) }, "the schedule has fired and waits in its lane")
	if has(id, command.Bulk, time.Now()) {
		t.Error("in another lane nothing waits")
	}
}
