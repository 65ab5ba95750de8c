package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// person runs the publisher with the addresses of both servers.
func (o *office) person(args ...string) (code int, out, errs string) {
	o.t.Helper()
	return o.publisher(append(args, "--nats-url", o.conn.NATS().ConnectedUrl())...)
}

func TestManualEntry(t *testing.T) {
	o := newOffice(t, append(append([]string{}, quick...), "PROVIDERS_NICEDNB_BREAKER_FAILURES=1000", "PROVIDERS_NTS_BREAKER_FAILURES=1000")...)
	o.fail("nicednb", "nts")
	review := o.await(o.verify("220-81-62517", ""), delivery.ManualReview)
	person := o.await(o.verify("211-86-08983", `,"representative":"홍길동","opened_on":"1969-01-13"`), delivery.ManualReview)

	code, out, errs := o.person("manual", "list", "-o", "json")
	if code != 0 || !strings.Contains(out, review.ID.String()) || !strings.Contains(out, person.ID.String()) {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	// What is wrong with an entry is said, and the verification stays.
	for _, c := range []struct{ fields, says string }{
		{`"company":{"name":"강원상사","registration_number":"124-81-00998"}`, "company.registration_number"},
		{`"company":{"name":"강원상사","opened_on":"1.3.1969"}`, "company.opened_on"},
		{`"company":{"name":"강원상사","status":"asleep"}`, "company.status"},
		{`"company":{"name":""}`, "company.name"},
	} {
		id := o.publish("business.complete", fmt.Sprintf(`{"delivery_id":%q,"entered_by":"lee",%s}`, review.ID, c.fields))
		if row := o.await(id, delivery.Rejected); !strings.Contains(row.ErrorMessage, c.says) {
			t.Errorf("%s: %s", c.fields, row.ErrorMessage)
		}
	}
	if code, _, errs := o.person("manual", "complete", review.ID.String(), "--name", "강원상사", "--representative", "김민수",
		"--company-status", "closed", "--by", "lee@gangwon.kr", "--note", "by telephone"); code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	row, result := o.company(review.ID)
	if result.Source != "manual" || result.Outcome != "closed" || result.Company.Name != "강원상사" || result.Company.RegistrationNumber != "2208162517" {
		t.Errorf("%+v", result)
	}
	if row.Reason != fault.None || row.ErrorMessage != "" || row.CompletedAt.IsZero() {
		t.Errorf("%+v", row)
	}
	o.told(broker.StreamEvents, "event.business.verify.completed")
	var actor, note string
	o.check(o.pool.QueryRow(t.Context(), `SELECT actor, detail ->> 'note' FROM gangway.audit_log WHERE action = 'business.complete' AND target = $1`,
		review.ID.String()).Scan(&actor, &note))
	if actor != "lee@gangwon.kr" || note != "by telephone" {
		t.Errorf("audited as %q, %q", actor, note)
	}
	// A second entry, and one for what does not exist.
	again := o.publish("business.complete", fmt.Sprintf(`{"delivery_id":%q,"entered_by":"lee","company":{"name":"x"}}`, review.ID))
	if row := o.await(again, delivery.Failed); row.Reason != fault.Refused {
		t.Errorf("%+v", row)
	}
	nobody := o.publish("business.complete", fmt.Sprintf(`{"delivery_id":%q,"entered_by":"lee","company":{"name":"x"}}`, uuid.New()))
	if row := o.await(nobody, delivery.DeadLettered); row.Reason != fault.NotFound {
		t.Errorf("%+v", row)
	}
	// Where a representative was asked about, the name decides and must be there.
	missing := o.publish("business.complete", fmt.Sprintf(`{"delivery_id":%q,"entered_by":"lee","company":{"name":"강원상사"}}`, person.ID))
	if row := o.await(missing, delivery.Rejected); !strings.Contains(row.ErrorMessage, "company.representative") {
		t.Errorf("%+v", row)
	}
	o.publish("business.complete", fmt.Sprintf(`{"delivery_id":%q,"entered_by":"lee","company":{"name":"강원상사","representative":"홍 길동"}}`, person.ID))
	o.await(person.ID, delivery.Completed)
	if _, result := o.company(person.ID); result.Outcome != "match" || result.Source != "manual" {
		t.Errorf("%+v", result)
	}

	// The registers are back and know better: that is told once.
	o.mend("nicednb", "nts")
	for range 2 {
		if _, result := o.company(o.verify("220-81-62517", "")); result.Outcome != "active" {
			t.Errorf("%+v", result)
		}
		o.company(o.verify("220-81-62517", `,"provider":"nts"`))
	}
	event := o.told(broker.StreamEvents, "event.business.verify.contradicted")
	var told struct {
		Subject string                 `json:"subject"`
		Data    delivery.Contradiction `json:"data"`
	}
	o.check(json.Unmarshal(event.Data, &told))
	if told.Subject != review.ID.String() || len(told.Data.Differs) == 0 || told.Data.Differs[0] != "status" || told.Data.Entry.EnteredBy != "lee@gangwon.kr" {
		t.Errorf("%+v", told)
	}
}

// What is completed while its command is delivered twice is completed once.
func TestManualEntryTwice(t *testing.T) {
	o := newOffice(t, quick...)
	o.fail("nicednb", "nts")
	review := o.await(o.verify("220-81-62517", ""), delivery.ManualReview)
	operator := newOperator(o.pool)
	entry := delivery.ManualEntry{DeliveryID: review.ID, CommandID: uuid.New(), EnteredBy: "lee"}
	for i := range 2 {
		row, err := operator.CompleteManually(t.Context(), entry, func(delivery.Row) (jsontext.Value, error) {
			return fmt.Appendf(nil, `{"company":{"registration_number":"2208162517"},"n":%d}`, i), nil
		})
		if err != nil || row.Status != delivery.Completed || strings.Contains(string(row.Result), `"n":1`) {
			t.Errorf("time %d: %s %s %v", i, row.Status, row.Result, err)
		}
	}
	entry.CommandID = uuid.New()
	if _, err := operator.CompleteManually(t.Context(), entry, nil); fault.Of(err) != fault.Refused {
		t.Errorf("another entry: %v", err)
	}
	o.told(broker.StreamEvents, "event.business.verify.completed")
}

func TestCacheOfTheFleet(t *testing.T) {
	o := newOffice(t, append(append([]string{}, quick...), "SECRETS_KEY=AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33")...)
	_, first := o.company(o.verify("124-81-00998", ""))
	o.company(o.verify("124-81-00998", `,"representative":"홍길동"`))
	o.company(o.verify("220-81-62517", ""))
	o.addresses(o.find("원주시청", ""))
	o.company(o.verify("124-81-00998", ""))

	code, out, errs := o.person("cache", "stats", "-o", "json")
	for _, want := range []string{
		`{"cache":"juso.search","entries":1,"hits":0,"stale":0,"misses":1}`,
		`{"cache":"nicednb.company","entries":2,"hits":1,"stale":0,"misses":2}`,
		`{"cache":"nicednb.representative","entries":1,"hits":0,"stale":0,"misses":1}`,
		`{"cache":"nts.company","entries":2,"hits":1,"stale":0,"misses":2}`,
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d %s: statistics lack %s:\n%s", code, errs, want, out)
		}
	}
	// Nothing of it can be read in the bucket.
	bucket := o.messages("KV_"+broker.BucketCache, "")
	if len(bucket) == 0 {
		t.Error("the bucket is empty")
	}
	for _, m := range bucket {
		for _, inside := range []string{"1248100998", "홍길동", first.Company.Name, "원주"} {
			if strings.Contains(m.Subject+string(m.Data), inside) {
				t.Errorf("%q can be read under %s", inside, m.Subject)
			}
		}
	}
	// By what a person knows: everything about the company, and nothing else.
	code, out, errs = o.person("cache", "purge", "business.verify", "--registration-number", "124-81-00998", "--by", "lee", "-o", "json")
	if code != 0 || strings.TrimSpace(out) != `{"purged":3}` {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	testkit.Eventually(t, 10*time.Second, func() bool {
		_, result := o.company(o.verify("124-81-00998", ""))
		return result.Source == "nicednb"
	}, "the worker's memory still answers")
	if _, result := o.company(o.verify("220-81-62517", "")); result.Source != "cache" {
		t.Errorf("another company was purged: %+v", result)
	}
	if code, out, _ = o.person("cache", "purge", "address.search"); code != 0 || !strings.Contains(out, "1 purged") {
		t.Errorf("%d %s", code, out)
	}
	if code, _, errs = o.person("cache", "purge", "no such pattern"); code == 0 {
		t.Errorf("a pattern that is none: %s", errs)
	}
	var n int
	o.check(o.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.audit_log WHERE action = 'cache.purge' AND actor = 'lee'`).Scan(&n))
	if n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

// The same answers for whoever waits, by NATS and by HTTP.
func TestLookupsThatWait(t *testing.T) {
	o := newOffice(t, append(append([]string{}, quick...), "HTTP_TRUSTED_PROXIES=127.0.0.1", "HTTP_CLIENT_RATE=1", "HTTP_CLIENT_BURST=2")...)
	got, err := o.conn.NATS().Request("gangway.business.verify", []byte(`{"registration_number":"101-81-90009"}`), 10*time.Second)
	o.check(err)
	if !strings.Contains(string(got.Data), `"outcome":"closed"`) || got.Header.Get("Nats-Service-Error-Code") != "" {
		t.Errorf("%s %v", got.Data, got.Header)
	}
	started := time.Now()
	got, err = o.conn.NATS().Request("gangway.business.verify", []byte(`{"registration_number":"101-81-90004"}`), 20*time.Second)
	o.check(err)
	if got.Header.Get("Nats-Service-Error-Code") != "503" || strings.Contains(string(got.Data), "INTERNAL") || time.Since(started) > 5*time.Second {
		t.Errorf("%s %v after %s", got.Data, got.Header, time.Since(started))
	}
	get := func(path, client string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.running.HTTPAddr+path, nil)
		o.check(err)
		req.Header.Set("X-Forwarded-For", client)
		res, err := http.DefaultClient.Do(req)
		o.check(err)
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		o.check(err)
		return res.StatusCode, string(body)
	}
	search := "/v1/addresses?keyword=" + url.QueryEscape("원주시청")
	for i := range 3 {
		status, body := get(search, "192.0.2.1")
		if want := map[bool]int{true: 200, false: 429}[i < 2]; status != want {
			t.Errorf("request %d: %d %s", i, status, body)
		}
	}
	// Clients behind the trusted proxy are told apart; what they claim is not theirs.
	if status, _ := get(search, "192.0.2.2"); status != 200 {
		t.Errorf("another client: %d", status)
	}
	if status, _ := get(search, "203.0.113.9, 192.0.2.1"); status != 429 {
		t.Errorf("a client that claims to be another: %d", status)
	}
	if status, body := get("/postcode", "192.0.2.3"); status != 200 || !strings.Contains(body, o.sim.URL("postcode")) {
		t.Errorf("the page: %d", status)
	}
}

// One call serves all who ask one worker the same at the same time.
func TestSingleFlight(t *testing.T) {
	o := newOffice(t, quick...)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	answers := make(chan error, 20)
	for range cap(answers) {
		go func() {
			_, err := o.conn.NATS().RequestWithContext(ctx, "gangway.business.verify", []byte(`{"registration_number":"101-81-90007"}`))
			answers <- err
		}()
	}
	for range cap(answers) {
		o.check(<-answers)
	}
	if n := strings.Count(o.log.String(), `"provider":"nicednb"`); n != 1 {
		t.Errorf("%d lines of the provider for 20 who asked the same", n)
	}
}
