package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// vault is an office that keeps its dead letters sealed under keys in a file.
type vault struct {
	*office
	file string
	a, b string // keys
}

func newVault(t *testing.T, env ...string) *vault {
	t.Helper()
	v := &vault{file: filepath.Join(t.TempDir(), "key"), a: newKey(t), b: newKey(t)}
	if err := os.WriteFile(v.file, []byte(v.a), 0o600); err != nil {
		t.Fatal(err)
	}
	v.office = newOffice(t, append(env, "POSTGRES_SEAL=true", "SECRETS_KEY_FILE="+v.file, "RETRY_EMAIL_MAX=0", "LOG_LEVEL=debug",
		"PROVIDERS_SES_BREAKER_FAILURES=1000", "PROVIDERS_SENDGRID_BREAKER_FAILURES=1000")...)
	return v
}

func newKey(t *testing.T) string {
	t.Helper()
	key, _, err := config.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key.Reveal()
}

// turn gives the running worker other keys, newest first.
func (v *vault) turn(keys ...string) {
	v.t.Helper()
	before := len(v.reloads())
	v.check(os.WriteFile(v.file+".next", []byte(strings.Join(keys, "\n")), 0o600))
	v.check(os.Rename(v.file+".next", v.file)) // never half a key
	testkit.Eventually(v.t, 30*time.Second, func() bool { return len(v.reloads()) > before }, "the keys to be read again: %s", v.log)
	if entry := v.reloads()[0]; !strings.Contains(string(entry.Detail), "GANGWAY_SECRETS_KEY") || strings.Contains(string(entry.Detail), "error") {
		v.t.Fatalf("%s", entry.Detail)
	}
}

// key is the id that the newest letter of a delivery is sealed under.
func (v *vault) key(id uuid.UUID) (key string) {
	v.t.Helper()
	v.check(v.pool.QueryRow(v.t.Context(), `SELECT coalesce(headers -> 'Gangway-Sealed' ->> 0, '') FROM gangway.dead_letters
		WHERE delivery_id = $1 ORDER BY id DESC LIMIT 1`, id).Scan(&key))
	return key
}

// operatorHas gives the program publisher keys.
func (v *vault) operatorHas(keys ...string) {
	v.t.Helper()
	v.t.Setenv("GANGWAY_SECRETS_KEY", strings.Join(keys, "\n"))
}

func (v *vault) shown(id uuid.UUID) string {
	v.t.Helper()
	code, out, errs := v.publisher("deadletters", "show", id.String(), "-o", "json")
	if code != cli.ExitDone {
		v.t.Fatalf("show: %s", errs)
	}
	return out
}

// TestDeadLettersAreSealed: a body is readable nowhere while it waits as a dead
// letter, is shown to whoever has the key, and arrives when it is replayed, also
// when the key has changed meanwhile.
func TestDeadLettersAreSealed(t *testing.T) {
	v := newVault(t)
	const first, second, third = "sesame-first-1f", "sesame-second-2f", "sesame-third-3f"
	fails := func(text string) uuid.UUID {
		t.Helper()
		v.fail("ses", "sendgrid")
		id := v.publish("email.send", fmt.Sprintf(`{"to":["kim@example.kr"],"subject":"x","text":%q}`, text))
		v.await(id, delivery.DeadLettered)
		testkit.Eventually(t, 20*time.Second, func() bool { return len(v.keeps(text)) == 0 }, "%s to be kept sealed only; kept in %v", text, v.keeps(text))
		return id
	}
	one := fails(first)
	told := v.told(broker.StreamDeadLetters, "deadletter.email.send."+one.String())
	if len(told.Data) > 0 || told.Header.Get(broker.HeaderBodyLength) == "" {
		t.Errorf("the bus has %q, %v", told.Data, told.Header)
	}
	letter := "/api/v1/deadletters/" + one.String()
	var body string
	if v.admin("GET", letter, 200, &body); !strings.Contains(body, first) || strings.Contains(body, delivery.HeaderSealed) {
		t.Errorf("the API shows %s", body)
	}

	// Somebody without the key reads and replays nothing.
	if out := v.shown(one); strings.Contains(out, first) || !strings.Contains(out, "sealed under key "+v.key(one)) {
		t.Errorf("without a key: %s", out)
	}
	if code, _, errs := v.publisher("deadletters", "replay", one.String()); code != cli.ExitFailed || !strings.Contains(errs, "sealed under a key that is not known here") {
		t.Errorf("replay without a key: %d %s", code, errs)
	}

	v.turn(v.b, v.a)
	two := fails(second)
	if v.key(one) == v.key(two) || v.key(two) == "" {
		t.Errorf("sealed under %q, then under %q", v.key(one), v.key(two))
	}
	v.operatorHas(v.b, v.a)
	if out := v.shown(one) + v.shown(two); !strings.Contains(out, first) || !strings.Contains(out, second) {
		t.Errorf("with both keys: %s", out)
	}
	v.mend("ses", "sendgrid")
	if code, out, errs := v.publisher("deadletters", "replay", "--all"); code != cli.ExitDone {
		t.Fatalf("replay: %s %s", out, errs)
	}
	for _, id := range []uuid.UUID{one, two} {
		v.await(id, delivery.Sent, delivery.Delivered)
	}
	var texts []string
	for _, m := range v.received("kim@example.kr") {
		if m.Answered && m.Outcome != "error" {
			texts = append(texts, strings.TrimSpace(m.Text))
		}
	}
	if slices.Sort(texts); !slices.Contains(texts, first) || !slices.Contains(texts, second) {
		t.Errorf("arrived: %q", texts)
	}

	// The key is lost: nothing of the letter is shown, and it stays.
	three := fails(third)
	v.turn(newKey(t))
	letter = "/api/v1/deadletters/" + three.String()
	if v.admin("GET", letter, 200, &body); strings.Contains(body, third) || !strings.Contains(body, "sealed under key "+v.key(three)) {
		t.Errorf("without the key the API shows %s", body)
	}
	report, err := newOperator(v.pool).Sealed(unsealed(t)).SettleLetters(t.Context(), "replay", []int64{v.number(three)}, "lee", "")
	if err != nil || report.Failed != 1 || report.Sealed != 1 || report.Done != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	v.await(three, delivery.DeadLettered)

	// A replay whose key is taken away before it is published waits for the key.
	v.operatorHas(v.b)
	if code, out, errs := v.publisher("deadletters", "replay", three.String()); code != cli.ExitDone {
		t.Fatalf("replay: %s %s", out, errs)
	}
	testkit.Eventually(t, 20*time.Second, func() bool {
		return v.count(`SELECT count(*) FROM gangway.outbox WHERE error LIKE '%is sealed under key%'`) == 1
	}, "the row to be held")
	v.turn(v.b)
	v.mend("ses", "sendgrid")
	_, err = v.pool.Exec(t.Context(), `UPDATE gangway.outbox SET held_until = NULL`)
	v.check(err)
	v.await(three, delivery.Sent, delivery.Delivered)
}

func (v *vault) number(id uuid.UUID) (n int64) {
	v.t.Helper()
	v.check(v.pool.QueryRow(v.t.Context(), `SELECT max(id) FROM gangway.dead_letters WHERE delivery_id = $1`, id).Scan(&n))
	return n
}

// TestSealedLettersAreWipedAndForgotten: what must not stay goes although the
// database cannot read it.
func TestSealedLettersAreWipedAndForgotten(t *testing.T) {
	v := newVault(t, "PROVIDERS_SES_ON_UNKNOWN=hold", "PROVIDERS_SES_TIMEOUT=500ms")
	const token = "tok-unknown-5555"
	held := v.publish("email.send", fmt.Sprintf(`{"to":["timeout@example.kr"],"template":"password-reset","variables":{"reset_link":"https://portal.gangwon.kr/reset?token=%s"}}`, token))
	v.await(held, delivery.Unknown)
	testkit.Eventually(t, 20*time.Second, func() bool { return len(v.keeps(token)) == 0 }, "the value to be sealed; kept in %v", v.keeps(token))
	if code, _, errs := v.person("unknown", "settle", held.String(), "--not-sent"); code == cli.ExitDone || !strings.Contains(errs, "is sealed under key") {
		t.Errorf("sent again without the key: %d %s", code, errs)
	}
	v.operatorHas(v.a)
	if out := v.shown(held); strings.Contains(out, token) || !strings.Contains(out, command.Redacted) {
		t.Errorf("shown: %s", out)
	}
	if code, _, errs := v.person("unknown", "settle", held.String(), "--not-sent"); code != cli.ExitDone {
		t.Fatalf("settle: %s", errs)
	}
	testkit.Eventually(t, 30*time.Second, func() bool {
		row := v.await(held, delivery.Unknown, delivery.Queued, delivery.Processing)
		return row.Status == delivery.Unknown && row.Replays == 1
	}, "the second sending")
	if code, _, errs := v.person("unknown", "settle", held.String(), "--sent"); code != cli.ExitDone {
		t.Fatalf("settle: %s", errs)
	}
	if n := v.count(`SELECT count(*) FROM gangway.dead_letters WHERE payload IS NOT NULL`); n != 0 {
		t.Errorf("%d letters keep what they hide", n)
	}
	if out := v.shown(held); !strings.Contains(out, delivery.HeaderWiped) {
		t.Errorf("shown: %s", out)
	}

	// A command that could not be read has no recipient in its row.
	unread := v.publish("email.send", `{"to":["Kim@example.kr"],"subject":"x","text":"y","nonsense":1}`)
	v.await(unread, delivery.Rejected)
	sent := v.publish("email.send", mailTo("Kim@example.kr"))
	v.await(sent, delivery.Sent, delivery.Delivered)
	v.operatorHas()
	if code, _, errs := v.person("forget", "kim@example.kr", "--dry-run"); code != cli.ExitFailed || !strings.Contains(errs, "1 dead letters were not searched") {
		t.Errorf("forget without the key: %d %s", code, errs)
	}
	v.operatorHas(v.a)
	code, out, errs := v.person("forget", "kim@example.kr")
	if code != cli.ExitDone || !strings.Contains(out, "1 dead letters removed") {
		t.Errorf("forget: %d %s %s", code, out, errs)
	}
	if n := v.count(`SELECT count(*) FROM gangway.dead_letters WHERE payload IS NOT NULL`); n != 0 {
		t.Errorf("%d letters are left", n)
	}
}
