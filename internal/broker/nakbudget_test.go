package broker

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestNakBudgetFreesWhatHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newNakBudget(3)
		b.add(time.Now(), 2*time.Second)
		b.add(time.Now(), 10*time.Second)
		if !b.free(time.Now()) {
			t.Error("two of three leave none")
		}
		b.add(time.Now(), 30*time.Second)
		if b.free(time.Now()) {
			t.Error("three of three leave one")
		}
		time.Sleep(1900 * time.Millisecond)
		if b.free(time.Now()) {
			t.Error("the first is forgotten before its time")
		}
		time.Sleep(1200 * time.Millisecond)
		if !b.free(time.Now()) || b.total != 2 {
			t.Errorf("%d outstanding after three seconds, want 2", b.total)
		}
		time.Sleep(8 * time.Second)
		b.free(time.Now())
		if b.total != 1 {
			t.Errorf("%d outstanding after eleven seconds, want 1", b.total)
		}
		time.Sleep(time.Hour)
		if !b.free(time.Now()) || b.total != 0 {
			t.Errorf("%d outstanding after an hour, want none", b.total)
		}
	})
}

func TestNakBudgetSurvivesAnyClock(t *testing.T) {
	b := newNakBudget(100)
	now := time.Unix(1_800_000_000, 0)
	for i := range 50 {
		b.add(now, time.Duration(i)*time.Minute) // longer than the ring
		now = now.Add(time.Duration(i%7-3) * time.Second)
	}
	b.free(now.Add(2 * time.Minute))
	if b.total != 0 {
		t.Errorf("%d outstanding, want none", b.total)
	}
	for i, n := range b.seconds {
		if n != 0 {
			t.Errorf("second %d counts %d", i, n)
		}
	}
}
