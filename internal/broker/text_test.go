package broker

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                 "plain",
		"two\r\nlines":          "two lines",
		"\n edges \t":           "edges",
		"nul\x00and\x7f":        "nul and",
		"line\u2028separator":   "line separator",
		"한글 그대로":                "한글 그대로",
		"bad\xff\xfebytes":      "bad bytes",
		strings.Repeat("가", 20): strings.Repeat("가", 10),
	} {
		if got := oneLine(text, 31); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\r\nNats-Expected-Stream: X", 10)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 0 || limit > 1<<16 {
			return
		}
		got := oneLine(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, unprintable) {
			t.Errorf("oneLine(%q, %d) = %q", text, limit, got)
		}
	})
}

func TestCheckServerVersion(t *testing.T) {
	for version, ok := range map[string]bool{
		"2.12.0": true, "2.12.0-RC.3": true, "2.15.2": true, "2.100.0": true, "3.0.0": true, "v2.13.1": true, "2.12-beta": true,
		"2.11.9": false, "2.2.0": false, "1.99.0": false, "": false, "unknown": false,
	} {
		err := checkServerVersion(version)
		if (err == nil) != ok {
			t.Errorf("%q: %v", version, err)
		}
		if old, typed := errors.AsType[*TooOldError](err); err != nil && (!typed || old.Version != version) {
			t.Errorf("%q: error %#v", version, err)
		}
	}
	want := "NATS server 2.11.4 is too old: 2.12 or newer is required (scheduled messages)"
	if got := checkServerVersion("2.11.4").Error(); got != want {
		t.Errorf("sentence %q, want %q", got, want)
	}
}
