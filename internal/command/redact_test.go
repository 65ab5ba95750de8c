package command_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/command"
)

func TestRedact(t *testing.T) {
	names := []string{"reset_link", "code"}
	for body, want := range map[string]string{
		`{"to":["kim@example.kr"], "variables": {"name":"김민수", "reset_link" : "https://x/?t=1"}}`: `{"to":["kim@example.kr"], "variables": {"name":"김민수", "reset_link" : "[redacted]"}}`,
		`{"variables":{"code":123456,"list":[1,{"code":2}],"reset_link":{"a":["b"]}},"id":"x"}`:   `{"variables":{"code":"[redacted]","list":[1,{"code":2}],"reset_link":"[redacted]"},"id":"x"}`,
		`{"variables":{"c\u006fde":"hidden"}}`:                                                    `{"variables":{"c\u006fde":"[redacted]"}}`,
		`{"variables":{"code":"one","code":"two"}}`:                                               `{"variables":{"code":"[redacted]","code":"[redacted]"}}`,
		`{"variables":{"code":"one"},"variables":{"code":"two"}}`:                                 `{"variables":{"code":"[redacted]"},"variables":{"code":"[redacted]"}}`,
		`{"variables":{"code":"one"},"text":"broken`:                                              `{"variables":{"code":"[redacted]"},"text":"broken`,
		`{"code":"a member of the command is no variable"}`:                                       `{"code":"a member of the command is no variable"}`,
		`{"variables":["code"]}`:                                                                  `{"variables":["code"]}`,
		`["code"]`:                                                                                `["code"]`,
		`garbage`:                                                                                 `garbage`,
		``:                                                                                        ``,
	} {
		given := []byte(body)
		if got := string(command.Redact(given, names)); got != want {
			t.Errorf("Redact(%s) = %s, want %s", body, got, want)
		}
		if string(given) != body {
			t.Errorf("Redact changed its argument to %s", given)
		}
	}
}

func TestVariables(t *testing.T) {
	template, sensitive, names := command.Variables([]byte(`{"nonsense":1,"sensitive":["code"],"variables":{"name":"x","code":{"a":1}},"template":"password-reset","to":`))
	if template != "password-reset" || !slices.Equal(sensitive, []string{"code"}) || !slices.Equal(names, []string{"name", "code"}) {
		t.Errorf("template %q, sensitive %q, names %q", template, sensitive, names)
	}
	if template, sensitive, names := command.Variables([]byte(`{"sensitive":"code","template":7,"variables":[]}`)); template != "" || sensitive != nil || names != nil {
		t.Errorf("wrong types: template %q, sensitive %q, names %q", template, sensitive, names)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"variables":{"code":"secret-value"}}`)
	f.Add(`{"variables":{"code":{"code":"secret-value"}},"variables":{"a":[1]}}`)
	f.Add(`{"variables":{"code":`)
	f.Fuzz(func(t *testing.T, body string) {
		once := command.Redact([]byte(body), []string{"code"})
		if again := command.Redact(once, []string{"code"}); string(again) != string(once) {
			t.Fatalf("not stable: %q became %q", once, again)
		}
		if strings.HasPrefix(body, `{"variables":{"code":"secret-value"}`) && strings.Contains(string(once), `"code":"secret-value"}`) {
			t.Fatalf("%q kept its value: %q", body, once)
		}
	})
}
