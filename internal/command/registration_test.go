package command

import (
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// TestRegistrationNumber: any spelling of ten digits; only structure refuses.
func TestRegistrationNumber(t *testing.T) {
	for text, want := range map[string]string{
		"1248100998": "1248100998", "124-81-00998": "1248100998", " 124 81 00998 ": "1248100998", "124.81.00998": "1248100998",
		"사업자 124-81-00998": "1248100998",
		// These numbers are in use although their check digit does not fit.
		"206-18-12345": "2061812345", "306-82-00417": "3068200417", "728-86-00316": "7288600316",
		// Those of mock mode have to pass.
		"101-81-90003": "1018190003", "101-81-90010": "1018190010",
		"101-01-00010": "1010100010", // the smallest of each part

		"0000000000": "", "1008112345": "", "1240000998": "", "124-81-00008": "", "124810099": "", "12481009981": "",
		"": "", "abc": "", "１２４８１００９９８": "", strings.Repeat("-", 23) + "1248100998": "",
	} {
		got, err := RegistrationNumber(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("RegistrationNumber(%q) = %q, %v, want %q", text, got, err, want)
		}
		if err != nil && (fault.Of(err) != fault.Invalid || fault.As(err).Field != "registration_number") {
			t.Errorf("RegistrationNumber(%q): %v", text, err)
		}
	}
}

// TestChecksumOK: published numbers of large companies fit; the three that are
// in use all the same, and a made-up one, do not.
func TestChecksumOK(t *testing.T) {
	for digits, want := range map[string]bool{
		"1248100998": true, "1208147521": true, "2208162517": true, "1208800767": true, "1108801231": true,
		"7788602046": true, "2118608983": true, "1168200276": true,
		"0000000000": true, // fits, which is why structure is looked at first
		"1234567890": false, "2061812345": false, "3068200417": false, "7288600316": false,
	} {
		if ChecksumOK(digits) != want {
			t.Errorf("ChecksumOK(%s) = %v", digits, !want)
		}
	}
	// Any other last digit is wrong.
	for last := range 10 {
		if digits := "124810099" + string(rune('0'+last)); ChecksumOK(digits) != (last == 8) {
			t.Errorf("ChecksumOK(%s) = %v", digits, last != 8)
		}
	}
}

// FuzzRegistrationNumber: what is accepted is ten digits that are accepted again,
// in any grouping.
func FuzzRegistrationNumber(f *testing.F) {
	f.Add("124-81-00998")
	f.Add("0000000000")
	f.Fuzz(func(t *testing.T, text string) {
		digits, err := RegistrationNumber(text)
		if err != nil {
			return
		}
		if len(digits) != 10 || strings.Trim(digits, "0123456789") != "" {
			t.Fatalf("RegistrationNumber(%q) = %q", text, digits)
		}
		ChecksumOK(digits)
		if again, err := RegistrationNumber(digits[:3] + "-" + digits[3:5] + "-" + digits[5:]); err != nil || again != digits {
			t.Errorf("%q becomes %q, %v", digits, again, err)
		}
	})
}
