package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// What nobody can execute is recorded with the field that is wrong and kept as a
// dead letter; everybody else's commands go on.
func TestCommandsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.worker("GANGWAY_POOL_EMAIL_SEND=1") // a message that blocks would block all
	wrong := []struct{ subject, body, says string }{
		{"email.send", `garbage`, "body is not JSON"},
		{"email.send", ``, "body is not JSON"},
		{"email.send", `["kim@example.kr"]`, "body must be a JSON object, not a list"},
		{"email.send", `{"to":"kim@example.kr","subject":"a","text":"b"}`, "to: must be a list, not text"},
		{"email.send", `{"to":["kim@example.kr",7],"subject":"a","text":"b"}`, "to[1]: must be text, not a number"},
		{"email.send", `{"to":["kim@example.kr"],"subjct":"a","text":"b"}`, `subjct: is not a field of email.send; did you mean "subject"?`},
		{"email.send.bulk", `{"to":["kim@example.kr"],"subject":"a"}`, "text"},
		{"email.send", `{"to":["nobody"],"subject":"a","text":"b"}`, "to[0]"},
		{"email.send", `{"to":["kim@example.kr"],"subject":"a","text":"b","send_at":"soon"}`, "send_at: must be a time"},
		{"email.send", `{"to":["kim@example.kr"],"subject":"a","text":"` + strings.Repeat("x", 1<<20) + `"}`, "at most 1048576 are allowed"},
		{"email.send", `{"to":["kim@example.kr"],"subject":"a","text":"\u0000"}`, `\u0000`},
	}
	ids := make([]string, len(wrong))
	for i, w := range wrong {
		ids[i] = uuid.Must(uuid.NewV7()).String()
		p.publish(w.subject, ids[i], w.body)
	}
	good := p.mails(1)
	p.allSent(good)
	letters, err := p.jetstream().Stream(t.Context(), "GANGWAY_DEADLETTERS")
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range wrong {
		row := p.ends(ids[i], "rejected")
		if row.Reason == nil || *row.Reason != "invalid" || !strings.Contains(row.error(), w.says) {
			t.Errorf("%.80s: rejected with %q, want %q", w.body, row.error(), w.says)
		}
		letter, err := letters.GetLastMsgForSubject(t.Context(), "deadletter.email.send."+ids[i])
		if err != nil {
			t.Errorf("%.80s: no dead letter in the stream: %v", w.body, err)
			continue
		}
		if string(letter.Data) != w.body || letter.Header.Get("Gangway-Reason") != "invalid" || !strings.Contains(letter.Header.Get("Gangway-Error"), w.says) {
			t.Errorf("%.80s: the dead letter has %v and %d bytes", w.body, letter.Header, len(letter.Data))
		}
		var kept []byte
		if err := p.database().QueryRow(t.Context(), "SELECT payload FROM gangway.dead_letters WHERE delivery_id = $1", ids[i]).Scan(&kept); err != nil || string(kept) != w.body {
			t.Errorf("%.80s: kept in Postgres with %d bytes, %v", w.body, len(kept), err)
		}
	}
	p.settled()
	if n := p.mail.total(); n != len(good) {
		t.Errorf("the mail server got %d messages, want %d", n, len(good))
	}
	testkit.Eventually(t, patience, func() bool { return p.count("status NOT IN ('rejected', 'sent')") == 0 })
}
