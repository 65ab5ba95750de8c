package cli

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// go test ./internal/cli -update writes what commands print now into testdata.
var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

func id(n byte) uuid.UUID {
	u := uuid.MustParse("01920f5e-7c1b-7e2a-9d43-000000000000")
	u[15] = n
	return u
}

// sample is a ledger with a delivery of each sort.
func sample() *ledger {
	nine := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	l := newLedger(
		delivery.View{
			ID: id(1), Kind: command.EmailSend, Lane: command.Normal, Status: delivery.Bounced, Provider: "ses",
			ProviderMessageID: "0100019-abc", Recipient: "kim@example.kr", Subject: "접수되었습니다 — 2026-0042", Template: "application-received",
			Attempts: 2, Replays: 1, ErrorCode: "550 5.1.1", ErrorMessage: "mailbox unknown", Reason: fault.Refused,
			Metadata: map[string]string{"b": "2", "a": "1"}, CorrelationID: "corr-7", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
			RequestedAt: nine, UpdatedAt: nine.Add(65 * time.Second), CompletedAt: nine.Add(65 * time.Second),
		},
		delivery.View{
			ID: id(2), Kind: command.SMSSend, Lane: command.High, Status: delivery.Retrying, Reason: fault.Unavailable, Provider: "solapi",
			Recipient: "010-1234-5678", Attempts: 1, RequestedAt: nine.Add(time.Minute), UpdatedAt: nine.Add(61 * time.Second),
		},
		delivery.View{
			ID: id(3), Kind: command.AddressSearch, Lane: command.Normal, Status: delivery.Completed, Provider: "juso",
			Recipient: "강원특별자치도청", Attempts: 1, RequestedAt: nine.Add(2 * time.Minute), UpdatedAt: nine.Add(2 * time.Minute), CompletedAt: nine.Add(2 * time.Minute),
			Result: jsontext.Value(`{"total":2,"page":1,"items":[
				{"postal_code":"24266","road_address":"강원특별자치도 춘천시 중앙로 1 (봉의동)","jibun_address":"강원특별자치도 춘천시 봉의동 15","building_name":"강원특별자치도청"},
				{"postal_code":"24267","road_address":"강원특별자치도 춘천시 중앙로 2","jibun_address":"강원특별자치도 춘천시 중앙로1가 1","building_name":""}],
				"source":"cache","stale":true,"as_of":"2026-02-28T09:00:00+09:00"}`),
		},
		delivery.View{
			ID: id(4), Kind: command.BusinessVerify, Lane: command.Normal, Status: delivery.Completed, Provider: "nicednb", Recipient: "124-81-00998",
			Attempts: 1, RequestedAt: nine.Add(3 * time.Minute), UpdatedAt: nine.Add(3 * time.Minute), CompletedAt: nine.Add(3 * time.Minute),
			Result: jsontext.Value(`{"outcome":"found","company":{"registration_number":"1248100998","name":"강원상사","representative":"홍길동","status":"active","postal_code":"24266","address":"춘천시 중앙로 1","opened_on":"1969-01-13"},"source":"nicednb","stale":false,"as_of":"2026-03-01T09:03:00+09:00"}`),
		},
		delivery.View{
			ID: id(5), Kind: command.EmailSend, Lane: command.Bulk, Status: delivery.Sent, Provider: "ses", Recipient: "lee@example.kr,\x1b[31mpark@example.kr\u202e",
			Subject: "Two people", Attempts: 1, RequestedAt: nine.Add(4 * time.Minute), UpdatedAt: nine.Add(4 * time.Minute), CompletedAt: nine.Add(4 * time.Minute),
			Result: jsontext.Value(`{"recipients":[{"address":"lee@example.kr","status":"sent"},{"address":"park@example.kr","status":"failed","reason":"refused"}]}`),
		},
		delivery.View{
			ID: id(6), Kind: command.DeliveryCancel, Lane: command.Normal, Status: delivery.Completed, Recipient: id(9).String(),
			RequestedAt: nine.Add(5 * time.Minute), UpdatedAt: nine.Add(5 * time.Minute), Result: jsontext.Value(`{"cancelled":false}`),
		},
		delivery.View{
			ID: id(7), Kind: command.EmailSend, Lane: command.Normal, Status: delivery.Scheduled, Recipient: "choi@example.kr",
			RequestedAt: nine.Add(6 * time.Minute), SendAt: nine.Add(24 * time.Hour), UpdatedAt: nine.Add(6 * time.Minute),
		},
	)
	l.logs[id(1)] = Log{
		Attempts: []delivery.Attempt{
			{
				Number: 1, Round: 1, Provider: "sendgrid", Endpoint: "smtp", Outcome: "failed", Reason: fault.Timeout, Duration: 10 * time.Second,
				StartedAt: nine.Add(time.Second),
			},
			{
				Number: 2, Round: 2, Provider: "ses", Endpoint: "smtp", Outcome: "ok", MessageID: "0100019-abc", Duration: 212 * time.Millisecond,
				StartedAt: nine.Add(12 * time.Second), Request: jsontext.Value(`{"from":"portal@gangwon.kr"}`), Response: jsontext.Value(`"250 Ok"`),
			},
		},
		Events: []Event{
			{OccurredAt: nine.Add(13 * time.Second), ReceivedAt: nine.Add(14 * time.Second), Provider: "ses", Type: "Send", Status: delivery.Sent},
			{
				OccurredAt: nine.Add(64 * time.Second), ReceivedAt: nine.Add(65 * time.Second), Provider: "ses", Type: "Bounce", Status: delivery.Bounced,
				Recipient: "kim@example.kr", Reason: fault.Refused, ErrorCode: "5.1.1", Message: "mailbox unknown",
			},
		},
	}
	return l
}

func TestStatusGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"status-bounced.txt":   {"status", id(1).String()},
		"status-bounced.json":  {"status", id(1).String(), "-o", "json"},
		"status-address.txt":   {"status", id(3).String(), "-o", "table"},
		"status-business.txt":  {"status", id(4).String()},
		"status-people.txt":    {"status", id(5).String()},
		"status-cancel.txt":    {"status", id(6).String()},
		"status-scheduled.txt": {"status", id(7).String()},
		"list.txt":             {"list"},
		"list.json":            {"list", "-o", "json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := publisher(t, Backends{Deliveries: sample().open}, "", args...)
			if got.code != ExitDone || got.err != "" {
				t.Errorf("exit %d: %s", got.code, got.err)
			}
			golden(t, name, got.out)
		})
	}
}

func TestListNarrowsAndPages(t *testing.T) {
	l := newLedger()
	for i := range 1201 {
		view := delivery.View{ID: uuid.New(), Kind: command.SMSSend, Status: delivery.Sent, Recipient: "010"}
		if i == 100 {
			view.Recipient = strings.Repeat("가", 20) // widens a later page
		}
		l.put(view)
	}
	b := Backends{Deliveries: l.open}
	for _, tt := range []struct {
		args  string
		lines int
		said  string
	}{
		{"list", 51, "50 shown, more match: give --limit, 0 for all\n"},
		{"list --limit 700", 701, "700 shown, more match: give --limit, 0 for all\n"},
		{"list --limit 0", 1202, ""},
		{"list --limit 1201", 1202, ""},
		{"list --limit 0 -o json", 1201, ""},
		{"list --limit 5 -o json", 5, ""},
		{"list --status failed", 0, "no command matches\n"},
		{"list --status failed -o json", 0, ""},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := publisher(t, b, "", strings.Fields(tt.args)...)
			if got.code != ExitDone || len(got.lines()) != tt.lines || got.err != tt.said {
				t.Errorf("exit %d, %d lines, says %q", got.code, len(got.lines()), got.err)
			}
		})
	}
	got := publisher(t, b, "", "list", "--kind", "email.send,sms.send", "--status", "failed", "--status", "bounced", "--reason", "timeout",
		"--since", "2026-03-01", "--recipient", "kim@example.kr")
	want := Filter{
		Kinds: []command.Kind{command.EmailSend, command.SMSSend}, Statuses: []delivery.Status{delivery.Failed, delivery.Bounced},
		Reasons: []fault.Reason{fault.Timeout}, Since: time.Date(2026, 3, 1, 0, 0, 0, 0, kst), Recipient: "kim@example.kr",
	}
	if diff := cmp.Diff(want, l.filter); diff != "" || got.code != ExitDone {
		t.Errorf("the filter differs (-want +got):\n%s", diff)
	}
}

func TestStatusOfNothing(t *testing.T) {
	got := publisher(t, Backends{Deliveries: newLedger().open}, "", "status", "order-42")
	if got.code != ExitFailed || got.err != "publisher: \"order-42\" is not known: check the id; a command that was just published appears once a worker takes it\n" {
		t.Errorf("got %+v", got)
	}
	l := newLedger(delivery.View{ID: command.ParseID("order-42"), Kind: command.EmailSend, Status: delivery.Sent})
	if got := publisher(t, Backends{Deliveries: l.open}, "", "status", "order-42"); got.code != ExitDone {
		t.Errorf("by its own id: %+v", got)
	}
}

func TestStatusWaits(t *testing.T) {
	l := newLedger()
	l.onAsk = func(n int, l *ledger) {
		switch n {
		case 3:
			l.set(delivery.View{ID: id(1), Kind: command.EmailSend, Status: delivery.Processing, Provider: "ses", Attempts: 1})
		case 5:
			l.set(delivery.View{ID: id(1), Kind: command.EmailSend, Status: delivery.Failed, Provider: "ses", Attempts: 1, Reason: fault.Refused})
		}
	}
	got := publisher(t, Backends{Deliveries: l.open}, "", "status", id(1).String(), "--wait")
	if got.code != ExitFailed || !strings.Contains(got.out, "status    failed\n") || got.err != "publisher: "+id(1).String()+" failed by ses: refused\n" {
		t.Errorf("got %+v", got)
	}
	l.put(delivery.View{ID: id(1), Kind: command.EmailSend, Status: delivery.Delivered, Provider: "ses"})
	if got := publisher(t, Backends{Deliveries: l.open}, "", "status", id(1).String(), "--wait", "-o", "json"); got.code != ExitDone || got.err != "" || len(got.lines()) != 1 {
		t.Errorf("delivered: %+v", got)
	}
	got = publisher(t, Backends{Deliveries: newLedger().open}, "", "status", "x", "--wait", "--timeout", "30ms")
	if got.code != ExitFailed || !strings.HasPrefix(got.err, "publisher: not done within 30ms: no worker has taken it yet; publisher status ") {
		t.Errorf("never taken: %+v", got)
	}
}
