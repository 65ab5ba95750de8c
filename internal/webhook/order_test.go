package webhook_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestAnyOrderAnyRepetition applies the same events to deliveries in random
// orders, some of them several times: all end alike, at the highest rank.
func TestAnyOrderAnyRepetition(t *testing.T) {
	s := newRows(t)
	statuses := []delivery.Status{delivery.Sent, delivery.Undelivered, delivery.Delivered, delivery.Bounced, delivery.Complained, ""}
	people := []string{"kim@example.kr", "lee@example.kr", "park@example.kr"}
	for round := range testkit.Size(8, 500) {
		random := rand.New(rand.NewPCG(1, uint64(round)))
		several := random.IntN(2) == 0
		recipient, whom := people[0], []string{""}
		if several {
			recipient, whom = "kim@example.kr,Lee@example.kr,park@example.kr", people
		}
		events := make([]delivery.Report, 1+random.IntN(6))
		want, each := delivery.Sent, map[string]delivery.Status{}
		for i := range events {
			events[i] = delivery.Report{Type: "x", Status: statuses[random.IntN(len(statuses))], Reason: fault.Refused, Recipient: whom[random.IntN(len(whom))]}
			want = delivery.Advance(want, events[i].Status)
			if several && events[i].Status != "" {
				each[events[i].Recipient] = delivery.Advance(each[events[i].Recipient], events[i].Status)
			}
		}
		for order := range 3 {
			id := s.row(uuid.New(), delivery.Sent, recipient)
			sequence := random.Perm(len(events))
			for range order { // the second and third time with repetitions
				sequence = append(sequence, random.Perm(len(events))...)
			}
			rank := delivery.Sent.Rank()
			for _, i := range sequence {
				event := events[i]
				event.ID = id
				s.apply(fmt.Sprintf("e-%d-%s", i, id), event)
				row := s.look(id)
				if row.Status.Rank() < rank {
					t.Fatalf("round %d: status went back to %s", round, row.Status)
				}
				rank = row.Status.Rank()
			}
			row := s.look(id)
			if row.Status != want {
				t.Fatalf("round %d, order %v: %s, want %s", round, sequence, row.Status, want)
			}
			got := map[string]delivery.Status{}
			for _, one := range row.Recipients {
				got[delivery.FoldAddress(one.Address)] = one.Status
			}
			if !maps.Equal(got, each) {
				t.Fatalf("round %d, order %v: recipients %v, want %v", round, sequence, got, each)
			}
		}
	}
}

// TestSeveralRecipientsInOneNotice: each gets its own outcome; the address that a
// vendor writes in its own letter case is the same address.
func TestSeveralRecipientsInOneNotice(t *testing.T) {
	s := newRows(t)
	id := s.row(uuid.New(), delivery.Sent, "kim@example.kr,lee@example.kr,park@example.kr")
	s.attempt(id, 0, "m-1")
	report := func(status delivery.Status, to string) delivery.Report {
		r := delivery.Report{Type: string(status), Status: status, MessageIDs: []string{"m-1"}, Recipient: to}
		if status == delivery.Bounced {
			r.Reason, r.Suppress, r.List = fault.Refused, delivery.HardBounce, delivery.SuppressAll
		}
		return r
	}
	applied := s.apply("e-1", report(delivery.Bounced, "Lee@Example.kr"), report(delivery.Bounced, "park@example.kr"))
	if applied.Matched != 2 || len(applied.Rows) != 1 || applied.Suppressed != 2 {
		t.Errorf("applied %+v", applied)
	}
	s.apply("e-2", report(delivery.Delivered, "kim@example.kr"))
	row := s.look(id)
	const want = `{"recipients":[{"address":"kim@example.kr","status":"delivered"},{"address":"lee@example.kr","status":"bounced","reason":"refused"},{"address":"park@example.kr","status":"bounced","reason":"refused"}]}`
	if row.Status != delivery.Bounced || !sameJSON(t, row.Result, want) {
		t.Errorf("%s with %s", row.Status, row.Result)
	}
	if n := s.count(`SELECT count(*) FROM gangway.suppressions WHERE recipient IN ('lee@example.kr', 'park@example.kr')`); n != 2 {
		t.Errorf("%d are suppressed", n)
	}
	if n := s.count(`SELECT count(*) FROM gangway.delivery_events WHERE delivery_id = $1`, id); n != 3 {
		t.Errorf("%d events are kept", n)
	}
}

// TestOthersStillToBeSentTo: the report of one recipient must not end a delivery
// that is to be tried again for another.
func TestOthersStillToBeSentTo(t *testing.T) {
	s := newRows(t)
	id := s.row(uuid.New(), delivery.Retrying, "kim@example.kr,lee@example.kr")
	for address, status := range map[string]delivery.Status{"kim@example.kr": delivery.Sent, "lee@example.kr": delivery.Retrying} {
		s.exec(`INSERT INTO gangway.delivery_recipients (delivery_id, address, status, rank) VALUES ($1, $2, $3, $4)`, id, address, status, status.Rank())
	}
	report := delivery.Report{Type: "delivered", Status: delivery.Delivered, ID: id, Recipient: "kim@example.kr"}
	if ready, err := s.reports.Ready(t.Context(), "mail", []delivery.Report{report}); err != nil || ready {
		t.Errorf("ready %v, %v", ready, err)
	}
	s.apply("e-1", report)
	row := s.look(id)
	i := slices.IndexFunc(row.Recipients, func(r delivery.Recipient) bool { return r.Address == "kim@example.kr" })
	if row.Status != delivery.Retrying || row.Recipients[i].Status != delivery.Delivered {
		t.Errorf("%s, %+v", row.Status, row.Recipients)
	}
}

// TestSuppressedWithoutADelivery: a late bounce names nothing but the address.
func TestSuppressedWithoutADelivery(t *testing.T) {
	s := newRows(t)
	applied := s.apply("e-1", delivery.Report{Type: "bounce", Status: delivery.Bounced, Recipient: "Gone@Example.kr", Suppress: delivery.HardBounce, List: delivery.SuppressAll})
	if applied.Matched != 0 || applied.Suppressed != 1 {
		t.Errorf("applied %+v", applied)
	}
	if n := s.count(`SELECT count(*) FROM gangway.suppressions WHERE recipient = 'gone@example.kr' AND reason = 'bounced' AND provider = 'mail' AND delivery_id IS NULL`); n != 1 {
		t.Error("the address is not suppressed")
	}
}

// TestUnprovenSuppressesOnlyRecipients: whoever can write a mail can say that any
// address bounces.
func TestUnprovenSuppressesOnlyRecipients(t *testing.T) {
	s := newRows(t)
	id := s.row(uuid.New(), delivery.Sent, "kim@example.kr,lee@example.kr")
	bounced := func(recipient string) delivery.Report {
		return delivery.Report{Type: "dsn.bounced", Status: delivery.Bounced, Reason: fault.Refused, ID: id, Recipient: recipient,
			Suppress: delivery.HardBounce, List: delivery.SuppressAll, Unproven: true}
	}
	if applied := s.apply("e-1", bounced("minister@example.kr"), bounced("Lee@example.kr")); applied.Matched != 2 || applied.Suppressed != 1 {
		t.Errorf("applied %+v", applied)
	}
	nobody := bounced("kim@example.kr")
	nobody.ID = uuid.New()
	if applied := s.apply("e-2", nobody); applied.Matched+applied.Suppressed != 0 {
		t.Errorf("applied %+v", applied)
	}
	if n := s.count(`SELECT count(*) FROM gangway.suppressions WHERE recipient <> 'lee@example.kr'`); n != 0 {
		t.Errorf("%d others are suppressed", n)
	}
}
