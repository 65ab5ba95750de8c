package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

const burySQL = `
INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, provider, recipient, attempts, payload, first_seen, created_at)
SELECT gen_random_uuid(), (ARRAY['email.send', 'sms.send', 'address.search'])[1 + i % 3], 'normal', 0, 5,
       (ARRAY['unavailable', 'timeout', 'unknown_outcome', 'invalid'])[1 + i % 4], 'nobody was there: connection refused',
       (ARRAY['ses', 'sendgrid', 'solapi'])[1 + i % 3], 'person' || i || '@example.kr', 4,
       convert_to('{"to":["person' || i || '@example.kr"],"subject":"접수 안내","text":"신청이 접수되었습니다. 접수번호 2026-' || i || '","metadata":{"case":"2026-0042"}}', 'UTF8'),
       now() - i * interval '1 second', now() - i * interval '1 second'
FROM generate_series($1::int, $2::int) AS i`

// BenchmarkLetters: a page of 50 dead letters, by every filter, among 100,000
// (20,000 without TEST_LONG), and how that compares to a thousand.
func BenchmarkLetters(b *testing.B) {
	total := testkit.Size(20_000, 100_000)
	s := startStack(b)
	reader := postgres.NewReader(s.pool)
	filters := []struct {
		name string
		deadletter.Filter
	}{
		{"newest", deadletter.Filter{}},
		{"kind and reason", deadletter.Filter{Kinds: []command.Kind{command.SMSSend}, Reasons: []fault.Reason{fault.Timeout}}},
		{"provider, of an hour", deadletter.Filter{Providers: []string{"ses"}, Since: time.Now().Add(-time.Hour), Until: time.Now()}},
		{"contains, one of all", deadletter.Filter{Contains: "PERSON7@"}},
	}
	bury := func(from, to int) {
		_, err := s.pool.Exec(b.Context(), burySQL, from, to)
		check(b, err)
		_, err = s.pool.Exec(b.Context(), `VACUUM ANALYZE gangway.dead_letters`)
		check(b, err)
	}
	page := func(f deadletter.Filter) time.Duration {
		best := time.Hour
		for range 5 {
			started := time.Now()
			letters, err := reader.Letters(b.Context(), f, 0, 50)
			check(b, err)
			if len(letters) == 0 {
				b.Fatalf("nothing was found: %+v", f)
			}
			best = min(best, time.Since(started))
		}
		return best
	}
	bury(1, 1000)
	few := map[string]time.Duration{}
	for _, f := range filters {
		few[f.name] = page(f.Filter)
	}
	bury(1001, total)
	for _, f := range filters {
		b.Run(fmt.Sprint(f.name), func(b *testing.B) {
			for b.Loop() {
				took := page(f.Filter)
				b.ReportMetric(millis(took), "ms")
				b.ReportMetric(float64(took)/float64(few[f.name]), "of-a-thousand")
			}
		})
	}
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			started := time.Now()
			n, err := reader.CountLetters(b.Context(), deadletter.Filter{}, 0)
			check(b, err)
			if n != total {
				b.Fatalf("%d letters, want %d", n, total)
			}
			b.ReportMetric(millis(time.Since(started)), "ms")
		}
	})
}
