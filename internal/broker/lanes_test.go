package broker

import (
	"strings"
	"testing"
)

// picks lists the lanes of what is picked until nothing is.
func picks(l *lanes) string {
	var order strings.Builder
	for d := l.pick(); d != nil; d = l.pick() {
		order.WriteByte("AHNB"[d.lane])
	}
	return order.String()
}

func TestLanesPick(t *testing.T) {
	for name, test := range map[string]struct {
		pool    int
		waiting string
		want    string
	}{
		"high first":                 {10, "BNHBNH", "HHNNBB"},
		"our own before all":         {10, "BHNAHA", "AAHHNB"},
		"three normal for each bulk": {100, "BBBBBNNNNNNNNN", "NNNBNNNBNNNBBB"},
		"bulk alone":                 {100, "BBB", "BBB"},
		"an eighth is kept":          {16, "BBBBBBBBBBBBBBBB", "BBBBBBBBBBBBBB"},
		"one is kept at least":       {4, "BBBB", "BBB"},
		"normal takes what is kept":  {4, "BBBBN", "NBBB"},
		"a pool of one is for all":   {1, "BB", "B"},
		"no more than the pool":      {2, "HHH", "HH"},
		"nothing":                    {2, "", ""},
	} {
		l := newLanes(test.pool)
		for _, lane := range test.waiting {
			l.push(&Delivery{lane: strings.IndexRune("AHNB", lane)})
		}
		if got := picks(&l); got != test.want {
			t.Errorf("%s: picked %s, want %s", name, got, test.want)
		}
	}
}

func TestLanesReleaseAndOrder(t *testing.T) {
	l := newLanes(4)
	for i := range 1000 {
		l.push(&Delivery{lane: laneBulk, size: i})
	}
	for i := range 1000 {
		d := l.pick()
		if d == nil || d.size != i {
			t.Fatalf("pick %d: %+v", i, d)
		}
		l.release(d)
	}
	if l.slots != 4 || l.bulkSlots != 3 || len(l.takeAll()) != 0 {
		t.Errorf("%d slots, %d for bulk after everything was released", l.slots, l.bulkSlots)
	}
	if n := cap(l.queues[laneBulk].items); n > 2048 {
		t.Errorf("the queue holds on to room for %d", n)
	}
}

func TestCreditIsNeverExceeded(t *testing.T) {
	for _, test := range []struct{ messages, feeds int }{{128, 6}, {128, 1}, {2, 6}, {2, 1}, {2048, 2}} {
		c := newCredit(test.messages, 1<<20, test.feeds)
		s := &subscription{}
		for range test.feeds {
			s.feeds = append(s.feeds, &feed{subscription: s, busy: true})
		}
		if got := c.allowed(s.feeds[0], s.feeds); test.messages > 2 && got < test.messages/2 {
			t.Errorf("%d messages, %d feeds: a lone busy one gets %d", test.messages, test.feeds, got)
		}
		// Each takes all it may, in turn and again.
		for range 3 {
			held, bytes := 0, 0
			for _, f := range s.feeds {
				f.buffered = max(f.buffered, c.allowed(f, s.feeds))
				held += f.held()
				bytes += c.allowedBytes(f.held())
			}
			if most := max(test.messages, test.feeds); held > most || (test.messages > test.feeds && bytes > 1<<20) {
				t.Errorf("%d feeds hold %d messages and %d bytes, want at most %d and 1 MiB", test.feeds, held, bytes, most)
			}
		}
	}
}
