package app

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/gangwon-portal/gangway/docs"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// document reads docs/openapi.yaml and insists that it is well-formed.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// operationsOf lists a document's operations: "GET /api/v1/workers".
func operationsOf(doc *openapi3.T) (all []string) {
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			all = append(all, method+" "+path)
		}
	}
	slices.Sort(all)
	return all
}

// TestAPIDocument holds the document to the routes, and lints it.
func TestAPIDocument(t *testing.T) {
	doc := document(t)
	served := adminParts{live: new(live), reload: new(reloader).byCaller, simulator: new(simulator.Simulator)}.newAPI(nil).Patterns()
	// What stands beside the API; TestAPIKeepsToItsDocument calls it all.
	served = append(served, "GET /livez", "GET /readyz", "GET /health", "GET /health/{provider}", "POST /health/{provider}", "GET /metrics")
	slices.Sort(served)
	if documented := operationsOf(doc); !slices.Equal(documented, served) {
		t.Errorf("documented: %s\nserved:     %s", strings.Join(documented, ", "), strings.Join(served, ", "))
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if o.OperationID == "" || ids[o.OperationID] || o.Summary == "" || len(o.Tags) != 1 || doc.Tags.Get(o.Tags[0]) == nil {
				t.Errorf("%s %s needs an operationId of its own, a summary and one known tag", method, path)
			}
			ids[o.OperationID] = true
			if o.Responses.Default() == nil {
				t.Errorf("%s %s does not say how it fails", method, path)
			}
			if method == http.MethodGet && strings.HasPrefix(path, "/api/") && o.Responses.Status(http.StatusNotModified) == nil {
				t.Errorf("%s %s does not say that it has an ETag", method, path)
			}
		}
	}
	used := string(docs.OpenAPI)
	for name := range doc.Components.Schemas {
		if !strings.Contains(used, "'#/components/schemas/"+name+"'") {
			t.Errorf("nothing uses the schema %s", name)
		}
	}
}

// TestAPIKeepsToItsDocument sends real requests for every operation and holds
// requests, statuses, headers and bodies to the document.
func TestAPIKeepsToItsDocument(t *testing.T) {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.FileBodyDecoder)
	doc := document(t)
	operations := operationsOf(doc)
	doc.Servers = nil // the worker listens elsewhere
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	d := newCounterDesk(t)
	worked := map[string]bool{}
	d.seen = func(r *http.Request, body []byte, response *http.Response, answer []byte) {
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s is not in the document: %v", r.Method, r.URL.Path, err)
			return
		}
		r.Body = http.NoBody
		if len(body) > 0 {
			r.Body = readCloser{bytes.NewReader(body)}
		}
		input := &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, IncludeResponseStatus: true},
		}
		if response.StatusCode < 400 {
			worked[route.Method+" "+route.Path] = true
			if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
				t.Errorf("%s %s is accepted against the document: %v", r.Method, r.URL, err)
			}
		}
		out := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options,
		}
		if err := openapi3filter.ValidateResponse(t.Context(), out.SetBodyBytes(answer)); err != nil {
			t.Errorf("%s %s: %d %s: %v", r.Method, r.URL, response.StatusCode, answer, err)
		}
	}
	d.everyState() // first, while every breaker is closed
	d.everyProvider(t)
	d.everyDelivery(t)
	d.everyLetter(t)
	d.everyBusiness()
	d.everythingElse(t)
	for _, operation := range operations {
		if !worked[operation] {
			t.Errorf("%s was not tried with success", operation)
		}
	}
	d.everyAction(operations)
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (d *counterDesk) everyDelivery(t *testing.T) {
	bounced := d.await(d.publish("email.send", mailTo("bounce@example.kr")), "bounced")
	if len(bounced.Events) == 0 || len(bounced.AttemptLog) == 0 {
		t.Errorf("%+v", bounced)
	}
	d.want(200, "GET", "/api/v1/deliveries?status=bounced&kind=email.send&reason=refused&since=1h&recipient=x@y.kr&limit=3", "", nil)
	d.want(404, "GET", "/api/v1/deliveries/unknown", "", nil)
	d.want(409, "POST", "/api/v1/deliveries/"+bounced.ID+"/cancel", `{}`, nil)

	var ahead struct{ Outcome, ID string }
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	waiting := d.publish("email.send", fmt.Sprintf(`{"to":["a@b.kr"],"subject":"x","text":"y","send_at":%q,"metadata":{"k":"v"}}`, later))
	d.await(waiting, "scheduled")
	d.want(200, "POST", "/api/v1/deliveries/"+waiting+"/cancel", `{"reason":"typo"}`, &ahead)
	d.await(waiting, "cancelled")
	d.want(202, "POST", "/api/v1/deliveries/not-come-yet/cancel", ``, &ahead)
	if ahead.Outcome != "recorded" {
		t.Errorf("%+v", ahead)
	}
	d.want(200, "GET", "/api/v1/deliveries/"+ahead.ID, "", nil)

	for _, sent := range []bool{true, false} {
		id := d.publish("email.send", mailTo(fmt.Sprintf("timeout+%v@example.kr", sent)))
		d.await(id, "unknown")
		d.want(200, "POST", "/api/v1/deliveries/"+id+"/settle", fmt.Sprintf(`{"sent":%v,"note":"asked"}`, sent), nil)
	}
	d.want(409, "POST", "/api/v1/deliveries/"+bounced.ID+"/settle", `{"sent":true}`, nil)

	company := d.publish("business.verify", `{"registration_number":"101-81-90004"}`)
	d.await(company, "manual_review")
	var asked shown
	d.want(202, "POST", "/api/v1/deliveries/"+company+"/complete", `{"company":{"name":"강원","status":"active"},"note":"by telephone"}`, &asked)
	d.await(company, "completed")
	d.await(asked.ID, "completed")
	d.want(409, "POST", "/api/v1/deliveries/"+company+"/complete", `{"company":{"name":"강원","status":"active"}}`, nil)
}

func (d *counterDesk) everyLetter(t *testing.T) {
	id := d.publish("email.send", mailTo("error@example.kr"))
	d.await(id, "dead_lettered")
	var letters page[struct {
		ID         int64
		DeliveryID string `json:"delivery_id"`
	}]
	d.want(200, "GET", "/api/v1/deadletters?kind=email.send&contains=error@example&since=1h&limit=5", "", &letters)
	if len(letters.Items) != 1 || letters.Items[0].DeliveryID != id {
		t.Fatalf("%+v", letters)
	}
	var letter struct {
		Payload struct{ To []string }
	}
	d.want(200, "GET", fmt.Sprint("/api/v1/deadletters/", letters.Items[0].ID), "", &letter)
	if !slices.Equal(letter.Payload.To, []string{"error@example.kr"}) {
		t.Errorf("%+v", letter)
	}
	d.want(404, "GET", "/api/v1/deadletters/999999", "", nil)
	d.readsNobody(t, letters.Items[0].ID)

	var done struct {
		Matched, Replayed, Discarded, Left int
		Next                               *string
	}
	d.want(200, "POST", "/api/v1/deadletters/replay", fmt.Sprintf(`{"ids":[%q],"dry_run":true}`, id), &done)
	if done.Matched != 1 || done.Replayed != 0 || done.Left != 1 {
		t.Errorf("dry run: %+v", done)
	}
	d.want(200, "POST", "/api/v1/deadletters/replay", fmt.Sprintf(`{"ids":[%d],"note":"again"}`, letters.Items[0].ID), &done)
	if done.Matched != 1 || done.Replayed != 1 || done.Left != 0 || done.Next != nil {
		t.Errorf("replay: %+v", done)
	}
	d.await(id, "dead_lettered")
	d.await(d.publish("email.send", mailTo("error+2@example.kr")), "dead_lettered")
	d.want(200, "POST", "/api/v1/deadletters/discard", `{"contains":"error","limit":1}`, &done)
	if done.Matched != 2 || done.Discarded != 1 || done.Left != 1 || done.Next == nil {
		t.Fatalf("discard: %+v", done)
	}
	d.want(200, "POST", "/api/v1/deadletters/discard", fmt.Sprintf(`{"contains":"error","cursor":%q}`, *done.Next), &done)
	if done.Matched != 1 || done.Discarded != 1 || done.Left != 0 || done.Next != nil {
		t.Errorf("discard: %+v", done)
	}
	d.await(id, "discarded")
}

func (d *counterDesk) everyProvider(t *testing.T) {
	d.await(d.publish("email.send", mailTo("kim@example.kr")), "delivered")
	type provider struct {
		Name    string
		Kinds   []string
		Driver  string
		Paused  bool
		Rate    float64
		Burst   int
		Calls   int64
		Breaker struct{ State string }
		Health  struct{ Status string }
	}
	var all page[provider]
	d.want(200, "GET", "/api/v1/providers", "", &all)
	i := slices.IndexFunc(all.Items, func(p provider) bool { return p.Name == "ses" })
	if i < 0 {
		t.Fatalf("%+v", all)
	}
	if ses := all.Items[i]; !slices.Equal(ses.Kinds, []string{"email.send"}) || ses.Driver == "" || ses.Paused || ses.Breaker.State != "closed" ||
		ses.Health.Status == "" {
		t.Errorf("%+v", ses)
	}
	d.figures(t)
	var one provider
	d.want(200, "PATCH", "/api/v1/providers/kakao", `{"rate":7.5,"burst":9}`, &one)
	if one.Rate != 7.5 || one.Burst != 9 {
		t.Errorf("tuned: %+v", one)
	}
	d.want(200, "POST", "/api/v1/providers/kakao/pause", `{"note":"maintenance"}`, &one)
	if !one.Paused {
		t.Errorf("paused: %+v", one)
	}
	d.want(200, "POST", "/api/v1/providers/kakao/resume", "", &one)
	if one.Paused {
		t.Errorf("resumed: %+v", one)
	}
	d.want(200, "POST", "/api/v1/providers/kakao/reset", "{}", nil)
	d.want(200, "GET", "/api/v1/providers/kakao", "", &one)
	if one.Rate != 7.5 {
		t.Errorf("shown: %+v", one)
	}
	d.want(422, "PATCH", "/api/v1/providers/kakao", `{"rate":-1}`, nil)
	d.want(422, "PATCH", "/api/v1/providers/kakao", `{"burst":0}`, nil)
	d.want(422, "PATCH", "/api/v1/providers/kakao", `{}`, nil)
	d.want(422, "POST", "/api/v1/providers/kakao/pause", `{"note":"`+strings.Repeat("x", 1001)+`"}`, nil)
	d.want(404, "POST", "/api/v1/providers/nobody/pause", "", nil)
	d.want(404, "POST", "/api/v1/providers/email.send/pause", "", nil) // a kind is no provider
	d.want(404, "PATCH", "/api/v1/providers/nobody", `{"rate":1}`, nil)
	d.want(404, "GET", "/api/v1/providers/nobody", "", nil)
}

// figures waits until what was called and done is counted.
func (d *counterDesk) figures(t *testing.T) {
	t.Helper()
	var one struct {
		Calls, Failures int64
		P50             int64 `json:"p50_ms"`
		P99             int64 `json:"p99_ms"`
		Series          []struct {
			At    time.Time
			Calls int64
		}
	}
	testkit.Eventually(t, 60*time.Second, func() bool {
		d.want(200, "GET", "/api/v1/providers/ses", "", &one)
		return one.Calls > 0
	}, "no call of ses is counted: %+v", &one)
	total := int64(0)
	for _, minute := range one.Series {
		total += minute.Calls
	}
	if len(one.Series) != 60 || total < 1 || one.P99 < one.P50 {
		t.Errorf("%+v", one)
	}
	type lane struct {
		Kind, Lane string
		Done       int64
		Rate       float64
	}
	var queues page[lane]
	normal := func(q lane) bool { return q.Kind == "email.send" && q.Lane == "normal" }
	testkit.Eventually(t, 60*time.Second, func() bool {
		d.want(200, "GET", "/api/v1/queues", "", &queues)
		i := slices.IndexFunc(queues.Items, normal)
		return i >= 0 && queues.Items[i].Done > 0 && queues.Items[i].Rate > 0
	}, "no command is counted: %+v", &queues)
}

func (d *counterDesk) everyWebhook(t *testing.T) {
	var hooks page[struct {
		Name, State, Error string
		Kinds              []string
	}]
	testkit.Eventually(t, 60*time.Second, func() bool {
		d.want(200, "GET", "/api/v1/webhooks", "", &hooks)
		return len(hooks.Items) == 1 && hooks.Items[0].State == "failing"
	}, "the endpoint where nobody listens is not failing: %+v", &hooks)
	if hook := hooks.Items[0]; hook.Name != "portal" || len(hook.Kinds) != 4 || !strings.Contains(hook.Error, "no answer") {
		t.Errorf("%+v", hook)
	}
	d.want(200, "POST", "/api/v1/webhooks/portal/enable", `{"note":"it listens again"}`, nil)
	d.want(404, "POST", "/api/v1/webhooks/nobody/enable", `{}`, nil)
	d.want(422, "GET", "/api/v1/webhooks?state=failing", "", nil)
}

func (d *counterDesk) everythingElse(t *testing.T) {
	d.want(201, "POST", "/api/v1/suppressions", `{"recipient":"Kim@Example.KR","note":"asked us to"}`, nil)
	d.await(d.publish("email.send", mailTo("kim@example.kr")), "suppressed")
	d.want(200, "GET", "/api/v1/suppressions?contains=kim", "", nil)
	d.want(204, "DELETE", "/api/v1/suppressions?recipient="+url.QueryEscape("KIM@example.kr"), "", nil)
	d.want(404, "DELETE", "/api/v1/suppressions?recipient=kim@example.kr", "", nil)

	d.await(d.publish("address.search", `{"keyword":"강원특별자치도청"}`), "completed")
	var caches page[struct{ Cache string }]
	d.want(200, "GET", "/api/v1/cache", "", &caches)
	var purged struct{ Purged int }
	d.want(200, "DELETE", "/api/v1/cache?pattern=address.search", "", &purged)
	if len(caches.Items) == 0 || purged.Purged == 0 {
		t.Errorf("%+v %+v", caches, purged)
	}

	d.everyWebhook(t)
	d.want(200, "GET", "/api/v1/audit?action=cache.purge&target=address.search&limit=1", "", nil)
	var workers page[struct{ Alive bool }]
	d.want(200, "GET", "/api/v1/workers", "", &workers)
	if len(workers.Items) != 1 || !workers.Items[0].Alive {
		t.Errorf("%+v", workers)
	}
	var alerts page[struct{ Alert, Subject, State string }]
	testkit.Eventually(t, 60*time.Second, func() bool {
		d.want(200, "GET", "/api/v1/alerts?resolved_since=1h", "", &alerts)
		return slices.ContainsFunc(alerts.Items, func(a struct{ Alert, Subject, State string }) bool { return a.Alert == "DeadLetters" })
	}, "the dead letters of this test raise no alert: %+v", &alerts)
	d.want(200, "POST", "/api/v1/config/reload", "", nil)
	d.want(200, "GET", "/api/v1/alerts", "", nil)
	d.want(422, "GET", "/api/v1/alerts?since=1h", "", nil)
	d.everySilence(t)
	d.want(200, "GET", "/api/v1/config", "", nil)
	d.want(200, "GET", "/api/v1/openapi.yaml", "", nil)

	for _, to := range []string{"one@example.kr", "two@example.kr"} {
		d.await(d.publish("email.send", mailTo(to)), "delivered")
	}
	rich := d.publish("email.send", `{"to":["html@example.kr"],"subject":"x","html":"<p>춘천<script>alert(1)</script></p>"}`)
	d.await(rich, "delivered")
	var inbox page[struct{ ID, Subject string }]
	d.want(200, "GET", "/api/v1/inbox?limit=1", "", &inbox)
	if len(inbox.Items) != 1 || inbox.Next == nil {
		t.Fatalf("%+v", inbox)
	}
	d.want(200, "GET", "/api/v1/inbox?limit=1&cursor="+*inbox.Next, "", nil)
	shown := d.want(200, "GET", "/api/v1/inbox/"+url.PathEscape(inbox.Items[0].ID), "", nil)
	if policy := shown.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox; default-src 'none'") || !strings.HasPrefix(shown.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a mail is shown as %s under %q", shown.Header.Get("Content-Type"), policy)
	}
	d.want(404, "GET", "/api/v1/inbox/nothing", "", nil)
	d.want(204, "DELETE", "/api/v1/inbox", "", nil)
	d.want(200, "GET", "/api/v1/providers/solapi/faults", "", nil)
	d.want(404, "PUT", "/api/v1/providers/nobody/faults", `{"outcome":"error"}`, nil)
	d.want(422, "PUT", "/api/v1/providers/solapi/faults", `{"outcome":"error","rate":2}`, nil)
	d.want(200, "PUT", "/api/v1/providers/solapi/faults", `{"outcome":"error","rate":1,"for":"60s"}`, nil)
	d.everyReportFault(t)
	sms := d.publish("sms.send", `{"to":"010-1234-5678","text":"fault"}`)
	if sent := d.await(sms, "sent"); fmt.Sprint(sent.AttemptLog[0]["provider"]) != "solapi" || len(sent.AttemptLog) < 2 {
		t.Errorf("the fault was not met: %+v", sent)
	}
	d.want(200, "PUT", "/api/v1/providers/solapi/faults", `{"rate":0}`, nil)
}
