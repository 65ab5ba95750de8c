package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var daysRE = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// span reads a duration; days are allowed: 90s, 10m, 24h, 7d, 1d12h.
func span(text string) (time.Duration, error) {
	rest, days := text, time.Duration(0)
	if m := daysRE.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		days, rest = time.Duration(n)*24*time.Hour, m[2]
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a span of time: give one such as 90s, 10m, 24h or 7d", text)
	}
	return days + d, nil
}

// moment reads a time to come: RFC 3339, or +10m from now.
func moment(text string, now time.Time) (time.Time, error) {
	if ahead, ok := strings.CutPrefix(text, "+"); ok {
		d, err := span(ahead)
		if err != nil {
			return time.Time{}, err
		}
		// Whole milliseconds: what stands in the body is what a person can compare.
		return now.Add(d).Truncate(time.Millisecond), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time: give RFC 3339 (2026-01-31T09:00:00+09:00) or +10m from now", text)
	}
	return at, nil
}

// past reads a time that lies behind: RFC 3339, a day, or a span ago (24h, 7d).
func past(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day, nil
	}
	if d, err := span(text); err == nil {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: give a span such as 24h or 7d, a day (2026-01-31) or RFC 3339", text)
}

// brief is a duration as a person reads it: 350ms, 1.2s, 2m10s.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
