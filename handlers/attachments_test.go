package handlers_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// bucket is the object bucket of a real server.
func bucket(t *testing.T) (*broker.Objects, jetstream.ObjectStore) {
	t.Helper()
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{testkit.NATS(t).URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	store, err := conn.JetStream().ObjectStore(t.Context(), broker.BucketAttachments)
	if err != nil {
		t.Fatal(err)
	}
	return broker.NewObjects(conn), store
}

func TestEmailAttachments(t *testing.T) {
	d := newDesk(t)
	objects, store := bucket(t)
	d.objects = objects
	put := func(name string, size int) {
		t.Helper()
		_, err := store.PutBytes(t.Context(), name, bytes.Repeat([]byte("x"), size))
		d.check(err)
	}
	put("승인서/2026-0042.pdf", 300_000)
	put("large", 20<<20)
	put("larger", 6<<20)
	inline := base64.StdEncoding.EncodeToString([]byte("hello"))
	mail := func(attachments string) string {
		return fmt.Sprintf(`{"to":["kim@example.kr"],"subject":"x","text":"y","attachments":[%s]}`, attachments)
	}

	_, result := d.send(d.email(), command.EmailSend, mail(`{"filename":"a.txt","content":"`+inline+`"},
		{"filename":"승인서.pdf","content_type":"application/pdf","object":"승인서/2026-0042.pdf"}`))
	if result.Status != delivery.Sent {
		t.Fatalf("result: %+v", result)
	}
	for attachments, field := range map[string]string{
		`{"filename":"a.txt","content":"` + inline + `"},{"filename":"b","object":"nowhere"}`: "attachments[1].object",
		`{"filename":"a","object":"large"},{"filename":"b","object":"larger"}`:                "attachments",
	} {
		plan, _ := d.send(d.email(), command.EmailSend, mail(attachments))
		d.invalid(plan, field)
	}
	d.objects = nil
	plan, _ := d.send(d.email(), command.EmailSend, mail(`{"filename":"a","object":"large"}`))
	d.invalid(plan, "attachments[0].object")
	if n := d.sim.Inbox().Total(); n != 1 {
		t.Errorf("%d messages were sent, want 1", n)
	}
}

// A file that vanishes or grows between plan and call is noticed.
func TestEmailAttachmentThatChanges(t *testing.T) {
	d := newDesk(t)
	objects, store := bucket(t)
	d.objects = objects
	h := d.email()
	cmd := d.command(command.EmailSend, `{"to":["kim@example.kr"],"subject":"x","text":"y","attachments":[{"filename":"a","object":"file"}]}`)
	_, err := store.PutBytes(t.Context(), "file", []byte("four"))
	d.check(err)
	plan := h.Plan(t.Context(), cmd)
	handle := func() error {
		return h.Handle(t.Context(), cmd, delivery.Run{Provider: plan.Provider, Ready: plan.Ready}).Err
	}
	_, err = store.PutBytes(t.Context(), "file", []byte("longer than four"))
	d.check(err)
	if failure := fault.As(handle()); failure == nil || failure.Field != "attachments[0].object" {
		t.Errorf("grown: %v", failure)
	}
	d.check(store.Delete(t.Context(), "file"))
	if failure := fault.As(handle()); failure == nil || failure.Field != "attachments[0].object" {
		t.Errorf("gone: %v", failure)
	}
}

// While the bucket cannot be asked the command waits; it is not rejected.
func TestEmailAttachmentsWhileTheBucketIsAway(t *testing.T) {
	d := newDesk(t)
	d.objects = away{}
	plan := d.email().Plan(t.Context(), d.command(command.EmailSend,
		`{"to":["kim@example.kr"],"subject":"x","text":"y","attachments":[{"filename":"a","object":"file"}]}`))
	if plan.End != nil || plan.Wait == 0 || plan.Status != delivery.Retrying || plan.Reason != fault.Unavailable {
		t.Errorf("plan %+v", plan)
	}
}

type away struct{}

func (away) Size(context.Context, string) (int64, error) {
	return 0, fault.New(fault.Unavailable, "broker", "not connected")
}

func (away) Read(context.Context, string, int64) ([]byte, error) {
	return nil, fault.New(fault.Unavailable, "broker", "not connected")
}
