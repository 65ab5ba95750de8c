package resilience

import (
	"testing"
	"time"
)

func TestServerClock(t *testing.T) {
	base := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var c serverClock
	if got := c.at(base); !got.Equal(base) {
		t.Errorf("without any news: %v", got)
	}
	// Our clock is two seconds ahead; news takes from 1 to 40 ms.
	hear := func(server time.Time, delay time.Duration) { c.sample(server, server.Add(delay+2*time.Second)) }
	for i, delay := range []int{40, 1, 30, 20} {
		hear(base.Add(time.Duration(i)*100*time.Millisecond), time.Duration(delay)*time.Millisecond)
	}
	now := base.Add(time.Second)
	if late := now.Sub(c.at(now.Add(2 * time.Second))); late < 0 || late > time.Millisecond {
		t.Errorf("the estimate is %v late", late)
	}
	// The server's clock is set back by a second: the estimate follows, and is not
	// ahead for longer than two windows.
	for i := range 15 {
		hear(base.Add(time.Duration(i)*time.Second-time.Second), 2*time.Millisecond)
	}
	now = base.Add(14*time.Second - time.Second)
	if late := now.Sub(c.at(now.Add(2 * time.Second))); late < 0 || late > 10*time.Millisecond {
		t.Errorf("after it was set back the estimate is %v late", late)
	}
}

func TestQuotaDay(t *testing.T) {
	at := time.Date(2026, 3, 1, 14, 59, 0, 0, time.UTC) // one minute to midnight in Korea
	if dayOf(at) != "2026-03-01" || dayOf(at.Add(time.Minute)) != "2026-03-02" || untilMidnight(at) != time.Minute {
		t.Errorf("%s, %s, %v", dayOf(at), dayOf(at.Add(time.Minute)), untilMidnight(at))
	}
}

func TestTimeClasses(t *testing.T) {
	for class, upper := 0, time.Duration(0); class < timeClasses; class++ {
		next := classTime(class)
		if next < upper {
			t.Fatalf("class %d ends at %v, before the one below", class, next)
		}
		upper = next
	}
	for _, d := range []time.Duration{0, time.Millisecond, 7 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second, 50 * time.Second, time.Hour} {
		class := timeClass(d)
		if class < timeClasses-1 && (classTime(class) < d.Truncate(time.Millisecond) || class > 0 && float64(classTime(class)) > 1.5*float64(max(d, time.Millisecond))) {
			t.Errorf("%v is in a class that ends at %v", d, classTime(class))
		}
	}
}
