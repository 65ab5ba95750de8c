package cli

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 123456789, kst)
	ahead := func(text string) (time.Time, error) { return moment(text, now) }
	behind := func(text string) (time.Time, error) { return past(text, now, kst) }
	for _, tt := range []struct {
		name string
		read func(string) (time.Time, error)
		text string
		want time.Time // zero: refused
	}{
		{"ahead", ahead, "+10m", time.Date(2026, 3, 1, 9, 10, 0, 123000000, kst)},
		{"ahead", ahead, "+1d12h", time.Date(2026, 3, 2, 21, 0, 0, 123000000, kst)},
		{"ahead", ahead, "2026-12-31T09:00:00+09:00", time.Date(2026, 12, 31, 9, 0, 0, 0, kst)},
		{"ahead", ahead, "2026-12-31", time.Time{}},
		{"ahead", ahead, "10m", time.Time{}},
		{"ahead", ahead, "+-10m", time.Time{}},
		{"ahead", ahead, "+1d-1h", time.Time{}},
		{"ahead", ahead, "+", time.Time{}},
		{"ahead", ahead, "+99999999d", time.Time{}},
		{"behind", behind, "24h", now.Add(-24 * time.Hour)},
		{"behind", behind, "7d", now.Add(-7 * 24 * time.Hour)},
		{"behind", behind, "2026-01-31", time.Date(2026, 1, 31, 0, 0, 0, 0, kst)},
		{"behind", behind, "2026-01-31T00:00:00Z", time.Date(2026, 1, 31, 9, 0, 0, 0, kst)},
		{"behind", behind, "-1h", time.Time{}},
		{"behind", behind, "1", time.Time{}},
	} {
		got, err := tt.read(tt.text)
		if (err != nil) != tt.want.IsZero() || !tt.want.IsZero() && !got.Equal(tt.want) {
			t.Errorf("%s %q is %v, %v; want %v", tt.name, tt.text, got, err, tt.want)
		}
	}
	for d, want := range map[time.Duration]string{
		412345 * time.Microsecond: "412ms", 1250 * time.Millisecond: "1.3s", 72*time.Second + 400*time.Millisecond: "1m12s", 0: "0s",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
	for text, want := range map[string]float64{"": 0, "50/s": 50, "90/m": 1.5, "7200/h": 2, "3": 3, "0/s": -1, "-1/s": -1, "x": -1, "5/d": -1, "NaN": -1, "Inf/s": -1} {
		got, err := perSecond(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("rate %q is %v, %v", text, got, err)
		}
	}
}
