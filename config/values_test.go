package config

import (
	"math"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "-1s": -time.Second,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "30", "d", "1.5d", "-1d", "1d-1h", "99999999d", "1d2d", "soon"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
	for text, want := range map[string]string{"5m": "5m", "1h": "1h", "90s": "1m30s", "720h": "720h", "75m": "1h15m", "0": "0s", "500ms": "500ms"} {
		d, _ := ParseDuration(text)
		if got := duration(d); got != want {
			t.Errorf("%s prints as %s, want %s", text, got, want)
		}
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "14": 14, "0.5": 0.5, "30/m": 0.5, "3600/h": 1, "86400/d": 1, "5/s": 5, "5 / s": 5} {
		if got, err := ParseRate(text); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "/m", "5/", "5/w", "-1", "NaN", "Inf", "1e400"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1024": 1024, "1KiB": 1024, "512MiB": 512 << 20, "10GiB": 10 << 30, "2 GB": 2e9, "7B": 7} {
		if got, ok := parseBytes(text); !ok || got != want {
			t.Errorf("%s is %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "GiB", "1.5GiB", "1gib", "9999999999GiB"} {
		if got, ok := parseBytes(text); ok {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestSwitchesAndPlaces(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "Yes": true, "on": true, "1": true, "false": false, "NO": false, "off": false, "0": false} {
		if got, ok := parseSwitch(text); !ok || got != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
	for _, test := range []struct {
		typ  Type
		text string
		ok   bool
	}{
		{Listen, "127.0.0.1:8080", true}, {Listen, ":0", true}, {Listen, "[::1]:80", true}, {Listen, "8080", false}, {Listen, "a:b", false}, {Listen, "a:99999", false},
		{URL, "https://a.kr", true}, {URL, "http://127.0.0.1:1/x", true}, {URL, "ftp://a", false}, {URL, "a.kr", false}, {URL, "https://", false},
		{Object, `{"a":1}`, true}, {Object, `[]`, false}, {Object, `{`, false}, {Object, `{} {}`, false},
		{Number, "NaN", false}, {Number, "1.5", true}, {Count, "1.5", false}, {Count, "10_000", true}, {Switch, "maybe", false},
	} {
		if _, ok := parseText(test.typ, test.text); ok != test.ok {
			t.Errorf("%s %q: %v, want %v", test.typ, test.text, ok, test.ok)
		}
	}
}

// FuzzValues gives every key any text: no panic, and what is accepted stays
// within the key's bounds.
func FuzzValues(f *testing.F) {
	for i := range Keys() {
		f.Add(i, "5m")
		f.Add(i, "14")
		f.Add(i, "a,b")
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		keys := Keys()
		key := keys[(i%len(keys)+len(keys))%len(keys)]
		if value, problem := key.parse(raw{text: text}); problem == "" && !key.within(value) {
			t.Errorf("%s accepts %q as %v", key.Path, text, value)
		}
	})
}

// FuzzFile reads any text as a file: problems, never a panic or a hang.
func FuzzFile(f *testing.F) {
	f.Add("providers: {ses: {rate: 5}}\n")
	f.Add("a: &a [*a]\n")
	f.Add("mock: true\n---\n")
	f.Add("? {a: b}\n: c\n")
	f.Fuzz(func(_ *testing.T, text string) {
		l := &loader{table: newTable(), last: map[string]int{}, env: Dev}
		l.yaml([]byte(text), Origin{Source: FromFile, Name: "x"}, "")
		l.decode()
	})
}

func FuzzVariable(f *testing.F) {
	f.Add("PROVIDERS_SES_RATE")
	f.Add("CACHE_A_B_C_TTL")
	f.Fuzz(func(t *testing.T, variable string) {
		table := newTable()
		if at, ok := table.findEnv(variable, Presets()); ok && at.path() == "" {
			t.Errorf("%q is found without a path", variable)
		}
	})
}
