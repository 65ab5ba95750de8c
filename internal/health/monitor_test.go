package health

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf keeps records as the fleet does: whoever comes second has lost.
type shelf struct {
	mu        sync.Mutex
	records   map[string][]byte
	revisions map[string]uint64
	lose      int // so many swaps are lost to somebody else
}

func newShelf() *shelf { return &shelf{records: map[string][]byte{}, revisions: map[string]uint64{}} }

func (s *shelf) Load(_ context.Context, provider string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[provider], s.revisions[provider], nil
}

func (s *shelf) Swap(_ context.Context, provider string, record []byte, revision uint64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lose > 0 || s.revisions[provider] != revision {
		s.lose--
		return false, nil
	}
	s.records[provider] = record
	s.revisions[provider]++
	return true, nil
}

// ward is a monitor over one or more providers whose state a test sets.
type ward struct {
	mu      sync.Mutex
	reasons map[string]string
	checks  map[string][]time.Time
	told    []Change
	saved   map[string]Report
	deaf    bool // telling fails
}

func (w *ward) monitor(s Store, names ...string) *Monitor {
	w.reasons, w.checks, w.saved = map[string]string{}, map[string][]time.Time{}, map[string]Report{}
	var providers []Provider
	for _, name := range names {
		providers = append(providers, Provider{Name: name, Check: func(context.Context) (string, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.checks[name] = append(w.checks[name], time.Now())
			return w.reasons[name], false
		}})
	}
	return New(Options{
		Providers: providers, Store: s, Signs: func(string) Signs { return Signs{} },
		Interval: func() time.Duration { return 5 * time.Minute },
		Tell: func(_ context.Context, c Change) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.deaf {
				return errors.New("the stream is away")
			}
			w.told = append(w.told, c)
			return nil
		},
		Save: func(_ context.Context, provider string, r Report) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.saved[provider] = r
			return nil
		},
		Trouble: func(string, error) {},
	})
}

func (w *ward) set(provider, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reasons[provider] = reason
}

func (w *ward) statuses() (told []Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.told {
		told = append(told, c.Status)
	}
	return told
}

func TestEveryFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := new(ward), newShelf()
		m := w.monitor(s, "ses", "nts")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		for provider, times := range maps.All(w.checks) {
			if n := len(times); n < 11 || n > 14 {
				t.Errorf("%s was checked %d times in an hour", provider, n)
			}
			for i, at := range times[1:] {
				if pause := at.Sub(times[i]); pause < 270*time.Second || pause > 336*time.Second {
					t.Errorf("%s: %v between two checks", provider, pause)
				}
			}
		}
		if slices.Equal(w.checks["ses"], w.checks["nts"]) {
			t.Error("all providers are checked at the same moments")
		}
		if len(w.statuses()) != 0 {
			t.Errorf("a first report that is healthy was told: %v", w.statuses())
		}

		// A failure is looked into soon, and told once for each change.
		w.set("ses", "the check failed: unavailable")
		time.Sleep(7 * time.Minute)
		w.set("ses", "")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := w.statuses(); !slices.Equal(got, []Status{Degraded, Unhealthy, Healthy}) {
			t.Errorf("told %v", got)
		}
		if w.saved["ses"].Status != Healthy || w.saved["nts"].Status != Healthy {
			t.Errorf("saved %+v", w.saved)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}

		// Another worker takes over: nothing is checked before its time, nothing told again.
		before := len(w.told)
		other := new(ward)
		m = other.monitor(s, "ses", "nts")
		ctx, stop = context.WithCancel(t.Context())
		go func() { done <- m.Run(ctx) }()
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		for _, provider := range []string{"ses", "nts"} {
			last := w.checks[provider][len(w.checks[provider])-1]
			if n := len(other.checks[provider]); n == 0 {
				t.Errorf("%s: not checked in the six minutes after a takeover", provider)
			} else if pause := other.checks[provider][0].Sub(last); pause < 270*time.Second || pause > 336*time.Second {
				t.Errorf("%s: checked %v after the former worker's last check", provider, pause)
			}
		}
		if len(other.told) != 0 || len(w.told) != before {
			t.Errorf("after a takeover: told %v", other.told)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestWhatWasNotToldIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := new(ward), newShelf()
		m := w.monitor(s, "ses")
		w.set("ses", "the check failed: timeout")
		w.deaf = true
		if _, err := m.Check(t.Context(), "ses"); err == nil {
			t.Fatal("nobody heard of the change, and that is no error")
		}
		// The worker dies here; the next one finds the change untold.
		next := new(ward)
		m = next.monitor(s, "ses")
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		_ = m.Run(ctx)
		if len(next.told) != 1 || next.told[0].Status != Degraded || next.told[0].Number != 1 {
			t.Errorf("told %+v", next.told)
		}
	})
}

func TestCheckOnDemand(t *testing.T) {
	w, s := new(ward), newShelf()
	m := w.monitor(s, "ses")
	s.lose = 2 // others check at the same time
	report, err := m.Check(t.Context(), "ses")
	if err != nil || report.Status != Healthy || report.CheckedAt.IsZero() || report.Since.IsZero() {
		t.Errorf("%+v, %v", report, err)
	}
	if len(w.checks["ses"]) != 1 {
		t.Errorf("a lost race repeated the check %d times", len(w.checks["ses"]))
	}
	if _, err := m.Check(t.Context(), "sess"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := string(s.records["ses"])
	if _, err := m.Check(ctx, "ses"); err == nil || string(s.records["ses"]) != before {
		t.Errorf("a check that was called off changed the record: %v", err)
	}
}
