package delivery

import (
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestRanksOrderWhatIsReported(t *testing.T) {
	order := []Status{Queued, Processing, Unknown, DeadLettered, Discarded, Sent, Undelivered, Delivered, Bounced, Complained, Completed}
	for i := 1; i < len(order); i++ {
		if order[i-1].Rank() >= order[i].Rank() {
			t.Errorf("%s (%d) does not come before %s (%d)", order[i-1], order[i-1].Rank(), order[i], order[i].Rank())
		}
	}
	for _, s := range []Status{Scheduled, Retrying} {
		if s.Rank() != Processing.Rank() {
			t.Errorf("%s has another rank than processing: a retry could not follow a call", s)
		}
	}
}

func TestEveryStatusHasARankAndOneNature(t *testing.T) {
	if len(Statuses()) != len(ranks) {
		t.Errorf("%d statuses listed, %d ranked", len(Statuses()), len(ranks))
	}
	for _, s := range Statuses() {
		if !s.Valid() {
			t.Errorf("%s has no rank", s)
		}
		waiting := s == Unknown || s == ManualReview
		if s.Open() == (s.Final() || waiting) {
			t.Errorf("%s: open %v, final %v", s, s.Open(), s.Final())
		}
		if s.Good() && !s.Final() {
			t.Errorf("%s is good and not final", s)
		}
	}
	for _, reason := range fault.Reasons() {
		if end := Ends(reason); !end.Valid() || end.Open() {
			t.Errorf("%s ends as %q", reason, end)
		}
	}
	if Status("").Open() || Status("made up").Final() {
		t.Error("a made-up status has a nature")
	}
}
