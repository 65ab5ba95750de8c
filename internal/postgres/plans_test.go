package postgres

import (
	"context"
	"crypto/md5"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/stats"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/outbox"
)

// overlooked is how many rows of a table one step of a query may look at in vain.
// Every big table of the test is many times larger.
const overlooked = 1000

// plans collects, by auto_explain, how the database carried out each statement.
type plans struct {
	mu       sync.Mutex
	name     string // of what is tried at the moment
	wandered []string
	seen     int
}

// step is a node of a plan.
type step struct {
	Type     string         `json:"Node Type"`
	Table    string         `json:"Relation Name"`
	Index    string         `json:"Index Name"`
	Rows     float64        `json:"Actual Rows"`
	Loops    float64        `json:"Actual Loops"`
	Filtered float64        `json:"Rows Removed by Filter"`
	Joined   float64        `json:"Rows Removed by Join Filter"`
	Steps    []step         `json:"Plans"`
	Rest     jsontext.Value `json:",unknown"`
}

// notice takes what the database says.
func (p *plans) notice(_ *pgconn.PgConn, n *pgconn.Notice) {
	_, text, ok := strings.Cut(n.Message, "plan:\n")
	if !ok {
		return
	}
	var told struct {
		Query string `json:"Query Text"`
		Plan  step
		Rest  jsontext.Value `json:",unknown"`
	}
	err := json.Unmarshal([]byte(text), &told)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen++; err != nil {
		p.wandered = append(p.wandered, fmt.Sprintf("%s: plan not read: %v", p.name, err))
		return
	}
	p.visit(told.Query, told.Plan)
}

// visit complains of steps that look at many rows in vain: a table that is read
// from end to end, or an index that finds the rows only nearly.
func (p *plans) visit(query string, s step) {
	inVain := s.Filtered * s.Loops
	if s.Type == "Seq Scan" {
		inVain += s.Rows * s.Loops
	}
	if s.Table != "" && inVain > overlooked {
		query = strings.Join(strings.Fields(query), " ")
		p.wandered = append(p.wandered, fmt.Sprintf("%s: %s on %s %s looks at %.0f rows: %.300s", p.name, s.Type, s.Table, s.Index, inVain, query))
	}
	for _, sub := range s.Steps {
		p.visit(query, sub)
	}
}

// try does something and remembers under which name.
func (p *plans) try(t *testing.T, name string, do func() error) {
	t.Helper()
	p.mu.Lock()
	p.name = name
	before := p.seen
	p.mu.Unlock()
	if err := do(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == before {
		t.Errorf("%s: the database told of no plan", name)
	}
}

// open returns a pool whose every statement is explained.
func (p *plans) open(t *testing.T, url, mode string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
		"auto_explain.log_timing": "off", "auto_explain.log_nested_statements": "on", "auto_explain.log_format": "json",
		"client_min_messages": "log", "plan_cache_mode": mode, "max_parallel_workers_per_gather": "0", "timezone": "UTC", "jit": "off",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	config.AfterConnect, config.ConnConfig.OnNotice = takeColumns, p.notice
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// crowd fills the tables as two years of work do: n deliveries, nearly all of
// them over.
func crowd(ctx context.Context, pool *pgxpool.Pool, n int) error {
	for _, fill := range []string{`
INSERT INTO gangway.deliveries (id, kind, lane, status, rank, reason, recipient, result, requested_at, asked_at, completed_at, provider, provider_message_id)
SELECT md5(i::text)::uuid, k.kind, 'normal', s.status, s.rank, s.reason, 'user' || i || '@example.kr', '{}', at, at, CASE WHEN s.rank >= 30 THEN at END, 'ses', 'm' || i
FROM generate_series(1, $1::int) AS i,
LATERAL (SELECT now() - (i::float8 / $1 * 700) * interval '1 day' - interval '1 hour' AS at) AS a,
LATERAL (SELECT CASE WHEN i % 10 = 0 THEN 'business.verify' ELSE 'email.send' END AS kind) AS k,
LATERAL (SELECT CASE WHEN i % 2000 = 0 THEN 'manual_review' WHEN i % 2000 = 1 THEN 'unknown' WHEN i % 50 = 2 THEN 'dead_lettered' ELSE 'delivered' END AS status,
                CASE WHEN i % 2000 < 2 THEN 20 WHEN i % 50 = 2 THEN 30 ELSE 60 END AS rank,
                CASE WHEN i % 50 = 2 THEN 'timeout' END AS reason) AS s`, `
INSERT INTO gangway.delivery_attempts (delivery_id, attempt, round, generation, provider, endpoint, outcome, duration_ms, started_at, provider_message_id)
SELECT id, 1, 1, 0, 'ses', 'smtp', 'ok', 5, greatest(requested_at, date_trunc('month', now())), provider_message_id FROM gangway.deliveries ORDER BY requested_at LIMIT $1`, `
INSERT INTO gangway.delivery_events (delivery_id, provider, event_id, type, status, occurred_at, received_at)
SELECT delivery_id, 'ses', delivery_id::text, 'Delivery', 'delivered', started_at, started_at FROM gangway.delivery_attempts LIMIT $1`, `
INSERT INTO gangway.webhook_events (id, provider, event_id, received_at, outcome)
SELECT delivery_id, 'ses', delivery_id::text, started_at, 'applied' FROM gangway.delivery_attempts LIMIT $1`, `
INSERT INTO gangway.delivery_recipients (delivery_id, address, status, rank, provider_message_id)
SELECT id, 'user@example.kr', 'delivered', 60, 'r' || provider_message_id FROM gangway.deliveries LIMIT $1 / 3`, `
INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, attempts, first_seen, created_at, discarded_at, payload)
SELECT md5(i::text)::uuid, 'email.send', 'normal', 0, 1, 'timeout', 'x', 1, at, at, CASE WHEN i % 500 > 0 THEN now() END, '{}'
FROM generate_series($1::int / 3, 1, -1) AS i, LATERAL (SELECT now() - (i::float8 / $1 * 300) * interval '1 day' AS at) AS a`, `
INSERT INTO gangway.audit_log (at, actor, action, target)
SELECT now() - ($1 - i) * interval '20 minutes', 'kim', 'provider.pause', 'ses' FROM generate_series(1, $1::int / 3) AS i`, `
INSERT INTO gangway.stat_minutes (minute, scope, name, part, worker, count, failures, classes, counts)
SELECT date_trunc('minute', now()) - i * interval '1 minute', 'call', 'ses', 'smtp', md5('w')::uuid, 1, 0, '{300}', '{1}' FROM generate_series(1, $1::int / 3) AS i`, `
INSERT INTO gangway.manual_entries (delivery_id, command_id, registration_number, result, entered_by)
SELECT md5(i::text)::uuid, md5(i::text)::uuid, (1000000000 + i)::text, '{}', 'lee' FROM generate_series(1, $1::int / 3) AS i`, `
INSERT INTO gangway.suppressions (recipient, reason) SELECT 'gone' || i || '@example.kr', 'bounced' FROM generate_series(1, $1::int / 3) AS i`, `
INSERT INTO gangway.delivery_polls (delivery_id, provider, message_id, since, next_at)
SELECT md5(i::text)::uuid, 'solapi', 'x', now(), now() + interval '1 hour' FROM generate_series(1, $1::int / 3) AS i`,
		`ANALYZE`,
	} {
		args := []any{n}
		if fill == "ANALYZE" {
			args = nil
		}
		if _, err := pool.Exec(ctx, fill, args...); err != nil {
			return fmt.Errorf("%s: %w", fill, err)
		}
	}
	return nil
}

// TestEveryQueryIsLedByAnIndex carries out every statement over large tables and
// holds each plan to look at what it is about: plans for the values at hand, and
// those for any, which the database may come to prefer. The large form has a
// million rows.
func TestEveryQueryIsLedByAnIndex(t *testing.T) {
	for _, mode := range []string{"auto", "force_generic_plan"} {
		t.Run(mode, func(t *testing.T) { everyQuery(t, mode) })
	}
}

func everyQuery(t *testing.T, mode string) {
	n := testkit.Size(30_000, 1_000_000)
	url := testkit.PostgresFrom(t, "crowded", func(ctx context.Context, url string) error {
		pool, err := Connect(ctx, url, 2, func(error) {})
		if err != nil {
			return err
		}
		defer pool.Close()
		if _, err := MigrateUp(ctx, pool, func(error) {}); err != nil {
			return err
		}
		return crowd(ctx, pool, n)
	})
	p := &plans{}
	pool := p.open(t, url, mode)
	ctx := t.Context()
	reader := NewReader(pool)
	operator := NewOperator(pool, func(row delivery.Row) (outbox.Message, error) {
		return outbox.Message{Subject: "event.x", ID: row.ID.String(), Payload: []byte("{}")}, nil
	})
	id := func(i int) uuid.UUID {
		return md5.Sum([]byte(strconv.Itoa(i)))
	}
	one, yesterday := id(n/2), time.Now().Add(-24*time.Hour)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"status", func() error { _, err := reader.Status(ctx, one); return err }},
		{"views", func() error { _, err := reader.Views(ctx, []uuid.UUID{one, id(7)}); return err }},
		{"rows", func() error { _, err := reader.Rows(ctx, []uuid.UUID{one}); return err }},
		{"list", func() error { _, err := reader.List(ctx, Filter{}); return err }},
		{"list of a kind", func() error {
			_, err := reader.List(ctx, Filter{Kinds: []command.Kind{command.EmailSend}, Since: yesterday})
			return err
		}},
		{"list goes on", func() error {
			_, err := reader.List(ctx, Filter{Before: yesterday.AddDate(-1, 0, 0), BeforeID: one})
			return err
		}},
		{"attempts", func() error { _, err := reader.Attempts(ctx, one); return err }},
		{"events", func() error { _, err := reader.Events(ctx, one); return err }},
		{"overdue", func() error { _, _, _, err := reader.Overdue(ctx, Place{At: yesterday}, 500, time.Minute); return err }},
		{"recipients", func() error { _, _, _, err := reader.Recipients(ctx, Place{At: yesterday}, 500); return err }},
		{"letters", func() error { _, err := reader.Letters(ctx, deadletter.Filter{}, 0, 50); return err }},
		{"letters of a kind", func() error {
			_, err := reader.Letters(ctx, deadletter.Filter{Kinds: []command.Kind{command.EmailSend}, Since: yesterday}, 0, 50)
			return err
		}},
		{"letter", func() error { _, _, _, err := reader.Letter(ctx, deadletter.Ref{Number: 500}); return err }},
		{"letter of a delivery", func() error { _, _, _, err := reader.Letter(ctx, deadletter.Ref{Delivery: id(500)}); return err }},
		{"count of letters", func() error { _, err := reader.CountLetters(ctx, deadletter.Filter{}, 1000); return err }},
		{"open letters", func() error { _, err := reader.OpenLetters(ctx, deadletter.Filter{}, 5000, 50); return err }},
		{"open letters by reference", func() error {
			_, err := reader.OpenLetters(ctx, deadletter.Filter{Refs: []deadletter.Ref{{Delivery: id(500)}, {Number: 9}}}, 0, 50)
			return err
		}},
		{"new letters", func() error { _, err := reader.NewLetters(ctx, yesterday); return err }},
		{"manual queue", func() error { _, err := reader.ManualQueue(ctx, yesterday); return err }},
		{"alerts", func() error { _, err := reader.FiringAlerts(ctx); return err }},
		{"audit log", func() error { _, err := reader.AuditLog(ctx, AuditFilter{Since: yesterday}, 0, 50); return err }},
		{"workers", func() error { _, err := reader.Workers(ctx, time.Hour); return err }},
		{"health", func() error { _, err := reader.Health(ctx); return err }},
		{"manual entries", func() error { _, err := reader.OpenEntries(ctx, "1000000500"); return err }},
		{"figures", func() error {
			_, err := reader.Stats(ctx, StatsFilter{Scope: stats.Calls, Since: time.Now().Add(-time.Hour), ByMinute: true})
			return err
		}},
		{"call_stats", func() error {
			_, err := pool.Exec(ctx, `SELECT * FROM gangway.call_stats WHERE minute > now() - interval '10 minutes'`)
			return err
		}},
		{"outbox", func() error { _, err := reader.Outbox(ctx); return err }},
		{"suppressed", func() error {
			s := NewSuppressions(pool)
			defer s.Close()
			_, err := s.Suppressed(ctx, "marketing", []string{"gone500@example.kr"})
			return err
		}},
		{"suppressions", func() error {
			s := NewSuppressions(pool)
			defer s.Close()
			_, err := s.List(ctx, SuppressionFilter{Limit: 50})
			return err
		}},
		{"polls", func() error {
			polls := NewPolls(pool)
			if _, err := polls.Collect(ctx, []string{"solapi"}, time.Now().Add(-time.Minute)); err != nil {
				return err
			}
			if _, err := polls.Due(ctx, []string{"solapi"}, 50); err != nil {
				return err
			}
			return polls.Finish(ctx, id(1))
		}},
		{"claim and record", func() error { return claimAndRecord(ctx, pool) }},
		{"enqueue", func() error {
			_, err := outbox.Enqueue(ctx, pool, outbox.Command{Kind: "email.send", Payload: map[string]any{"to": []string{"a@b.kr"}}})
			return err
		}},
		{"report", func() error {
			reports := NewReports(pool, operator.event, func(string, []byte, int) string { return "{}" })
			report := delivery.Report{Type: "Bounce", Status: delivery.Bounced, At: time.Now(), MessageIDs: []string{fmt.Sprint("m", n/3)}, Recipient: "gone7@example.kr"}
			in := delivery.Received{Notice: delivery.Notice{EventID: "e", Event: []byte("{}")}, ID: uuid.New(), Provider: "ses", ReceivedAt: time.Now()}
			if _, err := reports.Ready(ctx, "ses", []delivery.Report{report}); err != nil {
				return err
			}
			_, err := reports.Apply(ctx, in, []delivery.Report{report})
			return err
		}},
		{"cancel", func() error { _, _, err := operator.Cancel(ctx, id(2000), "x"); return err }},
		{"complete", func() error {
			_, err := operator.CompleteManually(ctx, delivery.ManualEntry{DeliveryID: id(4000), CommandID: uuid.New(), EnteredBy: "lee"},
				func(delivery.Row) (jsontext.Value, error) {
					return jsontext.Value(`{"company":{"registration_number":"1248100998"}}`), nil
				})
			return err
		}},
		{"settle", func() error { _, err := operator.SettleUnknown(ctx, id(2001), true, "lee", ""); return err }},
		{"reap", func() error { _, _, err := operator.Reap(ctx, one, 1); return err }},
		{"replay", func() error {
			_, err := operator.SettleLetters(ctx, deadletter.Replay, []int64{500, 501}, "lee", "")
			return err
		}},
		{"forget", func() error {
			_, err := operator.Forget(ctx, one, func(string) bool { return true }, false)
			return err
		}},
		{"retention of deliveries", func() error {
			_, err := Retention{Pool: pool, Batch: 500}.Deliveries(ctx, time.Now().AddDate(0, 0, -650))
			return err
		}},
		{"retention of letters", func() error {
			_, err := Retention{Pool: pool, Batch: 500}.Rows(ctx, DeadLetters, time.Now().AddDate(0, 0, -95))
			return err
		}},
		{"retention of figures", func() error {
			_, err := Retention{Pool: pool, Batch: 500}.Statistics(ctx, time.Now().AddDate(0, 0, -5))
			return err
		}},
	} {
		p.try(t, c.name, c.do)
	}
	for name, do := range otherQueries(t, pool, operator) {
		p.try(t, name, do)
	}
	for _, complaint := range p.wandered {
		// The database keeps to plans for the values of a time: they are much cheaper.
		if !strings.HasPrefix(complaint, "figures:") || mode == "auto" {
			t.Error(complaint)
		}
	}

	p.wandered = nil // what the test notices
	p.try(t, "a search by subject", func() error {
		_, err := pool.Exec(ctx, `SELECT id FROM gangway.deliveries WHERE subject = 'x'`)
		return err
	})
	if len(p.wandered) == 0 {
		t.Error("a query over a whole table is not noticed")
	}
}

func claimAndRecord(ctx context.Context, pool *pgxpool.Pool) error {
	worker := uuid.New()
	store := NewStore(pool, Options{Worker: worker})
	defer store.Close()
	if err := store.Register(ctx, "test", time.Minute); err != nil {
		return err
	}
	body := []byte(`{"to":["kim@example.kr","lee@example.kr"],"subject":"x","text":"y"}`)
	cmd, err := command.Decode(command.EmailSend, command.Normal, body, command.Source{Timestamp: time.Now(), MsgID: uuid.NewString()})
	if err != nil {
		return err
	}
	claim := delivery.Claim{Command: cmd, Token: uuid.New(), Worker: worker, Provider: "ses", Status: delivery.Processing}
	claimed, err := store.Claim(ctx, claim)
	if err != nil {
		return err
	}
	_, err = store.Record(ctx, &delivery.Record{
		Row: claimed.Row, Token: claim.Token, Status: delivery.DeadLettered, Reason: fault.Timeout, Provider: "ses",
		Attempts:   []delivery.Attempt{{Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "failed", StartedAt: time.Now()}},
		Recipients: []delivery.Recipient{{Address: "kim@example.kr", Status: delivery.Failed}},
		Letter:     &delivery.LetterContent{Body: body},
	})
	return err
}
