package postgres

import (
	"strings"
	"testing"
	"time"
)

// TestClockIsMonotonic: what has passed since a sign of life is measured by a
// clock that nobody sets. An hour that the time of day is put back must not make
// a lease an hour longer.
func TestClockIsMonotonic(t *testing.T) {
	s := new(Store)
	if left := s.LeaseLeft(); left > 0 {
		t.Errorf("a lease of %s before the first sign of life", left)
	}
	database := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	give := func(shows time.Time) {
		if err := s.give(time.Minute, func(now *time.Time) error { *now = shows; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	give(database)
	if passed := s.Now().Sub(database); passed < 0 || passed > 10*time.Second {
		t.Errorf("Now is %s after what the database said", passed)
	}
	if left := s.LeaseLeft(); left > time.Minute || left < 50*time.Second {
		t.Errorf("%s left of a minute", left)
	}
	last := s.sign.Load()
	for name, at := range map[string]time.Time{"given": last.given, "read": last.read} {
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s is a time of day only: %s", name, at)
		}
	}
	give(database.Add(-time.Hour))
	if s.Now().After(database) {
		t.Error("the database's clock is not followed back")
	}
}
