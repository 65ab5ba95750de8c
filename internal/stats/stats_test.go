package stats

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPercentilesOfMergedSketches compares with the sorted times themselves.
func TestPercentilesOfMergedSketches(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	merged := Sketch{}
	var all []time.Duration
	for worker := range 3 {
		own := Sketch{}
		for range 3000 {
			took := time.Duration(random.ExpFloat64() * float64(worker+1) * 80 * float64(time.Millisecond))
			own.Add(took)
			all = append(all, took)
		}
		merged.Merge(own)
	}
	slices.Sort(all)
	for _, of := range []float64{50, 95, 99} {
		exact := all[int(of/100*float64(len(all)))-1]
		got := merged.Percentile(of)
		if off := float64(got-exact) / float64(exact); off < -0.021 || off > 0.021 {
			t.Errorf("p%v: %v, exactly %v", of, got, exact)
		}
	}
	if p := (Sketch{}).Percentile(99); p != 0 {
		t.Errorf("of nothing: %v", p)
	}
	for _, d := range []time.Duration{-time.Second, 0, time.Nanosecond, 1000 * time.Hour} {
		if class := Class(d); class < 0 || class > longest {
			t.Errorf("class of %v: %d", d, class)
		}
	}
}

// ledger keeps what a recorder stores, as the table does.
type ledger struct {
	mu   sync.Mutex
	rows map[string]Figures
	away bool
}

func (l *ledger) save(_ context.Context, minutes []Figures) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return errors.New("the database is away")
	}
	for _, f := range minutes {
		l.rows[fmt.Sprint(f.At.Unix(), f.Key)] = f
	}
	return nil
}

func (l *ledger) total() (total Figures) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.rows {
		total.Merge(f)
	}
	return total
}

func TestRecorderLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, l := NewRecorder(), &ledger{rows: map[string]Figures{}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		troubles := 0
		go func() { done <- r.Run(ctx, l.save, func(error) { troubles++ }) }()
		ses := Key{Scope: Calls, Name: "ses", Part: "send"}
		for i := range 300 { // five minutes
			reason := ""
			if i%10 == 0 {
				reason = "timeout"
			}
			l.mu.Lock()
			l.away = i > 100 && i < 200
			l.mu.Unlock()
			r.Count(ses, 20*time.Millisecond, reason)
			time.Sleep(time.Second)
		}
		r.Count(ses, time.Hour, "")
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		total := l.total()
		if total.Count != 301 || total.Failures != 30 || total.FailedReason != "timeout" || len(l.rows) < 5 || troubles == 0 {
			t.Errorf("%+v in %d rows after %d troubles", total, len(l.rows), troubles)
		}
		if p := total.Times.Percentile(50); p < 19*time.Millisecond || p > 21*time.Millisecond {
			t.Errorf("p50 %v", p)
		}
	})
}

func TestRecorderIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder()
		for i := range 2 * keysMost {
			r.Count(Key{Scope: Calls, Name: "ses", Part: fmt.Sprint(i)}, 0, "")
		}
		if n := len(r.minutes[0].figures); n > keysMost+1 {
			t.Errorf("%d keys in a minute", n)
		}
		for range 2 * minutesKept {
			time.Sleep(time.Minute)
			r.Count(Key{Scope: Commands, Name: "email.send", Part: "high"}, 0, "")
		}
		if n := len(r.minutes); n > minutesKept {
			t.Errorf("%d minutes wait", n)
		}
	})
}
