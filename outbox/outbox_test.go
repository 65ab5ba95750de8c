package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/migrations"
	"github.com/gangwon-portal/gangway/outbox"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func open(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), testkit.PostgresMigrated(t, migrations.FS))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// bus takes messages as a stream would, and can be away or refuse some.
type bus struct {
	mu     sync.Mutex
	away   bool
	refuse string
	got    []outbox.Message
	tries  int
}

func (b *bus) publish(_ context.Context, messages []outbox.Message) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	errs := make([]error, len(messages))
	for i, m := range messages {
		switch {
		case b.away:
			errs[i] = fmt.Errorf("no answer: %w", outbox.ErrUnreachable)
		case b.refuse != "" && strings.Contains(string(m.Payload), b.refuse):
			errs[i] = errors.New("message is too large")
		default:
			b.got = append(b.got, m)
		}
	}
	return errs
}

func (b *bus) set(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *bus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.got)
}

func relay(t *testing.T, pool *pgxpool.Pool, b *bus, options outbox.RelayOptions) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- outbox.NewRelay(pool, b.publish, options).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func waiting(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.outbox`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

var mail = map[string]any{"to": []string{"kim@example.kr"}, "subject": "안녕", "text": "본문"}

func TestCommitPublishesRollbackDoesNot(t *testing.T) {
	pool, b := open(t), new(bus)
	relay(t, pool, b, outbox.RelayOptions{Poll: time.Hour}) // notified, not polled
	for _, commit := range []bool{false, true} {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := outbox.Enqueue(t.Context(), tx, outbox.Command{Kind: "email.send", Payload: mail, ID: fmt.Sprint("commit ", commit), Lane: "high"}); err != nil {
			t.Fatal(err)
		}
		if commit {
			err = tx.Commit(t.Context())
		} else {
			err = tx.Rollback(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, 10*time.Second, func() bool { return b.count() == 1 && waiting(t, pool) == 0 })
	m := b.got[0]
	if m.Subject != "email.send.high" || m.ID != command.ParseID("commit true").String() {
		t.Errorf("%+v", m)
	}
	cmd, err := command.Decode(command.EmailSend, command.High, m.Payload, command.Source{MsgID: m.ID})
	if err != nil || cmd.ID.String() != m.ID {
		t.Errorf("a worker reads %v: %v", cmd.ID, err)
	}
	var status string
	if err := pool.QueryRow(t.Context(), `SELECT status FROM gangway.delivery_status WHERE id = $1`, m.ID).Scan(&status); err != nil || status != "queued" {
		t.Errorf("status %q, %v", status, err)
	}
}

func TestIDsAgreeWithTheWorkers(t *testing.T) {
	pool := open(t)
	for _, name := range []string{
		"order-42", "한글 아이디", strings.Repeat("long ", 40), "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "0193A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B",
	} {
		var got string
		if err := pool.QueryRow(t.Context(), `SELECT gangway.command_id($1)::text`, name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if want := command.ParseID(name).String(); got != want {
			t.Errorf("%q is %s in SQL and %s in a worker", name, got, want)
		}
	}
	var version, variant string
	row := pool.QueryRow(t.Context(), `SELECT substr(i, 15, 1), substr(i, 20, 1) FROM (SELECT gangway.command_id(NULL)::text AS i) AS made`)
	if err := row.Scan(&version, &variant); err != nil || version != "7" || !strings.Contains("89ab", variant) {
		t.Errorf("a new id is version %q, variant %q, %v", version, variant, err)
	}
}

func TestEnqueueSaysWhatIsWrong(t *testing.T) {
	pool := open(t)
	for _, c := range []struct{ sql, says string }{
		{`SELECT gangway.enqueue('webhook.process', '{}')`, `kind "webhook.process" cannot be enqueued`},
		{`SELECT gangway.enqueue('mail', '{}')`, `kind "mail" cannot be enqueued`},
		{`SELECT gangway.enqueue('email.send', '[]')`, `must be a JSON object, not array`},
		{`SELECT gangway.enqueue('email.send', '{}', lane => 'fast')`, `lane "fast" does not exist`},
		{`SELECT gangway.enqueue('email.send', '{}', lane => 'alerts')`, `lane "alerts" does not exist`},
		{`SELECT gangway.enqueue('email.send', '{"id":"a"}', id => 'b')`, `id "b" differs from the payload's id "a"`},
		{`SELECT gangway.enqueue('email.send', '{}', id => '')`, `id has 0 bytes`},
		{`SELECT gangway.enqueue('email.send', '{"id":""}')`, `id has 0 bytes`},
		{`SELECT gangway.enqueue('email.send', '{}', id => repeat('x', 257))`, `id has 257 bytes`},
		{`SELECT gangway.enqueue('email.send', jsonb_build_object('text', repeat('x', 1048577)))`, `at most 1048576`},
		{`SELECT gangway.enqueue('email.send', 'garbage')`, `invalid input syntax for type json`},
	} {
		if _, err := pool.Exec(t.Context(), c.sql); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.sql, err, c.says)
		}
	}
}

func TestRolesHaveNoOtherRight(t *testing.T) {
	pool := open(t)
	as := func(role, sql string) error {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		if _, err := tx.Exec(t.Context(), `SET LOCAL ROLE `+role); err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), sql)
		return err
	}
	const enqueue = `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"x"}')`
	for _, c := range []struct {
		role, sql string
		allowed   bool
	}{
		{"gangway_producer", enqueue, true},
		{"gangway_producer", `SELECT * FROM gangway.outbox`, false},
		{"gangway_producer", `SELECT * FROM gangway.delivery_status`, false},
		{"gangway_producer", `INSERT INTO gangway.outbox (delivery_id, subject, message_id, payload) VALUES (gen_random_uuid(), 'x', 'x', '')`, false},
		{"gangway_reader", `SELECT * FROM gangway.delivery_status`, true},
		{"gangway_reader", `SELECT * FROM gangway.deliveries`, false},
		{"gangway_reader", enqueue, false},
		{"gangway_analyst", `SELECT * FROM gangway.delivery_figures`, true},
		{"gangway_analyst", `SELECT * FROM gangway.delivery_status`, false},
		{"gangway_analyst", enqueue, false},
	} {
		if err := as(c.role, c.sql); (err == nil) != c.allowed {
			t.Errorf("%s: %s: %v", c.role, c.sql, err)
		}
	}
}

func TestRowsWaitWhileTheBusIsAway(t *testing.T) {
	pool, b := open(t), &bus{away: true}
	exec(t, pool, `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"x"}', id => 'away-' || i) FROM generate_series(1, 1200) AS i`)
	for range 3 {
		relay(t, pool, b, outbox.RelayOptions{Poll: 20 * time.Millisecond})
	}
	testkit.Eventually(t, 10*time.Second, func() bool { return waiting(t, pool) == 1200 })
	b.set(false)
	testkit.Eventually(t, 20*time.Second, func() bool { return waiting(t, pool) == 0 })
	seen := map[string]bool{}
	for _, m := range b.got {
		if seen[m.ID] {
			t.Fatalf("%s was published by two relays", m.ID)
		}
		seen[m.ID] = true
	}
	if len(seen) != 1200 {
		t.Errorf("%d of 1200 arrived", len(seen))
	}
}

// TestRowsAreFoundWithoutNotice: what nobody was notified of, because the database
// went away in between or the notice was lost, is found by looking.
func TestRowsAreFoundWithoutNotice(t *testing.T) {
	pool, b := open(t), new(bus)
	relay(t, pool, b, outbox.RelayOptions{Poll: 20 * time.Millisecond})
	exec(t, pool, `ALTER TABLE gangway.outbox DISABLE TRIGGER outbox_notify`)
	for i := 1; i <= 3; i++ {
		exec(t, pool, `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"x"}')`)
		testkit.Eventually(t, 10*time.Second, func() bool { return b.count() == i && waiting(t, pool) == 0 }, "row %d to be found", i)
	}
}

func TestARefusedRowLetsOthersPass(t *testing.T) {
	pool, b := open(t), &bus{refuse: "poison"}
	exec(t, pool, `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"poison"}')`)
	exec(t, pool, `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"fine"}')`)
	relay(t, pool, b, outbox.RelayOptions{})
	testkit.Eventually(t, 10*time.Second, func() bool { return b.count() == 1 && waiting(t, pool) == 1 })
	var why string
	if err := pool.QueryRow(t.Context(), `SELECT error FROM gangway.outbox`).Scan(&why); err != nil || why != "message is too large" {
		t.Errorf("%q, %v", why, err)
	}
}

// TestBacklogIsToldOf: after an outage it can be seen how what has piled up goes,
// and when it is gone. Rows that go as they come are nobody's concern.
func TestBacklogIsToldOf(t *testing.T) {
	pool, b := open(t), &bus{away: true}
	var mu sync.Mutex
	var told [][2]int
	relay(t, pool, b, outbox.RelayOptions{Poll: 20 * time.Millisecond, Batch: 100, BacklogEvery: time.Nanosecond, Backlog: func(gone, left int) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, [2]int{gone, left})
	}})
	exec(t, pool, `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"x"}', id => 'piled-' || i) FROM generate_series(1, 350) AS i`)
	b.attempted(t)
	b.set(false)
	testkit.Eventually(t, 20*time.Second, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) > 0 && told[len(told)-1][1] == 0
	}, "the end of the backlog to be told")
	mu.Lock()
	defer mu.Unlock()
	if want := [][2]int{{100, 250}, {200, 150}, {300, 50}, {350, 0}}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	told = nil
	mu.Unlock()
	exec(t, pool, `SELECT gangway.enqueue('sms.send', '{"to":"010-1234-5678","text":"x"}')`)
	testkit.Eventually(t, 10*time.Second, func() bool { return waiting(t, pool) == 0 })
	mu.Lock()
	if len(told) > 0 {
		t.Errorf("a row that went as it came is told of: %v", told)
	}
}

// attempted waits until somebody has tried to publish while the bus is away.
func (b *bus) attempted(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.tries > 0
	}, "a relay to try")
}
