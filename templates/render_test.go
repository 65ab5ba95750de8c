package templates

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// folder makes a set of templates from path, content pairs.
func folder(pairs ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fs[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fs
}

// wantInvalid checks that err is an invalid fault of that field, and that it says
// some words without repeating others.
func wantInvalid(t *testing.T, err error, field string, says string, never ...string) {
	t.Helper()
	if fault.Of(err) != fault.Invalid {
		t.Fatalf("got %v, want an invalid fault", err)
	}
	if got := fault.As(err).Field; got != field {
		t.Errorf("field %q, want %q (%v)", got, field, err)
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("%q does not say %q", err, says)
	}
	for _, secret := range never {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q repeats the value %q", err, secret)
		}
	}
}

func TestVariablesAreStrict(t *testing.T) {
	set := load(t, Options{})
	for _, c := range []struct {
		name, template string
		change         map[string]jsontext.Value // nil value: left out
		field, says    string
		never          string
	}{
		{"missing", "application-received", vars("number", ""), "variables.number", "is missing", ""},
		{"null", "application-received", vars("number", "null"), "variables.number", "is missing", ""},
		{"blank", "application-received", vars("name", `" \n "`), "variables.name", "is missing", ""},
		{"unknown", "application-received", vars("nmae", `"x"`), "variables.nmae", "it takes name, number", ""},
		{"first unknown by name", "welcome", vars("b", "1", "a", "1"), "variables.a", "not a variable", ""},
		{"object for text", "application-received", vars("name", `{"first":"secret-name"}`), "variables.name", "must be a string, not an object", "secret-name"},
		{"boolean for text", "application-received", vars("name", `true`), "variables.name", "must be a string, not a boolean", ""},
		{"string for number", "application-approved", vars("amount", `"12 secret"`), "variables.amount", "must be a number", "secret"},
		{"date", "supplement-requested", vars("due", `"31.01.2026"`), "variables.due", "2026-01-31", "31.01"},
		{"datetime without time", "application-received", vars("submitted_at", `"2026-01-31"`), "variables.submitted_at", "18:00", ""},
		{"text for list", "supplement-requested", vars("items", `"one"`), "variables.items", "must be a list", ""},
		{"element", "supplement-requested", vars("items", `[{"title":"a"},{"title":7},{"title":[1]}]`), "variables.items[2].title", "must be a string, not a list", ""},
		{"field missing", "supplement-requested", vars("items", `[{"reason":"secret"}]`), "variables.items[0].title", "is missing", "secret"},
		{"field unknown", "supplement-requested", vars("items", `[{"title":"a","titel":"b"}]`), "variables.items[0].titel", "is not known", ""},
		{"null in list", "supplement-requested", vars("items", `[null]`), "variables.items[0]", "is null", ""},
		{"not JSON", "application-received", vars("name", `"open`), "variables.name", "is not JSON", ""},
		{"two values", "supplement-requested", vars("items", `[] []`), "variables.items", "is not JSON", ""},
		{"script", "password-reset", vars("reset_link", `"javascript:alert(1)"`), "variables.reset_link", "http, https or mailto", "alert"},
		{"data", "password-reset", vars("reset_link", `"data:text/html,x"`), "variables.reset_link", "http, https or mailto", ""},
		{"relative", "password-reset", vars("reset_link", `"//evil.example/x"`), "variables.reset_link", "http, https or mailto", ""},
		{"user name", "password-reset", vars("reset_link", `"https://portal.gangwon.kr@evil.example/"`), "variables.reset_link", "without user name", "evil"},
		{"line break in URL", "password-reset", vars("reset_link", `"https://a.example/\nBcc: x"`), "variables.reset_link", "spaces", ""},
		{"long URL", "password-reset", vars("reset_link", `"https://a.example/`+strings.Repeat("x", 3000)+`"`), "variables.reset_link", "2048", ""},
		{"deep", "supplement-requested", vars("items", strings.Repeat("[", 40)+strings.Repeat("]", 40)), "variables.items" + strings.Repeat("[0]", 9), "nested too deep", ""},
		{"many", "supplement-requested", vars("items", "["+strings.Repeat(`"x",`, 6000)+`"x"]`), "variables.items[4999]", "too many values", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := set.Examples(c.template, "ko")
			maps.Copy(given, c.change)
			for name, value := range given {
				if len(value) == 0 {
					delete(given, name)
				}
			}
			_, err := set.Email(c.template, "ko", given)
			if c.never != "" {
				wantInvalid(t, err, c.field, c.says, c.never)
				return
			}
			wantInvalid(t, err, c.field, c.says)
		})
	}
}

func TestUnknownTemplateAndForm(t *testing.T) {
	set := load(t, Options{})
	_, err := set.Email("aplication-received", "ko", nil)
	wantInvalid(t, err, "template", "application-received")
	_, err = set.SMS("password-reset", "ko", set.Examples("password-reset", "ko"))
	wantInvalid(t, err, "template", "no SMS form")
	only := load(t, Options{Base: folder("code/ko.sms", "코드 {{.code}}")})
	_, err = only.Email("code", "ko", vars("code", `"1"`))
	wantInvalid(t, err, "template", "no e-mail form")
}

func TestLocaleFallsBack(t *testing.T) {
	base := folder(
		"both/ko.subject", "한국어", "both/ko.txt", "글", "both/en.subject", "English", "both/en.txt", "text",
		"regional/ko.subject", "한국어", "regional/ko.txt", "글", "regional/ko-KP.subject", "북", "regional/ko-KP.txt", "글",
		"english/en.subject", "English", "english/en.txt", "text",
		"french/fr.subject", "français", "french/fr.txt", "texte",
	)
	for _, c := range []struct {
		template, asked, want string
		options               Options
	}{
		{"both", "ko", "ko", Options{}},
		{"both", "en", "en", Options{}},
		{"both", "ko-KR", "ko", Options{}},
		{"both", "en_us", "en", Options{}},
		{"both", "", "ko", Options{}},
		{"both", "", "en", Options{DefaultLocale: "en"}},
		{"both", "ja", "ko", Options{}},
		{"both", "ja", "en", Options{Fallback: []string{"en", "ko"}}},
		{"regional", "ko-kp", "ko-KP", Options{}},
		{"regional", "ko-KR", "ko", Options{}},
		{"english", "ko", "en", Options{}},
		{"french", "ko", "fr", Options{}},
		{"french", "de", "fr", Options{Fallback: []string{}}},
	} {
		c.options.Base = base
		mail, err := load(t, c.options).Email(c.template, c.asked, nil)
		if err != nil || mail.Locale != c.want {
			t.Errorf("%s in %q (%+v): got %q, %v; want %q", c.template, c.asked, c.options.Fallback, mail.Locale, err, c.want)
		}
	}
}

func TestHTMLIsEscapedAndTextIsNot(t *testing.T) {
	set := load(t, Options{})
	given := vars("name", `"<img src=x onerror=alert(1)> & \"Kim\""`, "number", `"2026</title><script>"`)
	mail, err := set.Email("application-received", "en", given)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"<img", "<script>", "2026</title>"} {
		if strings.Contains(mail.HTML, wrong) {
			t.Errorf("HTML holds %q", wrong)
		}
	}
	if !strings.Contains(mail.HTML, "&lt;img src=x onerror=alert(1)&gt; &amp; &#34;Kim&#34;") {
		t.Error("the name is not in the HTML")
	}
	if !strings.Contains(mail.Text, `Dear <img src=x onerror=alert(1)> & "Kim",`) {
		t.Errorf("the text part escapes: %s", mail.Text)
	}
	if !strings.Contains(mail.Subject, "(2026</title><script>)") {
		t.Errorf("subject %q", mail.Subject)
	}
}

func TestSubjectStaysOneLine(t *testing.T) {
	set := load(t, Options{Base: folder("a/ko.subject", "{{.x}}\n and\tmore", "a/ko.txt", "{{.x}}")})
	mail, err := set.Email("a", "ko", vars("x", `"one\r\nBcc: two@example.kr\u2028three\u0007"`))
	if err != nil {
		t.Fatal(err)
	}
	if want := "one Bcc: two@example.kr three and more"; mail.Subject != want {
		t.Errorf("subject %q, want %q", mail.Subject, want)
	}
	_, err = set.Email("a", "ko", vars("x", `"`+strings.Repeat("x", 1000)+`"`))
	wantInvalid(t, err, "variables", "longer than 900 bytes")
}

// Without a template.yaml nothing says which variable is a link; the escaper does.
func TestUnsafeLinkWithoutManifest(t *testing.T) {
	set := load(t, Options{Base: folder("a/ko.subject", "s", "a/ko.html", `<p>{{.name}}</p><a href="{{.go}}">x</a>`)})
	_, err := set.Email("a", "ko", vars("name", `"Kim"`, "go", `"javascript:alert('secret')"`))
	wantInvalid(t, err, "variables.go", "http, https or mailto", "secret")
	mail, err := set.Email("a", "ko", vars("name", `"Kim: <b>"`, "go", `"https://a.example/?a=1&b=2"`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(mail.HTML, `href="https://a.example/?a=1&amp;b=2"`) || !strings.Contains(mail.Text, "x (https://a.example/?a=1&b=2)") {
		t.Errorf("HTML %s\ntext %s", mail.HTML, mail.Text)
	}
}

func TestWithoutManifestUseSaysWhatIsRequired(t *testing.T) {
	set := load(t, Options{Base: folder("a/ko.subject", "{{.name}}",
		"a/ko.html", `<p>{{if .note}}{{.note}}{{end}}{{with .extra}}{{.}}{{end}}{{or .short .long}}</p>{{range .items}}<p>{{.title}} {{$.name}}</p>{{end}}`)})
	in, ok := set.Info("a")
	if !ok {
		t.Fatal("no info")
	}
	got := []string{}
	for _, v := range in.Variables {
		got = append(got, fmt.Sprint(v.Name, " ", v.Type, " ", v.Required))
	}
	want := "[extra any false items list true long any false name any true note any false short any false]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	_, err := set.Email("a", "ko", vars("name", `"x"`))
	wantInvalid(t, err, "variables.items", "is missing")
	_, err = set.Email("a", "ko", vars("name", `"x"`, "items", `[{"titel":"personal"}]`))
	wantInvalid(t, err, "variables", "{{.title}}: a value it needs there was not given", "personal")
	_, err = set.Email("a", "ko", vars("name", `"x"`, "items", `["personal"]`))
	wantInvalid(t, err, "variables", "its type does not fit", "personal")
}

func TestNumbersPrintAsWritten(t *testing.T) {
	set := load(t, Options{Base: folder("a/ko.subject", "s", "a/ko.txt", "{{.n}} {{if .n}}yes{{else}}no{{end}} {{number .n}}")})
	for written, want := range map[string]string{
		"7": "7 yes 7", "0": "0 no 0", "-1234567": "-1234567 yes -1,234,567", "1.50": "1.50 yes 1.50", "12345.678": "12345.678 yes 12,345.678",
		"1e9": "1e9 yes 1e9", "-0": "-0 yes -0", "123456789012345678901234567890": "123456789012345678901234567890 yes 123,456,789,012,345,678,901,234,567,890",
	} {
		mail, err := set.Email("a", "ko", vars("n", written))
		if err != nil || mail.Text != want {
			t.Errorf("%s: %q, %v; want %q", written, mail.Text, err, want)
		}
	}
}

func TestOutputIsBounded(t *testing.T) {
	set := load(t, Options{Base: folder(
		"a/ko.subject", "s", "a/ko.html", `{{range .list}}{{range $.list}}<p>{{$.word}}</p>{{end}}{{end}}`,
		"a/ko.sms", `{{range .list}}{{$.word}}{{end}}`)})
	list := "[" + strings.Repeat(`1,`, 999) + "1]"
	_, err := set.Email("a", "ko", vars("list", list, "word", `"secret"`))
	wantInvalid(t, err, "variables", "a/ko.html longer than 524288 bytes", "secret")
	_, err = set.SMS("a", "ko", vars("list", list, "word", `"secret"`))
	wantInvalid(t, err, "variables", "a/ko.sms longer than 4096 bytes", "secret")
	_, err = set.SMS("a", "ko", vars("list", `[]`, "word", `""`))
	wantInvalid(t, err, "variables", "without a word")
}

func TestChannelDecidesWhatIsNeeded(t *testing.T) {
	set := load(t, Options{})
	given := vars("title", `"모집"`, "body", `"글"`)
	if _, err := set.SMS("announcement", "ko", given); err != nil {
		t.Errorf("an SMS has no unsubscribe link: %v", err)
	}
	_, err := set.Email("announcement", "ko", given)
	wantInvalid(t, err, "variables.unsubscribe_url", "is missing")
}

func TestMask(t *testing.T) {
	given := vars("name", `"Kim"`, "reset_link", `"https://a.example/t"`)
	shown := Mask(given, []string{"reset_link", "absent"})
	if string(shown["reset_link"]) != `"[redacted]"` || string(shown["name"]) != `"Kim"` || len(shown) != 2 {
		t.Errorf("shown %v", shown)
	}
	if string(given["reset_link"]) != `"https://a.example/t"` {
		t.Error("Mask changed what it was given")
	}
	if Mask(nil, []string{"x"}) != nil {
		t.Error("nothing became something")
	}
}

// What List and Sensitive return is the caller's own.
func TestSetIsImmutable(t *testing.T) {
	set := load(t, Options{})
	in, _ := set.Info("password-reset")
	in.Description["ko"], in.Locales[0], in.Variables[0].Example[0] = "x", "x", 'x'
	set.Sensitive("password-reset")[0] = "x"
	set.Examples("password-reset", "ko")["reset_link"][0] = 'x'
	again, _ := set.Info("password-reset")
	if again.Description["ko"] == "x" || again.Locales[0] == "x" || again.Variables[0].Example[0] == 'x' || set.Sensitive("password-reset")[0] == "x" || set.Examples("password-reset", "ko")["reset_link"][0] == 'x' {
		t.Error("a caller can change the set")
	}
}

func TestManyRenderAtOnce(t *testing.T) {
	set := load(t, Options{})
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for round := range 40 {
				number := fmt.Sprintf("%d-%d", worker, round)
				mail, err := set.Email("application-received", []string{"ko", "en"}[round%2], vars("name", `"Kim"`, "number", `"`+number+`"`))
				if err != nil || !strings.Contains(mail.HTML, number) || !strings.Contains(mail.Text, number) || !strings.Contains(mail.Subject, number) {
					t.Errorf("%s: %v", number, err)
					return
				}
			}
		})
	}
	wait.Wait()
}
