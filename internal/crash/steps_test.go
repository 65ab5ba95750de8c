package crash

import (
	"fmt"
	"testing"
	"time"
)

// TestKilledAtEveryStep: a worker is killed at a step of the pipeline, another
// one carries on. Whatever the step, nothing is lost, and nothing is sent twice
// without a recorded unknown outcome.
func TestKilledAtEveryStep(t *testing.T) {
	for _, c := range []struct {
		step    string
		nth     int
		options options
		prepare func(p *plant)
		wait    time.Duration // until send_at
		sql     bool
	}{
		{step: "decoded", nth: 3},
		{step: "planned", nth: 3},
		{step: "claimed", nth: 3},
		{step: "intended", nth: 2, prepare: func(p *plant) { p.first.reacts(always(busy)) }},
		{step: "handled", nth: 3},
		{step: "recorded", nth: 3},
		{step: "announced", nth: 3},
		{step: "scheduled", nth: 3, wait: 5 * time.Second},
		{step: "lettered", nth: 3, options: options{retries: -1}, prepare: func(p *plant) {
			p.first.reacts(always(busy))
			p.second.reacts(always(busy))
		}},
		{step: "acknowledged", nth: 3},
		{step: "relayed", nth: 1, sql: true},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, c.options)
			if c.prepare != nil {
				c.prepare(p)
			}
			victim := p.worker(fmt.Sprintf("%s:%d", c.step, c.nth))
			switch {
			case c.sql:
				p.enqueue(12)
			case c.wait > 0:
				p.mail(12, fmt.Sprintf(`,"send_at":%q`, time.Now().Add(c.wait).Format(time.RFC3339Nano)))
			default:
				p.mail(12, "")
			}
			p.died(victim)
			p.worker("")
			p.settled(90 * time.Second)
			p.verify()
		})
	}
}
