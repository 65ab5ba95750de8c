package broker

import (
	"testing"
	"time"
)

// A request that the server has forgotten is noticed by its silence, and only
// while something is asked for.
func TestPullNoticesSilence(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := &pull{heard: true, outstanding: 5}
	for _, step := range []struct {
		after       time.Duration
		heard       bool
		outstanding int
		silent      bool
	}{
		{0, false, 5, false},
		{pullSilence - time.Second, false, 5, false},
		{2 * time.Second, false, 5, true},
		{0, true, 5, false}, // a heartbeat came
		{pullSilence, false, 5, false},
		{time.Second, false, 0, false}, // nothing is asked for
		{time.Hour, false, 0, false},
		{time.Second, false, 5, false}, // asked again just now
		{pullSilence, false, 5, true},
	} {
		now = now.Add(step.after)
		p.heard, p.outstanding = step.heard, step.outstanding
		if got := p.silent(now); got != step.silent {
			t.Errorf("%+v: silent %v", step, got)
		}
	}
}
