package templates

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/encoding/korean"
)

// load returns the shipped templates, or those of o.
func load(t testing.TB, o Options) *Set {
	t.Helper()
	set, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// vars writes variables as a command would carry them.
func vars(pairs ...string) map[string]jsontext.Value {
	m := map[string]jsontext.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = jsontext.Value(pairs[i+1])
	}
	return m
}

func TestShippedAreKoreanAndEnglish(t *testing.T) {
	set := load(t, Options{})
	required := map[string][]string{ // what producers rely on
		"announcement":         {"title", "body", "unsubscribe_url"},
		"application-approved": {"name", "number"},
		"application-received": {"name", "number"},
		"password-reset":       {"reset_link"},
		"supplement-requested": {"name", "number", "due", "items"},
		"welcome":              nil,
	}
	seen := 0
	for _, in := range set.List() {
		want, known := required[in.Name]
		if !known {
			t.Errorf("%s is shipped, but not listed here", in.Name)
			continue
		}
		seen++
		var got []string
		for _, v := range in.Variables {
			if v.Required {
				got = append(got, v.Name)
			}
			if v.Description == "" || v.Example == nil {
				t.Errorf("%s: %s has no description or no example", in.Name, v.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s requires %v, want %v", in.Name, got, want)
		}
		if !slices.Equal(in.Locales, []string{"en", "ko"}) || in.Description["ko"] == "" || in.Description["en"] == "" {
			t.Errorf("%s: locales %v, description %v", in.Name, in.Locales, in.Description)
		}
	}
	if seen != len(required) {
		t.Errorf("%d of %d templates are shipped", seen, len(required))
	}
	if set.Category("announcement") != "marketing" || set.Category("welcome") != "transactional" || set.Category("nothing") != "" {
		t.Error("categories are wrong")
	}
	if got := set.Sensitive("password-reset"); !slices.Equal(got, []string{"reset_link"}) {
		t.Errorf("password-reset keeps %v secret", got)
	}
}

func TestEveryShippedMailIsSound(t *testing.T) {
	set := load(t, Options{})
	for _, in := range set.List() {
		for _, locale := range in.Locales {
			t.Run(in.Name+"/"+locale, func(t *testing.T) {
				mail, err := set.Email(in.Name, locale, set.Examples(in.Name, locale))
				if err != nil {
					t.Fatal(err)
				}
				if mail.Locale != locale || mail.Subject == "" || strings.ContainsAny(mail.Subject, "\r\n") {
					t.Errorf("locale %q, subject %q", mail.Locale, mail.Subject)
				}
				for what, text := range map[string]string{"html": mail.HTML, "text": mail.Text, "subject": mail.Subject} {
					for _, wrong := range []string{"{{", "}}", "<no value>", "&lt;no value", "ZgotmplZ", "\uFDD0", "\uFDD2", "\uFDD7", "gw_"} {
						if strings.Contains(text, wrong) {
							t.Errorf("%s holds %q", what, wrong)
						}
					}
				}
				if len(mail.HTML) > 40<<10 {
					t.Errorf("HTML has %d bytes; Gmail hides what is beyond 102 KB, and this should stay far below", len(mail.HTML))
				}
				for line := range strings.Lines(mail.Text) {
					if strings.TrimRight(line, "\n") != strings.TrimRight(line, " \n") {
						t.Errorf("text has spaces at the end of %q", line)
					}
				}
				checkDocument(t, mail, locale)
			})
		}
	}
}

// checkDocument reads the mail as a mail program and a screen reader do.
func checkDocument(t *testing.T, mail Email, locale string) {
	doc, err := html.Parse(strings.NewReader(mail.HTML))
	if err != nil {
		t.Fatal(err)
	}
	buttons, headings := 0, 0
	for node := range doc.Descendants() {
		switch node.DataAtom {
		case atom.Html:
			if attribute(node, "lang") != locale {
				t.Errorf("lang is %q", attribute(node, "lang"))
			}
		case atom.Title:
			if node.FirstChild == nil || node.FirstChild.Data != mail.Subject {
				t.Error("the title is not the subject")
			}
		case atom.H1:
			headings++
		case atom.Img, atom.Link, atom.Script:
			t.Errorf("<%s> loads something", node.Data)
		case atom.Table:
			data := strings.Contains(attribute(node, "class"), "facts")
			if !data && attribute(node, "role") != "presentation" {
				t.Error("a layout table is read out as a table of data")
			}
		case atom.Th:
			if attribute(node, "scope") != "row" {
				t.Error("a heading cell does not say what it heads")
			}
		case atom.A:
			href := attribute(node, "href")
			if u, err := url.Parse(href); err != nil || u.Scheme != "https" && u.Scheme != "mailto" {
				t.Errorf("link %q", href)
			}
			if !strings.Contains(mail.Text, strings.TrimPrefix(href, "mailto:")) {
				t.Errorf("the text part lacks the link %s", href)
			}
			if attribute(node, "class") == "button-link" {
				buttons++
			}
		}
		if style := attribute(node, "style"); strings.Contains(style, "url(") {
			t.Errorf("style loads something: %s", style)
		}
		if class := attribute(node, "class"); class != "" && attribute(node, "style") == "" {
			t.Errorf("<%s class=%q> has no inlined style", node.Data, class)
		}
	}
	if buttons != 1 || headings != 1 {
		t.Errorf("%d calls to action, %d headings; want one of each", buttons, headings)
	}
	if !strings.Contains(mail.HTML, "<!--[if mso]><table") || !strings.Contains(mail.HTML, "prefers-color-scheme:dark") {
		t.Error("the frame for Outlook or the dark colours are gone")
	}
}

// Korean gateways count CP949 bytes: 90 for a short message, 2,000 for a long one
// with a subject of 40. SNS counts 160 characters.
func TestShippedSMSFit(t *testing.T) {
	set := load(t, Options{})
	count := 0
	for _, in := range set.List() {
		for _, locale := range in.SMSLocales {
			sms, err := set.SMS(in.Name, locale, set.Examples(in.Name, locale))
			if err != nil {
				t.Fatal(err)
			}
			count++
			text, err := korean.EUCKR.NewEncoder().String(sms.Text)
			if err != nil {
				t.Errorf("%s/%s: CP949 cannot write %q", in.Name, locale, sms.Text)
			}
			subject, _ := korean.EUCKR.NewEncoder().String(sms.Subject)
			switch {
			case len(subject) > 40 || len(text) > 2000:
				t.Errorf("%s/%s: subject %d bytes, text %d", in.Name, locale, len(subject), len(text))
			case sms.Subject == "" && locale == "ko" && len(text) > 90:
				t.Errorf("%s: %d bytes are no short message: %s", in.Name, len(text), sms.Text)
			case sms.Subject == "" && locale == "en" && len(sms.Text) > 160:
				t.Errorf("%s: %d characters are more than one segment", in.Name, len(sms.Text))
			}
		}
	}
	if count != 8 {
		t.Errorf("%d SMS texts are shipped, want 8", count)
	}
}

func TestShippedTextPartReadsWell(t *testing.T) {
	set := load(t, Options{})
	mail, err := set.Email("supplement-requested", "ko", set.Examples("supplement-requested", "ko"))
	if err != nil {
		t.Fatal(err)
	}
	want := `강원특별자치도
강원 비즈니스 포털

보완 요청

서류를 보완해 주세요

안녕하세요, 김민수 님.

제출하신 신청을 검토한 결과 보완이 필요한 서류가 있습니다. 기한까지 제출하시면 심사를 이어서 진행합니다.

제출 기한 2026년 2월 14일(토)까지

보완할 서류

- 사업자등록증 사본
  유효 기간이 지났습니다. 최근 3개월 안에 발급된 것이 필요합니다.
- 2025년 재무제표
  세무 대리인의 날인이 없습니다.
- 수출 실적 증명서

담당자 안내

서류 이름은 파일 이름에도 적어 주세요.
궁금한 점은 편하게 문의해 주세요.

보완 서류 제출하기 (https://portal.gangwon.kr/applications/2026-0042/documents)

접수번호 2026-0042 · 2026년 수출 초보기업 지원사업
기한까지 제출하지 않으시면 신청이 반려될 수 있습니다.

----------------------------------------

강원 비즈니스 포털을 이용하시면서 신청하거나 요청하신 일의 처리 상황을 알려 드리는 메일입니다.

문의 help@gangwon.kr (평일 09:00–18:00)
포털은 메일로 비밀번호나 인증번호를 묻지 않습니다.

강원특별자치도 강원 비즈니스 포털
(24266) 강원특별자치도 춘천시 중앙로 1`
	if mail.Text != want {
		t.Errorf("text part:\n%s", mail.Text)
	}
}

// Everything in the folder must be embedded: a new extension would be forgotten.
func TestEveryFileIsEmbedded(t *testing.T) {
	for _, pattern := range []string{"_*", "*/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		for _, file := range found {
			name := filepath.ToSlash(file)
			if strings.HasPrefix(name, "testdata/") || name == partialsDir {
				continue
			}
			if _, err := shipped.Open(name); err != nil {
				t.Errorf("%s is not embedded", name)
			}
		}
	}
}
