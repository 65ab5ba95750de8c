package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// TestForget removes two people of whom there is everything: mails that were
// delivered, failed, wait for their time, and one that somebody else got too.
func TestForget(t *testing.T) {
	o := newOffice(t, "RETRY_EMAIL_MAX=0", "PROVIDERS_SES_BREAKER_FAILURES=1000", "PROVIDERS_SENDGRID_BREAKER_FAILURES=1000")
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	mail := func(to, more string) uuid.UUID {
		return o.publish("email.send", fmt.Sprintf(`{"to":[%s],"subject":"about %s","text":"y","metadata":{"who":"k"}%s}`, to, strings.Trim(to, `"`)[:3], more))
	}
	delivered, scheduled, shared := mail(`"Kim@Example.kr"`, ""), mail(`"kim@example.kr"`, `,"send_at":"`+later+`"`), mail(`"kim@example.kr","lee@example.kr"`, "")
	both := mail(`"lee@example.kr","kim@example.kr"`, `,"send_at":"`+later+`"`)
	failed := mail(`"error+kim@example.kr"`, "")
	o.await(delivered, delivery.Delivered)
	o.await(scheduled, delivery.Scheduled)
	o.await(both, delivery.Scheduled)
	o.await(shared, delivery.Delivered)
	o.await(failed, delivery.DeadLettered)
	if code, _, errs := o.person("suppressions", "add", "kim@example.kr", "--list", "marketing", "--by", "lee"); code != 0 {
		t.Fatal(errs)
	}
	testkit.Eventually(t, 20*time.Second, func() bool { // what is on its way to the bus has arrived
		return o.count(`SELECT count(*) FROM gangway.outbox`) == 0 && len(o.messages(broker.StreamDeadLetters, "")) == 1
	}, "outbox or dead letters")

	code, out, errs := o.person("forget", "KIM@example.kr", "--dry-run")
	if code != 0 || !strings.HasPrefix(out, "3 commands, 2 attempts, ") || !strings.Contains(out, "1 commands are still under way") || len(o.keeps("kim@example.kr")) == 0 {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code, out, errs = o.person("forget", "KIM@example.kr", "--by", "lee", "--note", "request 17"); code != 0 || !strings.HasPrefix(out, "3 commands, 2 attempts, ") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if code, out, errs = o.person("forget", "error+kim@example.kr"); code != 0 || !strings.HasPrefix(out, "1 commands, 2 attempts, 0 events, 1 dead letters removed") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	testkit.Eventually(t, 20*time.Second, func() bool {
		return !slices.ContainsFunc(o.sim.Inbox().List(), func(r simulator.Received) bool {
			return slices.ContainsFunc(r.To, func(to string) bool { return strings.EqualFold(to, "kim@example.kr") })
		})
	}, "the simulator keeps what went to somebody who is forgotten")
	for id, want := range map[uuid.UUID]delivery.View{
		delivered: {Status: delivery.Delivered},
		scheduled: {Status: delivery.Cancelled, ErrorMessage: "its recipient was forgotten"},
		shared:    {Status: delivery.Delivered, Recipient: "lee@example.kr"},
		failed:    {Status: delivery.DeadLettered},
		both:      {Status: delivery.Scheduled, Recipient: "lee@example.kr,kim@example.kr"},
	} {
		row := o.await(id, want.Status)
		if row.Recipient != want.Recipient || row.ErrorMessage != want.ErrorMessage || id != both && (row.Subject != "" || row.Metadata != nil || row.ProviderMessageID != "") {
			t.Errorf("%+v, want %+v", row.View, want)
		}
	}
	// The mail that somebody else waits for keeps its recipients until it has ended.
	if code, out, _ = o.person("cancel", both.String()); code != 0 {
		t.Fatal(out)
	}
	o.await(both, delivery.Cancelled)
	testkit.Eventually(t, 20*time.Second, func() bool {
		return o.count(`SELECT count(*) FROM gangway.outbox`) == 0
	}, "outbox")
	if code, out, errs = o.person("forget", "kim@example.kr", "-o", "json"); code != 0 || !strings.HasPrefix(out, `{"deliveries":1,`) || !strings.Contains(out, `"waiting":0`) {
		t.Errorf("%d %s %s", code, out, errs)
	}
	o.check(o.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.suppressions WHERE recipient = 'kim@example.kr'`).Scan(new(int)))
	if _, err := o.pool.Exec(t.Context(), `DELETE FROM gangway.suppressions`); err != nil { // that it stays is said
		t.Fatal(err)
	}
	for _, address := range []string{"kim@example.kr", "Kim@Example.kr"} {
		if where := o.keeps(address); len(where) > 0 {
			t.Errorf("%s is kept in %s", address, strings.Join(where, "; "))
		}
	}
	if n := o.count(`SELECT count(*) FROM gangway.audit_log WHERE action = 'recipient.forget' AND detail ->> 'note' = 'request 17' AND actor = 'lee'`); n != 1 {
		t.Errorf("%d audit entries", n)
	}
	if code, out, _ = o.person("audit", "--action", "suppression.add", "-o", "json"); code != 0 || !strings.Contains(out, `"target":"forgotten-`) {
		t.Errorf("%d %s", code, out)
	}
	if n := len(o.messages(broker.StreamScheduled, "")); n != 0 {
		t.Errorf("%d schedules are left", n)
	}
	// The id is still the same command.
	o.publish("email.send", fmt.Sprintf(`{"id":%q,"to":["Kim@Example.kr"],"subject":"about Kim","text":"y","metadata":{"who":"k"}}`, delivered))
	o.await(mail(`"lee@example.kr"`, ""), delivery.Delivered)
	if row := o.await(delivered, delivery.Delivered); row.Recipient != "" || row.Attempts != 1 {
		t.Errorf("%+v", row.View)
	}
}

func (o *office) count(query string) (n int) {
	o.t.Helper()
	o.check(o.pool.QueryRow(o.t.Context(), query).Scan(&n))
	return n
}

// TestForgetWhatNobodyHasTaken: the rows of commands that wait for a worker do not
// say yet whom they go to.
func TestForgetWhatNobodyHasTaken(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), testkit.PostgresFrom(t, "migrated by the worker", migrated))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{testkit.NATS(t).URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]uuid.UUID{}
	for subject, to := range map[string]string{
		"email.send": `["kim@example.kr"]`, "email.send.high": `["Kim@example.kr"]`, "email.send.bulk": `["kim@example.kr","lee@example.kr"]`,
		"sms.send": `"010-1234-5678"`, "sms.send.bulk": `"+82 10 1234 5678"`, "sms.send.high": `"010-9999-5678"`,
	} {
		ids[subject] = uuid.New()
		body := fmt.Sprintf(`{"id":%q,"to":%s,"text":"y","subject":"x"}`, ids[subject], to)
		if strings.HasPrefix(subject, "sms") {
			body = fmt.Sprintf(`{"id":%q,"to":%s,"text":"y"}`, ids[subject], to)
		}
		if _, err := conn.JetStream().Publish(t.Context(), subject, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	e := eraser{newOperator(pool), conn}
	for _, c := range []struct {
		recipient      string
		found, waiting int
	}{{"KIM@example.kr", 2, 1}, {"01012345678", 2, 0}, {"hakim@example.kr", 0, 0}} {
		if done, err := e.Forget(t.Context(), c.recipient, false, "lee", ""); err != nil || done.Deliveries != c.found || done.Waiting != c.waiting {
			t.Errorf("%s: %+v, %v", c.recipient, done, err)
		}
	}
	for subject, id := range ids {
		view, err := e.operator.Status(t.Context(), id)
		cancelled := err == nil && view.Status == delivery.Cancelled
		if want := subject != "email.send.bulk" && subject != "sms.send.high"; cancelled != want {
			t.Errorf("%s: %+v, %v", subject, view, err)
		}
	}
}

// TestForgetOtherSpellings: what no delivery knows of is found in the spellings
// of gateways, of the audit log, and of whoever wrote the address.
func TestForgetOtherSpellings(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), testkit.PostgresFrom(t, "migrated by the worker", migrated))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{testkit.NATS(t).URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	list := suppressions{postgres.NewSuppressions(pool)}
	for _, recipient := range []string{"010 1234 5678", "010 9999 5678"} {
		if err := list.Add(t.Context(), cli.Suppression{Recipient: recipient, List: "all", Reason: "manual"}, "lee"); err != nil {
			t.Fatal(err)
		}
	}
	const other = `{"to":"01099995678"}`
	stream, err := conn.JetStream().Stream(t.Context(), broker.StreamDeadLetters)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"to":"01012345678"}`, `{"to":"+821012345678"}`, `{"to":"821012345678"}`, `{"to":"010-1234-5678"}`,
		`{"to":["Kim@Example.KR"],"cut":"\u00`, `{"x":"가","from":"<KIM@example.kr>"}`, other,
	} {
		id := uuid.New()
		if _, err := pool.Exec(t.Context(), `INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, attempts, payload, first_seen)
VALUES ($1, 'webhook.process', 'normal', 0, 1, 'invalid', '', 0, $2, now())`, id, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.JetStream().Publish(t.Context(), "deadletter.webhook.process."+id.String(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	e := eraser{newOperator(pool), conn}
	for recipient, letters := range map[string]int{"010.1234.5678": 4, "kim@example.kr": 2} {
		for _, dry := range []bool{true, false} {
			messages := letters // on the bus
			if dry {
				messages = 0
			}
			if done, err := e.Forget(t.Context(), recipient, dry, "lee", ""); err != nil || done.Letters != letters || done.Messages != messages {
				t.Errorf("%s, dry %t: %+v, %v; want %d letters", recipient, dry, done, err, letters)
			}
		}
	}
	var left, named []string
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT array_agg(convert_from(payload, 'UTF8')) FROM gangway.dead_letters WHERE payload IS NOT NULL),
(SELECT array_agg(target) FROM gangway.audit_log WHERE action = 'suppression.add' AND target NOT LIKE 'forgotten-%')`).Scan(&left, &named); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(left, []string{other}) || !slices.Equal(named, []string{"+821099995678"}) {
		t.Errorf("letters left %q, named in the audit log %q", left, named)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 1 {
		t.Errorf("on the bus: %+v, %v; only the letter about somebody else is to be left", info.State, err)
	}
}
