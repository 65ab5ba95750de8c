package smstext

import (
	"errors"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]string{
		"010-1234-5678":     "+821012345678",
		"01012345678":       "+821012345678",
		"010 1234 5678":     "+821012345678",
		"+82 10-1234-5678":  "+821012345678",
		"+82 010-1234-5678": "+821012345678",
		"０１０-１２３４-５６７８":     "+821012345678",
		" 010.1234.5678 ":   "+821012345678",
		"010-0000-0001":     "+821000000001", // the simulator's numbers must pass
		"011-123-4567":      "+82111234567",
		"+1 415-555-2671":   "+14155552671",
		"+81 90-1234-5678":  "+819012345678",
		"+44 7911 123456":   "+447911123456",
	} {
		got, err := ParseNumber(text, NumberRules{})
		if err != nil || got != want {
			t.Errorf("ParseNumber(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseNumberRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"010-123-4567":         "10 digits", // valid for the library
		"+82 10 123 4567":      "10 digits",
		"010-1234-567":         "10 digits",
		"010-1234-56789":       "12 digits",
		"02-123-4567":          "fixed line",
		"033-249-2114":         "fixed line",
		"070-1234-5678":        "internet telephone",
		"080-123-4567":         "toll-free",
		"1588-1234":            "service number",
		"112":                  "assigned",
		"0303-1234-5678":       "safe or personal",
		"0303-123-4567":        "safe or personal",
		"0504-1234-5678":       "safe or personal",
		"":                     "cannot be read",
		"hello":                "letters",
		"010-ABCD-EFGH":        "letters",
		"010-1234-5678 ext. 5": "letters",
		"010-1234-5678#5":      "extension",
		"+44 20 7946 0958":     "fixed line",
		"+999 123":             "cannot be read",
		"+81 12":               "in its country",
	} {
		got, err := ParseNumber(text, NumberRules{})
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Reason != fault.Invalid || e.Field != "to" {
			t.Errorf("ParseNumber(%q) = %q, %v; want an invalid fault on to", text, got, err)
			continue
		}
		if !strings.Contains(e.Message, why) {
			t.Errorf("ParseNumber(%q): %q does not say %q", text, e.Message, why)
		}
		if len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("ParseNumber(%q) shows the number: %v", text, err)
		}
	}
}

func TestParseNumberVirtual(t *testing.T) {
	for text, want := range map[string]string{
		"0303-123-4567":  "+823031234567",
		"0303-1234-5678": "+8230312345678",
		"050-4123-4567":  "+825041234567",
		"0507-1234-5678": "+8250712345678",
	} {
		if got, err := ParseNumber(text, NumberRules{Virtual: true}); err != nil || got != want {
			t.Errorf("ParseNumber(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	if got, err := ParseNumber("0303-12-345", NumberRules{Virtual: true}); err == nil {
		t.Errorf("a short safe number passed as %q", got)
	}
}

func TestSplit(t *testing.T) {
	for e164, want := range map[string][3]string{
		"+821012345678": {"82", "01012345678", "01012345678"},
		"+825041234567": {"82", "05041234567", "05041234567"},
		"+14155552671":  {"1", "4155552671", ""},
		"+819012345678": {"81", "9012345678", ""},
		"01012345678":   {"", "", ""},
		"+82":           {"", "", ""},
		"":              {"", "", ""},
	} {
		country, national := Split(e164)
		if country != want[0] || national != want[1] || Domestic(e164) != want[2] {
			t.Errorf("%q: Split = %q, %q; Domestic = %q; want %q", e164, country, national, Domestic(e164), want)
		}
	}
}

func TestSender(t *testing.T) {
	for number, want := range map[string]string{
		"033-249-2114": "0332492114", "+82 33-249-2114": "0332492114", "1588-1234": "15881234", "": "",
	} {
		if got := Sender(number); got != want {
			t.Errorf("Sender(%q) = %q, want %q", number, got, want)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"010-1234-5678", "+82 10", "0303-1234-5678", "112", "+1 415 555 2671", "０１０", "\x00", "tel:+82"} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, virtual bool) {
		e164, err := ParseNumber(text, NumberRules{Virtual: virtual})
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatalf("reason %q", fault.Of(err))
			}
			return
		}
		again, err := ParseNumber(e164, NumberRules{Virtual: virtual})
		if err != nil || again != e164 {
			t.Fatalf("%q became %q, which becomes %q, %v", text, e164, again, err)
		}
		if country, national := Split(e164); country == "" || national == "" {
			t.Fatalf("%q cannot be split", e164)
		}
	})
}
