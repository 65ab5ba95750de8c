package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/server"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// What a person is known by, and what they are written: each is marked, so that it
// is found wherever it gets to.
const (
	markedPerson = "namgoongmark" // in addresses
	markedName   = "남궁표식"
	markedText   = "본문표식칠삼구일"
	markedNumber = "10739177" // of every number, as digits
	markedAdmin  = "admin-token-marked-7391"
)

// Every kind goes through every outcome, webhooks and orders of people included, at
// the most talkative level. No secret is then kept or shown anywhere; what a person
// is known by and written is kept where it has to be, and in no log line, metric,
// error, recorded call, raw webhook, alert or health report. A subject is shown in
// the log, as the contract says, and so is not marked.
func TestNothingShowsSecretsOrPeople(t *testing.T) {
	traces := new(otlp)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", overHTTP(t, traces))
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	o := newOffice(t, "LOG_LEVEL=debug", "ADMIN_TOKEN="+markedAdmin, fmt.Sprintf("ADMIN_TOKENS=portal:read:sha256:%x", sha256.Sum256([]byte(readToken))), "ROUTES_EMAIL=ses,sendgrid,gmail", "ROUTES_SMS=solapi,nhncloud,sens,sns",
		"RETRY_EMAIL_MAX=0", "RETRY_SMS_MAX=0", "RETRY_BUSINESS_MAX=0", "RETRY_ADDRESS_MAX=0", "ALERTS_INTERVAL=1s", "ALERTS_FOR=0s",
		"PROVIDERS_SES_TIMEOUT=700ms", "PROVIDERS_SENDGRID_TIMEOUT=700ms", "PROVIDERS_GMAIL_TIMEOUT=700ms", "PROVIDERS_SOLAPI_TIMEOUT=700ms",
		"PROVIDERS_NHNCLOUD_TIMEOUT=700ms", "PROVIDERS_SENS_TIMEOUT=700ms", "PROVIDERS_SNS_TIMEOUT=700ms", "PROVIDERS_NICEDNB_TIMEOUT=700ms",
		"PROVIDERS_NTS_TIMEOUT=700ms", "PROVIDERS_JUSO_TIMEOUT=700ms", "PROVIDERS_KAKAO_TIMEOUT=700ms",
		"PROVIDERS_SES_ON_UNKNOWN=hold", "PROVIDERS_SENDGRID_ON_UNKNOWN=hold", "PROVIDERS_GMAIL_ON_UNKNOWN=hold",
		"PROVIDERS_SOLAPI_ON_UNKNOWN=hold", "PROVIDERS_NHNCLOUD_ON_UNKNOWN=hold", "PROVIDERS_SENS_ON_UNKNOWN=hold", "PROVIDERS_SNS_ON_UNKNOWN=hold",
		"PROVIDERS_SES_BREAKER_FAILURES=1000", "PROVIDERS_SENDGRID_BREAKER_FAILURES=1000", "PROVIDERS_GMAIL_BREAKER_FAILURES=1000",
		"PROVIDERS_SOLAPI_BREAKER_FAILURES=1000", "PROVIDERS_NHNCLOUD_BREAKER_FAILURES=1000", "PROVIDERS_SENS_BREAKER_FAILURES=1000", "PROVIDERS_SNS_BREAKER_FAILURES=1000")
	var ids []uuid.UUID
	add := func(subject, body string) { ids = append(ids, o.publish(subject, body)) }
	for _, provider := range []string{"ses", "sendgrid", "gmail"} {
		for _, outcome := range []string{"kim", "bounce", "complaint", "reject", "throttle", "error", "timeout", "drop"} {
			add("email.send", fmt.Sprintf(`{"to":["%s+%s.%s@example.kr"],"subject":"x","text":"%s %s","html":"<p>%s</p>","provider":%q}`,
				outcome, markedPerson, provider, markedName, markedText, markedText, provider))
		}
	}
	for i, provider := range []string{"solapi", "nhncloud", "sens", "sns"} {
		add("sms.send", fmt.Sprintf(`{"to":"0%s%d0","text":"%s %s","provider":%q}`, markedNumber, i, markedName, markedText, provider))
		for outcome := range 6 {
			add("sms.send", fmt.Sprintf(`{"to":"010-0000-000%d","text":"%s %s","provider":%q}`, outcome+1, markedName, markedText, provider))
		}
	}
	for _, number := range []string{"124-81-00998", "101-81-90003", "101-81-90004", "101-81-90005", "101-81-90008"} {
		add("business.verify", fmt.Sprintf(`{"registration_number":%q,"representative":%q,"opened_on":"1969-01-13"}`, number, markedName))
	}
	for _, keyword := range []string{"강원특별자치도청", "모의제한", "모의오류", "모의지연초과"} {
		add("address.search", fmt.Sprintf(`{"keyword":%q}`, keyword))
	}
	// Mistakes repeat what was given.
	add("email.send", fmt.Sprintf(`{"to":["%s"],"subject":"x","text":%q}`, markedPerson, markedText))
	add("email.send", fmt.Sprintf(`{"to":["%s@example.kr"],"subject":"x","text":%q,"nonsense":%q}`, markedPerson, markedText, markedText))
	add("email.send", fmt.Sprintf(`{"to":["%s <%s@example.kr>"],"subject":"x","text":%q}`, markedName, markedPerson, markedText))
	add("sms.send", fmt.Sprintf(`{"to":"0%s %s","text":%q}`, markedNumber, markedName, markedText))
	add("business.verify", fmt.Sprintf(`{"registration_number":"1","representative":%q}`, markedName))
	for _, id := range ids {
		o.await(id, delivery.Sent, delivery.Delivered, delivery.Bounced, delivery.Undelivered, delivery.Complained, delivery.Completed, delivery.ManualReview,
			delivery.Failed, delivery.Rejected, delivery.Unknown, delivery.DeadLettered)
	}
	public := "http://" + o.running.HTTPAddr
	for _, provider := range []string{"gmail", "ses", "sendgrid", "solapi", "nobody"} {
		body := fmt.Sprintf(`{"type":"email.delivered","data":{"recipient":"%s@example.kr","name":%q}}`, markedPerson, markedName)
		answer, err := http.Post(public+"/webhooks/"+provider+"?token="+markedAdmin, "application/json", strings.NewReader(body))
		o.check(err)
		_ = answer.Body.Close()
	}
	get := func(path, token string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.running.AdminAddr+path, nil)
		o.check(err)
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(request)
		o.check(err)
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		o.check(err)
		return string(text)
	}
	testkit.Eventually(t, 30*time.Second, func() bool {
		return strings.Contains(get("/api/v1/alerts", markedAdmin), "DeadLetters")
	}, "the dead letters to raise an alert")
	// Whoever may read only sees no person there, while who may write does.
	letters := get("/api/v1/deadletters?limit=500", readToken)
	for number := range strings.FieldsSeq(o.texts(`SELECT id::text FROM gangway.dead_letters`)) {
		letters += get("/api/v1/deadletters/"+number, readToken)
	}
	if whole := get("/api/v1/deadletters?limit=500", markedAdmin); !strings.Contains(whole, markedPerson) || strings.Count(letters, `"payload":"[redacted]"`) < 5 {
		t.Errorf("no dead letter names a person, or few are shown: %s", letters)
	}
	o.person("deadletters", "replay", "--all", "--note", "again")
	o.person("unknown", "list")
	get("/api/v1/deliveries?limit=1", "wrong-"+markedAdmin)

	testkit.Eventually(t, 30*time.Second, func() bool { return len(traces.find("", "process address.search")) > 0 }, "traces to arrive")

	secrets := []string{markedAdmin, simulator.SecretKey, simulator.BearerToken("gmail")}
	for _, vendor := range []string{"gmail", "outlook", "sendgrid", "ses", "solapi", "nhncloud", "sens", "nicednb", "nts", "juso", "kakao"} {
		_, secret := simulator.Credentials(vendor)
		secrets = append(secrets, secret)
	}
	shown := map[string]string{
		"read letters": letters,
		"log":          o.log.String(), "metrics": get("/metrics", markedAdmin), "health": get("/health", ""), "alerts": get("/api/v1/alerts?resolved_since=1h", markedAdmin),
		"config": get("/api/v1/config", markedAdmin), "providers": get("/api/v1/providers", markedAdmin), "audit": get("/api/v1/audit", markedAdmin),
		"refused": get("/api/v1/deliveries", "nobody"),
		"errors":  o.texts(`SELECT coalesce(error_message, '') || ' ' || coalesce(error_code, '') FROM gangway.deliveries`),
		"letters": o.texts(`SELECT reason || ' ' || coalesce(error, '') FROM gangway.dead_letters`),
		"calls":   o.texts(`SELECT a::text FROM gangway.delivery_attempts a`), "webhooks": o.texts(`SELECT w::text FROM gangway.webhook_events w`),
		"raised": o.texts(`SELECT a::text FROM gangway.alerts a`), "checks": o.texts(`SELECT h::text FROM gangway.provider_health h`),
		"traces":  traces.text(),
		"figures": o.texts(`SELECT provider || endpoint FROM gangway.call_stats`),
	}
	for where, text := range shown {
		if where != "refused" && where != "webhooks" && len(text) < 10 {
			t.Errorf("%s shows nothing: %q", where, text)
		}
		for _, marked := range append([]string{markedPerson, markedName, markedText, markedNumber}, secrets...) {
			if at := strings.Index(text, marked); at >= 0 {
				t.Errorf("%s shows %q: %q", where, marked, text[max(0, at-120):min(len(text), at+len(marked)+40)])
			}
		}
	}
	for _, secret := range secrets {
		if kept := o.keeps(secret); len(kept) > 0 {
			t.Errorf("the secret %q is kept in %v", secret, kept)
		}
	}
}

// A panic's words and stack go where everything goes: through the redactor.
func TestPanicsShowNobody(t *testing.T) {
	t.Parallel()
	log := new(journal)
	cfg, _, err := config.Load(config.Options{Env: config.Dev, Dir: t.TempDir(), Defaults: map[string]string{"mock": "true"}, Environ: []string{
		"GANGWAY_NATS_URL=nats://127.0.0.1:1", "GANGWAY_POSTGRES_URL=postgres://u:marked-password-7391@127.0.0.1:1/x", "GANGWAY_ADMIN_TOKEN=" + markedAdmin,
	}})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := NewTelemetry(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%s@example.kr 010-%s-%s token=%s postgres://u:marked-password-7391@h/x", markedPerson, markedNumber[:4], markedNumber[4:], markedAdmin)
	served, err := server.Listen(t.Context(), server.Options{
		Name: "admin", Addr: "127.0.0.1:0", Log: shown.Logger(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(said) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- served.Run(ctx) }()
	answer, err := http.Get(served.URL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	newObserver(shown).Trouble(t.Context(), &command.Command{Kind: command.EmailSend}, "call", errors.New("the handler crashed: "+said))
	if lines := log.String(); !strings.Contains(lines, "handler panicked") || !strings.Contains(lines, "redaction_e2e_test.go") || !strings.Contains(lines, "command in trouble") {
		t.Errorf("the log lacks the panic or its stack: %s", lines)
	}
	for where, text := range map[string]string{"log": log.String(), "answer": string(text)} {
		for _, marked := range []string{markedPerson, "010-" + markedNumber[:4], markedAdmin, "marked-password-7391"} {
			if strings.Contains(text, marked) {
				t.Errorf("the %s shows %q: %s", where, marked, text)
			}
		}
	}
}

// texts joins what a query of one column finds.
func (o *office) texts(query string) string {
	o.t.Helper()
	rows, err := o.pool.Query(o.t.Context(), query)
	o.check(err)
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var text *string
		o.check(rows.Scan(&text))
		if text != nil {
			all.WriteString(*text + "\n")
		}
	}
	o.check(rows.Err())
	return all.String()
}
