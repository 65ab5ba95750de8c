package smstext

import (
	"errors"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestFit(t *testing.T) {
	for name, c := range map[string]struct {
		subject, text string
		long          bool
		bytes         int
		field         string // of the mistake, "" for none
	}{
		"short":                  {text: "안녕", bytes: 4},
		"45 Hangul":              {text: strings.Repeat("가", 45), bytes: 90},
		"91 bytes":               {text: strings.Repeat("가", 45) + "a", bytes: 91, long: true},
		"a subject makes it LMS": {subject: "안내", text: "안녕", bytes: 4, long: true},
		"2000 bytes":             {text: strings.Repeat("가", 1000), bytes: 2000, long: true},
		"2001 bytes":             {text: strings.Repeat("가", 1000) + "a", field: "text"},
		"a mebibyte":             {text: strings.Repeat("\u200b", 1<<18), field: "text"},
		"subject of 40":          {subject: strings.Repeat("제", 20), text: "가", bytes: 2, long: true},
		"subject of 41":          {subject: strings.Repeat("제", 20) + "x", text: "가", field: "subject"},
		"replacement counts":     {text: strings.Repeat("a", 88) + "©", bytes: 91, long: true},
		"nothing":                {text: " \n\u200b", field: "text"},
		"emoji":                  {text: "😀", field: "text"},
		"emoji in subject":       {subject: "😀", text: "가", field: "subject"},
		"subject of two lines":   {subject: "가\n나", text: "가", bytes: 2, long: true},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Fit(c.subject, c.text)
			if c.field != "" {
				if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != fault.Invalid || e.Field != c.field {
					t.Fatalf("error = %v, want an invalid fault on %s", err, c.field)
				}
				return
			}
			if err != nil || m.Long != c.long || m.Bytes != c.bytes || strings.Contains(m.Subject, "\n") {
				t.Errorf("Fit = %+v, %v", m, err)
			}
			if (m.Type() == "LMS") != c.long {
				t.Errorf("Type = %s", m.Type())
			}
		})
	}
}

func TestTitle(t *testing.T) {
	for want, m := range map[string]Message{
		"제목":                          {Subject: "제목", Text: "본문"},
		"첫 줄":                         {Text: "\n 첫 줄 \n둘째"},
		strings.Repeat("가", 20):       {Text: strings.Repeat("가", 30)},
		"a" + strings.Repeat("가", 19): {Text: "a" + strings.Repeat("가", 30)},
	} {
		if got := m.Title(); got != want || Size(got) > MaxSubject {
			t.Errorf("Title = %q, want %q", got, want)
		}
	}
}

func TestSegments(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		parts int
		ucs2  bool
	}{
		"nothing":                     {"", 0, false},
		"160 of GSM":                  {strings.Repeat("a", 160), 1, false},
		"161 of GSM":                  {strings.Repeat("a", 161), 2, false},
		"306 of GSM":                  {strings.Repeat("a", 306), 2, false},
		"307 of GSM":                  {strings.Repeat("a", 307), 3, false},
		"euro costs two":              {strings.Repeat("€", 80), 1, false},
		"81 euros":                    {strings.Repeat("€", 81), 2, false},
		"an escape is not split":      {strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3, false},
		"70 Hangul":                   {strings.Repeat("가", 70), 1, true},
		"71 Hangul":                   {strings.Repeat("가", 71), 2, true},
		"134 Hangul":                  {strings.Repeat("가", 134), 2, true},
		"135 Hangul":                  {strings.Repeat("가", 135), 3, true},
		"35 emoji":                    {strings.Repeat("😀", 35), 1, true},
		"36 emoji":                    {strings.Repeat("😀", 36), 2, true},
		"a surrogate pair is whole":   {strings.Repeat("가", 66) + "😀" + strings.Repeat("가", 66), 3, true},
		"one accent makes UCS-2":      {strings.Repeat("a", 80) + "ê", 2, true},
		"accents of the alphabet":     {strings.Repeat("é", 160), 1, false},
		"Greek capitals, no Greek α":  {"ΔΦΓΛΩΠΨΣΘΞ", 1, false},
		"Greek minuscule needs UCS-2": {"α", 1, true},
	} {
		if parts, ucs2 := Segments(c.text); parts != c.parts || ucs2 != c.ucs2 {
			t.Errorf("%s: Segments = %d, %t; want %d, %t", name, parts, ucs2, c.parts, c.ucs2)
		}
	}
}
