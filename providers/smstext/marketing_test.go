package smstext

import (
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestMark(t *testing.T) {
	portal := Advertiser{Sender: "강원기업포털 033-249-0000", OptOut: "080-123-4567"}
	for name, c := range map[string]struct{ subject, text, wantSubject, wantText string }{
		"all is added": {
			text:     "박람회에 초대합니다.",
			wantText: "(광고)[강원기업포털 033-249-0000] 박람회에 초대합니다.\n무료수신거부 080-123-4567",
		},
		"a subject is marked too": {
			subject: "박람회", text: "오세요", wantSubject: "(광고)박람회",
			wantText: "(광고)[강원기업포털 033-249-0000] 오세요\n무료수신거부 080-123-4567",
		},
		"nothing is repeated": {
			subject:     "(광고)박람회",
			text:        "(광고) 강원기업포털 033-249-0000 오세요\n[무료 수신 거부] 0801234567",
			wantSubject: "(광고)박람회",
			wantText:    "(광고)강원기업포털 033-249-0000 오세요\n[무료 수신 거부] 0801234567",
		},
		"another number does not count": {
			text:     "오세요\n무료거부 080-999-9999",
			wantText: "(광고)[강원기업포털 033-249-0000] 오세요\n무료거부 080-999-9999\n무료수신거부 080-123-4567",
		},
		"a mark inside does not count": {
			text:     "이것은 (광고) 아님",
			wantText: "(광고)[강원기업포털 033-249-0000] 이것은 (광고) 아님\n무료수신거부 080-123-4567",
		},
	} {
		t.Run(name, func(t *testing.T) {
			subject, text, err := portal.Mark(c.subject, c.text)
			if err != nil || subject != c.wantSubject || text != c.wantText {
				t.Fatalf("Mark = %q, %q, %v", subject, text, err)
			}
			againSubject, againText, err := portal.Mark(subject, text)
			if err != nil || againSubject != subject || againText != text {
				t.Errorf("marked twice it differs: %q, %q, %v", againSubject, againText, err)
			}
			if !strings.HasPrefix(text, AdMark) {
				t.Error("the mark is not in front")
			}
		})
	}
}

func TestMarkNeedsItsParts(t *testing.T) {
	for name, a := range map[string]Advertiser{
		"no sender": {OptOut: "080-123-4567"}, "no number": {Sender: "강원"}, "no digits": {Sender: "강원", OptOut: "-"},
	} {
		if _, _, err := a.Mark("", "오세요"); fault.Of(err) != fault.Internal {
			t.Errorf("%s: %v, want an internal fault", name, err)
		}
	}
	if _, _, err := (Advertiser{Sender: "강원", OptOut: "080-123-4567"}).Mark("", "(광고) "); fault.Of(err) != fault.Invalid {
		t.Errorf("no text: %v, want an invalid fault", err)
	}
}

func TestQuietUntil(t *testing.T) {
	const layout = "2006-01-02 15:04:05.999999999"
	for at, want := range map[string]string{
		"2026-03-01 20:59:59.999999999": "",
		"2026-03-01 21:00:00":           "2026-03-02 08:00:00",
		"2026-03-01 23:59:59":           "2026-03-02 08:00:00",
		"2026-03-02 00:00:00":           "2026-03-02 08:00:00",
		"2026-03-02 07:59:59.999999999": "2026-03-02 08:00:00",
		"2026-03-02 08:00:00":           "",
		"2026-03-02 12:00:00":           "",
		"2026-12-31 22:00:00":           "2027-01-01 08:00:00",
		"2028-02-28 21:30:00":           "2028-02-29 08:00:00",
	} {
		moment, err := time.ParseInLocation(layout, at, Seoul())
		if err != nil {
			t.Fatal(err)
		}
		for _, zone := range []*time.Location{Seoul(), time.UTC, time.FixedZone("EST", -5*60*60)} {
			until, quiet := QuietUntil(moment.In(zone))
			if quiet != (want != "") || quiet && until.Format(layout) != want || !quiet && !until.IsZero() {
				t.Errorf("%s in %s: until %s, %t; want %q", at, zone, until, quiet, want)
			}
		}
	}
}
