package smstext

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestKoreanKeepsAndReplaces(t *testing.T) {
	for text, want := range map[string]string{
		"안녕하세요 Hello 123":     "안녕하세요 Hello 123",
		"“따옴표” ‘와’ €…":        "“따옴표” ‘와’ €…", // CP949 has them
		"뷁 쫡 햏":               "뷁 쫡 햏",        // in CP949, not in EUC-KR
		"1월–3월 — 접수":          "1월-3월 - 접수",
		"• 첫째\n• 둘째":          "· 첫째\n· 둘째",
		"© 2026 강원":           "(c) 2026 강원",
		"Café São Paulo":      "Cafe Sao Paulo",
		"보이지\u200b않는\ufeff문자": "보이지않는문자",
		"줄\u00a0바꿈\t없는":       "줄 바꿈 없는",
		"첫 줄\r\n둘째 줄\r셋째":     "첫 줄\n둘째 줄\n셋째",
		"₩10,000 ☎\ufe0f":     "￦10,000 ☎",
		"1\ufe0f\u20e3 번":     "1 번",
		"\u1112\u1161\u11ab글": "한글", // as macOS writes file names
		"✔ 완료":                "√ 완료",
	} {
		got, err := Korean("text", text)
		if err != nil || got != want {
			t.Errorf("Korean(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestKoreanRefusesByName(t *testing.T) {
	for text, names := range map[string][]string{
		"축하합니다 😀":   {"😀", "U+1F600", "character 7"},
		"中國 简体":     {"U+7B80"},
		"a\x01b":    {"U+0001", "character 2"},
		"สวัสดี":    {"U+0E2A"},
		"ok\x1b[0m": {"U+001B"},
	} {
		_, err := Korean("subject", text)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Reason != fault.Invalid || e.Field != "subject" {
			t.Errorf("Korean(%q): %v; want an invalid fault on subject", text, err)
			continue
		}
		for _, name := range names {
			if !strings.Contains(e.Message, name) {
				t.Errorf("Korean(%q): %q does not name %q", text, e.Message, name)
			}
		}
	}
	if _, err := Korean("text", "a\xff"); fault.Of(err) != fault.Invalid {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func TestSubstitutesAreEncodable(t *testing.T) {
	for from, to := range substitutes {
		if !encodable(to) {
			t.Errorf("%q is replaced by %q, which CP949 lacks as well", from, to)
		}
		if from != '\t' && from != '\u00ad' && from != '\u0085' && encodable(string(from)) {
			t.Errorf("%q is replaced, but CP949 has it", from)
		}
	}
}

func FuzzKorean(f *testing.F) {
	for _, seed := range []string{"안녕", "– • © é", "😀", "a\xff", "\u1112\u1161\u11ab", "\r\r\n\t", "㎏①", "\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fit, err := Korean("text", text)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatalf("reason %q", fault.Of(err))
			}
			return
		}
		encoded, err := korean.EUCKR.NewEncoder().String(fit)
		if err != nil {
			t.Fatalf("%q became %q, which CP949 lacks: %v", text, fit, err)
		}
		if len(encoded) != Size(fit) {
			t.Fatalf("Size(%q) = %d, want %d", fit, Size(fit), len(encoded))
		}
		if again, err := Korean("text", fit); err != nil || again != fit {
			t.Fatalf("not stable: %q became %q, %v", fit, again, err)
		}
	})
}
