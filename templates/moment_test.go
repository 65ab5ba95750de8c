package templates

import (
	"strings"
	"testing"
)

func TestDatesAndMoney(t *testing.T) {
	ko, en := functions("ko-KR", nil), functions("en", nil)
	type format = func(any) (string, error)
	for _, c := range []struct {
		function, ko, en string
		value            any
	}{
		{"date", "2026년 1월 31일", "January 31, 2026", "2026-01-31"},
		{"date", "2026년 2월 1일", "February 1, 2026", "2026-01-31T15:00:00Z"}, // midnight in Seoul
		{"datetime", "2026년 1월 31일 18:05", "January 31, 2026, 18:05 KST", "2026-01-31T18:05:00+09:00"},
		{"datetime", "2026년 2월 1일 03:00", "February 1, 2026, 03:00 KST", "2026-01-31T18:00:00Z"},
		{"datetime", "2026년 1월 31일 18:05", "January 31, 2026, 18:05 KST", "2026-01-31 18:05"},
		{"datetime", "2026년 1월 31일", "January 31, 2026", "2026-01-31"},
		{"weekday", "토", "Saturday", "2026-01-31"},
		{"number", "1,234,567", "1,234,567", int64(1234567)},
		{"number", "999", "999", "999"},
		{"number", "-1,000.50", "-1,000.50", decimal("-1000.50")},
		{"won", "12,500,000원", "KRW 12,500,000", int64(12500000)},
		{"won", "0원", "KRW 0", int64(0)},
	} {
		for locale, functions := range map[string]map[string]any{"ko": ko, "en": en} {
			var run format
			switch f := functions[c.function].(type) {
			case func(any) (string, error):
				run = f
			default:
				t.Fatalf("%s is %T", c.function, f)
			}
			want := map[string]string{"ko": c.ko, "en": c.en}[locale]
			if got, err := run(c.value); err != nil || got != want {
				t.Errorf("%s %v in %s: %q, %v; want %q", c.function, c.value, locale, got, err, want)
			}
		}
	}
	for function, values := range map[string][]any{
		"date":   {"", "tomorrow-secret", "2026-02-30", int64(7), nil},
		"number": {"secret", "1.2.3x", "", "-", true, nil, "0x10"},
		"won":    {"secret", []any{}},
	} {
		for _, value := range values {
			got, err := ko[function].(format)(value)
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s %v: %q, %v", function, value, got, err)
			}
		}
	}
}

func TestListsInText(t *testing.T) {
	set := load(t, Options{Base: folder("a/ko.subject", "s", "a/ko.txt", `{{join .list ", "}}{{range lines .text}}|{{.}}{{end}}`)})
	mail, err := set.Email("a", "ko", vars("list", `["a",2,1.50]`, "text", `" one \r\n\n two"`))
	if err != nil || mail.Text != "a, 2, 1.50|one|two" {
		t.Errorf("%q, %v", mail.Text, err)
	}
	_, err = set.Email("a", "ko", vars("list", `[["secret"]]`, "text", `""`))
	wantInvalid(t, err, "variables", "join is a list of something other than texts", "secret")
	_, err = set.Email("a", "ko", vars("list", `"secret"`, "text", `""`))
	wantInvalid(t, err, "variables", "join is not a list", "secret")
}
