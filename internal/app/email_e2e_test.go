package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func TestEmailEndToEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, args := range [][]string{
		{"suppressions", "add", "Gone@Example.kr"},
		{"suppressions", "add", "adverts@example.kr", "--list", "marketing", "--reason", "unsubscribed"},
	} {
		if code, _, errs := o.publisher(args...); code != cli.ExitDone {
			t.Fatalf("%v: %s", args, errs)
		}
	}
	store, err := o.conn.JetStream().ObjectStore(t.Context(), broker.BucketAttachments)
	o.check(err)
	_, err = store.PutBytes(t.Context(), "승인서", []byte("PDF"))
	o.check(err)

	sent := []delivery.Status{delivery.Sent, delivery.Delivered}
	for name, c := range map[string]struct {
		body    string
		ends    []delivery.Status
		reason  fault.Reason
		subject string
		calls   []string
		result  string
	}{
		"template": {
			body: `{"to":["kim@example.kr"],"template":"application-received","variables":{"name":"김민수","number":"2026-0042"}}`,
			ends: sent, subject: "2026-0042", calls: []string{"ses ok"},
		},
		"variable missing": {
			body: `{"to":["kim@example.kr"],"template":"application-received","variables":{"name":"김민수"}}`,
			ends: []delivery.Status{delivery.Rejected}, reason: fault.Invalid, calls: []string{},
		},
		"suppressed": {
			body: `{"to":["gone@example.kr"],"subject":"x","text":"y"}`,
			ends: []delivery.Status{delivery.Suppressed}, reason: fault.Suppressed, subject: "x", calls: []string{},
		},
		"one of several suppressed": {
			body: `{"to":["gone@example.kr"],"cc":["park@example.kr"],"subject":"x","text":"y"}`,
			ends: sent, subject: "x", calls: []string{"ses ok"},
			result: `{"recipients":[{"address":"gone@example.kr","reason":"suppressed","status":"suppressed"},{"address":"park@example.kr","status":"sent"}]}`,
		},
		"advertising to who opted out of it": {
			body: `{"to":["adverts@example.kr"],"subject":"x","text":"y","category":"marketing"}`,
			ends: []delivery.Status{delivery.Suppressed}, reason: fault.Suppressed, subject: "(광고) x", calls: []string{},
		},
		"a decision to who opted out of advertising": {
			body: `{"to":["adverts@example.kr"],"subject":"x","text":"y"}`, ends: sent, subject: "x", calls: []string{"ses ok"},
		},
		"several, one slowed down": {
			body: `{"to":["choi@example.kr","throttle@example.kr","reject@example.kr"],"subject":"x","text":"y"}`,
			ends: sent, subject: "x", calls: []string{"ses ok", "ses ok"},
			result: `{"recipients":[{"address":"choi@example.kr","status":"sent"},{"address":"throttle@example.kr","status":"sent"},` +
				`{"address":"reject@example.kr","reason":"refused","status":"failed"}]}`,
		},
		"several, all refused": {
			body: `{"to":["reject@example.kr","reject+1@example.kr"],"subject":"x","text":"y"}`,
			ends: []delivery.Status{delivery.Failed}, reason: fault.Refused, subject: "x", calls: []string{"ses failed refused"},
			result: `{"recipients":[{"address":"reject@example.kr","reason":"refused","status":"failed"},{"address":"reject+1@example.kr","reason":"refused","status":"failed"}]}`,
		},
		"attachment from the bucket": {
			body: `{"to":["jung@example.kr"],"subject":"x","text":"y","attachments":[{"filename":"a.pdf","object":"승인서"}]}`,
			ends: sent, subject: "x", calls: []string{"ses ok"},
		},
		"attachment that is not there": {
			body: `{"to":["jung@example.kr"],"subject":"x","text":"y","attachments":[{"filename":"a.pdf","object":"nowhere"}]}`,
			ends: []delivery.Status{delivery.Rejected}, reason: fault.Invalid, subject: "x", calls: []string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := *o
			o.t = t
			row := o.await(o.publish("email.send", c.body), c.ends...)
			if row.Reason != c.reason || !strings.Contains(row.Subject, c.subject) || string(canonical(t, row.Result)) != c.result {
				t.Errorf("row %+v\nresult %s, want %s", row.View, row.Result, c.result)
			}
			if calls := o.calls(row.ID); !slices.Equal(calls, c.calls) || row.Attempts != len(calls) {
				t.Errorf("calls %v of %d attempts, want %v", calls, row.Attempts, c.calls)
			}
		})
	}
	t.Cleanup(func() {
		for to, want := range map[string]int{"gone@example.kr": 0, "park@example.kr": 1, "choi@example.kr": 1, "throttle@example.kr": 1, "jung@example.kr": 1} {
			if got := len(o.received(to)); got != want {
				t.Errorf("%s got %d messages, want %d", to, got, want)
			}
		}
	})
}

// canonical is a jsonb value in the order of the structs, "" when there is none.
func canonical(t *testing.T, value []byte) []byte {
	t.Helper()
	if len(value) == 0 {
		return nil
	}
	var plain any
	if err := json.Unmarshal(value, &plain); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(plain, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return sorted
}

// Every send leaves a line with recipient, subject and status, the recipient
// masked, and every call one that says whether it was mocked.
func TestSendsAreLogged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for to, status := range map[string]delivery.Status{"kim@example.kr": delivery.Sent, "reject@example.kr": delivery.Failed} {
		id := o.publish("email.send", fmt.Sprintf(`{"to":[%q],"subject":"접수 안내","text":"y"}`, to))
		o.await(id, status, delivery.Delivered)
		masked := to[:1] + "***@example.kr"
		logged := func(message string, fields ...string) func() bool {
			return func() bool {
				return slices.ContainsFunc(strings.Split(o.log.String(), "\n"), func(line string) bool {
					return strings.Contains(line, `"msg":"`+message+`"`) && strings.Contains(line, id.String()) &&
						!slices.ContainsFunc(fields, func(field string) bool { return !strings.Contains(line, field) })
				})
			}
		}
		testkit.Eventually(t, 10*time.Second, logged("command", `"status":"`+string(status)+`"`, `"subject":"접수 안내"`, masked), "a line for %s", to)
		testkit.Eventually(t, 10*time.Second, logged("provider call", `"provider":"ses"`, `"mock":true`), "a line for the call to %s", to)
		if strings.Contains(o.log.String(), to) {
			t.Errorf("the log shows %s", to)
		}
	}
	if !strings.Contains(o.log.String(), "mock mode is active") {
		t.Error("the log does not say that mock mode is on")
	}
}

func TestFailoverTellsOfItself(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "PROVIDERS_SES_BREAKER_FAILURES=2")
	o.sim.SetFault("ses", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	var ids []uuid.UUID
	for i := range 3 {
		id := o.publish("email.send", fmt.Sprintf(`{"to":["kim%d@example.kr"],"subject":"x","text":"y"}`, i))
		row := o.await(id, delivery.Sent, delivery.Delivered)
		if row.Provider != "sendgrid" {
			t.Errorf("sent by %s", row.Provider)
		}
		ids = append(ids, id)
	}
	for i, want := range [][]string{{"ses failed unavailable", "sendgrid ok"}, {"ses failed unavailable", "sendgrid ok"}, {"sendgrid ok"}} {
		if calls := o.calls(ids[i]); !slices.Equal(calls, want) {
			t.Errorf("command %d: calls %v, want %v", i, calls, want)
		}
	}
	type event struct {
		Type    string `json:"type"`
		Subject string `json:"subject"`
		Data    struct {
			Provider  string `json:"provider"`
			Fallback  string `json:"fallback"`
			Reason    string `json:"reason"`
			CommandID string `json:"command_id"`
		} `json:"data"`
	}
	var got []string
	for _, m := range o.messages(broker.StreamEvents, "event.provider.failover") {
		var e event
		o.check(json.Unmarshal(m.Data, &e))
		if e.Type != "kr.gangwon.gangway.provider.failover" || e.Subject != "ses" {
			t.Errorf("event %s", m.Data)
		}
		got = append(got, fmt.Sprintf("%s %s>%s %s", e.Data.CommandID, e.Data.Provider, e.Data.Fallback, e.Data.Reason))
	}
	want := []string{
		ids[0].String() + " ses>sendgrid unavailable", ids[1].String() + " ses>sendgrid unavailable", ids[2].String() + " ses>sendgrid circuit_open",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if !strings.Contains(o.log.String(), "another provider is called") {
		t.Error("the log does not tell of it")
	}
}

// What a command calls sensitive is nowhere once it has ended, at any log level.
func TestSensitiveValuesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "LOG_LEVEL=debug", "PROVIDERS_SES_ON_UNKNOWN=hold", "PROVIDERS_SES_TIMEOUT=500ms")
	const sent, dead, rejected, unknown = "tok-sent-1111", "tok-dead-2222", "tok-rejected-3333", "tok-unknown-4444"
	reset := func(to, token, more string) uuid.UUID {
		return o.publish("email.send", fmt.Sprintf(`{"to":[%q],"template":"password-reset","variables":{"reset_link":"https://portal.gangwon.kr/reset?token=%s"%s}}`, to, token, more))
	}
	ended := []uuid.UUID{reset("kim@example.kr", sent, ""), reset("error@example.kr", dead, ""), reset("kim@example.kr", rejected, `,"nonsense":1`)}
	held := reset("timeout@example.kr", unknown, "")
	for _, id := range ended {
		o.await(id, delivery.Sent, delivery.Delivered, delivery.DeadLettered, delivery.Rejected)
	}
	o.await(held, delivery.Unknown)
	for _, token := range []string{sent, dead, rejected} {
		testkit.Eventually(t, 10*time.Second, func() bool { return len(o.keeps(token)) == 0 }, "%s to be forgotten; kept in %v", token, o.keeps(token))
	}
	testkit.Eventually(t, 10*time.Second, func() bool { return slices.Equal(o.keeps(unknown), []string{"table dead_letters"}) },
		"an unknown outcome to keep its payload for a second sending, and nothing else to; kept in %v", o.keeps(unknown))

	code, out, _ := o.publisher("deadletters", "show", held.String(), "-o", "json")
	if code != cli.ExitDone || strings.Contains(out, unknown) || !strings.Contains(out, command.Redacted) {
		t.Errorf("show: %d %s", code, out)
	}
	code, _, errs := o.publisher("deadletters", "replay", ended[1].String())
	if code != cli.ExitFailed || !strings.Contains(errs, "sensitive variables were wiped") {
		t.Errorf("replay: %d %s", code, errs)
	}
	if code, _, errs := o.publisher("unknown", "settle", held.String(), "--sent"); code != cli.ExitDone {
		t.Fatalf("settle: %s", errs)
	}
	if kept := o.keeps(unknown); len(kept) > 0 {
		t.Errorf("after it was settled the value is kept in %v", kept)
	}
}

func TestTemplatesOfAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(file, text string) {
		t.Helper()
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("note/ko.subject", "첫 번째 {{.name}}")
	write("note/ko.txt", "안녕하세요, {{.name}}님.")
	o := newOffice(t, "TEMPLATES_DIR="+dir)
	subject := func() string {
		t.Helper()
		id := o.publish("email.send", `{"to":["kim@example.kr"],"template":"note","variables":{"name":"김민수"}}`)
		return o.await(id, delivery.Sent, delivery.Delivered).Subject
	}
	if got := subject(); got != "첫 번째 김민수" {
		t.Errorf("subject %q", got)
	}
	write("note/ko.subject", "고장 {{.name")
	testkit.Eventually(t, 10*time.Second, func() bool { return strings.Contains(o.log.String(), "the old ones stay in use") }, "the mistake to be logged")
	if got := subject(); got != "첫 번째 김민수" {
		t.Errorf("with a mistake in the folder: subject %q", got)
	}
	write("note/ko.subject", "두 번째 {{.name}}")
	testkit.Eventually(t, 10*time.Second, func() bool { return strings.Contains(o.log.String(), "templates loaded anew") }, "the change to be loaded")
	if got := subject(); got != "두 번째 김민수" {
		t.Errorf("after the change: subject %q", got)
	}

	settings := filepath.Join(t.TempDir(), "gangway.yaml")
	if err := os.WriteFile(settings, []byte("mock: true\ntemplates:\n  dir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := o.publisher("templates", "list", "--config", settings)
	if code != cli.ExitDone || !strings.Contains(out, "note") || !strings.Contains(out, "password-reset") {
		t.Errorf("list: %d %s %s", code, out, errs)
	}
	code, out, errs = o.publisher("templates", "render", "note", "--var", "name=이영희", "--config", settings)
	if code != cli.ExitDone || !strings.Contains(out, "두 번째 이영희") || !strings.Contains(out, "안녕하세요, 이영희님.") {
		t.Errorf("render: %d %s %s", code, out, errs)
	}
	code, _, errs = o.publisher("templates", "render", "note", "--config", settings)
	if code == cli.ExitDone || !strings.Contains(errs, "variables.name") {
		t.Errorf("render without a variable: %d %s", code, errs)
	}
}
