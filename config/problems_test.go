package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryMistakeAtOnce loads one configuration with a mistake of each sort.
func TestEveryMistakeAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "config/production.yaml", `
http: {addr: nowhere, trusted_proxies: [10.0.0.0/8, here]}
admin: {addr: "0.0.0.0:8081"}
mock: maybe
nats: {replicas: 2, urls: x}
log: {level: loud}
pool: {email: 0, letters: 3}
retry: {email: {base: 30}}
providers:
  ses: {rate: fast, timeout: [1s, 2s], password: hunter2}
  sendgird: {username: x}
  carrier: {rate: 5}
worker: {lease: 1s}
routes: {email: [se, ses, ses, solapi]}
`)
	_, _, problems := load(t, Options{Dir: dir, Run: true, Flags: map[string]string{"mocks": "1", "http": "x"}})
	got := map[string][]string{}
	for _, problem := range problems {
		got[problem.Key] = append(got[problem.Key], strings.ReplaceAll(problem.String()[len(problem.Key):], path, "FILE"))
	}
	want := map[string][]string{
		"admin.token":               {`: is empty although admin.addr "0.0.0.0:8081" can be reached from other machines; set GANGWAY_ADMIN_TOKEN_FILE, or listen on 127.0.0.1`},
		"http":                      {`: holds keys, not a value: http.addr, http.trusted_proxies, http.client_rate, http.client_burst (flag --http)`},
		"http.addr":                 {` "nowhere": allowed: host:port such as 127.0.0.1:8080 (FILE line 2)`},
		"http.trusted_proxies":      {` "[10.0.0.0/8, here]": "here" is neither; allowed: a list of addresses and networks such as 10.0.0.0/8 (FILE line 2)`},
		"log.level":                 {` "loud": allowed: debug, info, warn, error (FILE line 6)`},
		"mock":                      {` "maybe": allowed: true or false (FILE line 4)`},
		"mocks":                     {`: unknown key, did you mean mock? (flag --mocks)`},
		"nats.replicas":             {` "2": allowed: 1, 3, 5 (FILE line 5)`},
		"nats.url":                  {`: is empty; set GANGWAY_NATS_URL or nats.url in the configuration file`},
		"nats.urls":                 {`: unknown key, did you mean nats.url? (FILE line 5)`},
		"pool.email.send":           {` "0": out of bounds; allowed: a whole number, from 1 to 65536 (FILE line 7)`},
		"pool.letters":              {`: unknown key; worker config explain lists every key (FILE line 7)`},
		"postgres.url":              {`: is empty; set GANGWAY_POSTGRES_URL or postgres.url in the configuration file`},
		"providers.carrier.driver":  {`: is empty and carrier is no preset; name one of smtp, sns, solapi, nhncloud, sens, nicednb, nts, juso, kakao`},
		"providers.sendgird.driver": {`: is empty and sendgird is no preset; name one of smtp, sns, solapi, nhncloud, sens, nicednb, nts, juso, kakao, did you mean sendgrid?`},
		"providers.ses.password":    {` "[redacted]": stands in clear in FILE line 10; outside dev write env:NAME, file:PATH or sealed:…`},
		"providers.ses.rate":        {` "fast": allowed: a number a second such as 14, or 30/m, 1000/h, 20000/d, from 0 to 1000000 (FILE line 10)`},
		"providers.ses.timeout":     {` "[1s, 2s]": is a list; allowed: a duration such as 500ms, 30s, 5m, 24h or 7d, from 10ms to 5m (FILE line 10)`},
		"providers.solapi.api_key":  {`: is empty although the provider is live and in a route; set GANGWAY_PROVIDERS_SOLAPI_API_KEY`},
		"providers.solapi.api_secret": {
			`: is empty although the provider is live and in a route; set GANGWAY_PROVIDERS_SOLAPI_API_SECRET`},
		"providers.solapi.timeout": {` "10s": does not fit into worker.lease less worker.heartbeat (-4s): no call could start`},
		"retry.email.send.base":    {` "30": allowed: a duration such as 500ms, 30s, 5m, 24h or 7d, from 1ms to 24h (FILE line 8)`},
		"routes.email": {
			` "se": no such provider, did you mean ses?`, ` "ses": stands twice in the route`,
			` "solapi": serves sms, not email; allowed: ses, smtp, gmail, outlook, sendgrid`},
		"worker.lease": {` "1s": must be at least twice worker.heartbeat (5s), or a live worker counts as dead`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text := problems.Error()
	if !strings.HasPrefix(text, "configuration: 26 problems\n  ") || strings.Count(text, "\n") != len(problems) || strings.Contains(text, "hunter2") {
		t.Errorf("text is:\n%s", text)
	}
}

const outSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"

// TestRelations changes one thing each in a configuration that is right.
func TestRelations(t *testing.T) {
	for _, test := range []struct {
		name    string
		options Options
		key     string // of the one problem; "" for none
		says    string
	}{
		{"live and complete", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x", "GANGWAY_ROUTES_ADDRESS=juso", "GANGWAY_PROVIDERS_JUSO_API_KEY=k"}}, "", ""},
		{"no route", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x"}}, "routes", "every route is empty"},
		{"live without credentials", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x", "GANGWAY_ROUTES_ADDRESS=juso"}}, "providers.juso.api_key", "GANGWAY_PROVIDERS_JUSO_API_KEY"},
		{"another endpoint needs none", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x", "GANGWAY_ROUTES_ADDRESS=juso", "GANGWAY_PROVIDERS_JUSO_URL=http://127.0.0.1:9"}}, "", ""},
		{"ses with AWS keys", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x", "GANGWAY_ROUTES_EMAIL=ses", "GANGWAY_PROVIDERS_SES_API_KEY=a", "GANGWAY_PROVIDERS_SES_API_SECRET=b"}}, "", ""},
		{"gmail by oauth", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x", "GANGWAY_ROUTES_EMAIL=gmail", "GANGWAY_PROVIDERS_GMAIL_USERNAME=a", "GANGWAY_PROVIDERS_GMAIL_AUTH=xoauth2", "GANGWAY_PROVIDERS_GMAIL_OAUTH_TOKEN_URL=https://t", "GANGWAY_PROVIDERS_GMAIL_OAUTH_CLIENT_ID=c"}}, "", ""},
		{"gmail without password", Options{Run: true, Environ: []string{"GANGWAY_NATS_URL=nats://x", "GANGWAY_POSTGRES_URL=postgres://x", "GANGWAY_ROUTES_EMAIL=gmail", "GANGWAY_PROVIDERS_GMAIL_USERNAME=a"}}, "providers.gmail.password", "xoauth2"},
		{"required path", Options{Require: []string{"admin.token"}}, "admin.token", "GANGWAY_ADMIN_TOKEN"},
		{"token on any address", Options{Environ: []string{"GANGWAY_ADMIN_ADDR=:8081"}}, "admin.token", "listen on 127.0.0.1"},
		{"token given", Options{Environ: []string{"GANGWAY_ADMIN_ADDR=:8081", "GANGWAY_ADMIN_TOKEN=x"}}, "", ""},
		{"loopback by name", Options{Environ: []string{"GANGWAY_ADMIN_ADDR=localhost:8081"}}, "", ""},
		{"loopback IPv6", Options{Environ: []string{"GANGWAY_ADMIN_ADDR=[::1]:8081"}}, "", ""},
		{"one address twice", Options{Environ: []string{"GANGWAY_ADMIN_ADDR=127.0.0.1:8080"}}, "admin.addr", "http.addr as well"},
		{"free ports", Options{Environ: []string{"GANGWAY_ADMIN_ADDR=127.0.0.1:0", "GANGWAY_HTTP_ADDR=127.0.0.1:0"}}, "", ""},
		{"sealed without a key", Options{Environ: []string{"GANGWAY_POSTGRES_SEAL=true"}}, "postgres.seal", "GANGWAY_SECRETS_KEY_FILE"},
		{"mock in production", Options{Environ: []string{"GANGWAY_MOCK=true"}}, "mock", "mock_in_production"},
		{"one mock provider in production", Options{Environ: []string{"GANGWAY_PROVIDERS_SNS_MODE=mock"}}, "providers.sns.mode", "mock_in_production"},
		{"mock forced", Options{Environ: []string{"GANGWAY_MOCK=true", "GANGWAY_MOCK_IN_PRODUCTION=true"}}, "", ""},
		{"mock elsewhere", Options{Env: Staging, Environ: []string{"GANGWAY_MOCK=true"}}, "", ""},
		{"half a certificate", Options{Environ: []string{"GANGWAY_HTTP_TLS_CERT=x"}}, "http.tls", "both or none"},
		{"origin with a path", Options{Environ: []string{"GANGWAY_POSTCODE_ORIGINS=https://a.kr,https://b.kr/x"}}, "postcode.origins", "https://portal.example.kr"},
		{"password in clear text", Options{Environ: []string{"GANGWAY_PROVIDERS_SMTP_HOST=mail.kr", "GANGWAY_PROVIDERS_SMTP_TLS=none", "GANGWAY_PROVIDERS_SMTP_PASSWORD=x"}}, "providers.smtp.tls", "in clear to mail.kr"},
		{"relay on this machine", Options{Environ: []string{"GANGWAY_PROVIDERS_SMTP_HOST=127.0.0.1", "GANGWAY_PROVIDERS_SMTP_TLS=none", "GANGWAY_PROVIDERS_SMTP_PASSWORD=x"}}, "", ""},
		{"no mail server", Options{Environ: []string{"GANGWAY_PROVIDERS_SMTP_USERNAME=x"}}, "providers.smtp.host", "name the mail server"},
		{"retry above its cap", Options{Environ: []string{"GANGWAY_RETRY_SMS_BASE=1m"}}, "retry.sms.send.base", "is above retry.sms.send.cap (30s)"},
		{"fallback of a send", Options{Environ: []string{"GANGWAY_FALLBACK_EMAIL_DEFAULT={}"}}, "fallback.email.send.default", "no look-up"},
		{"fallback is no object", Options{Environ: []string{"GANGWAY_FALLBACK_ADDRESS_DEFAULT=[1]"}}, "fallback.address.search.default", "a JSON object"},
		{"cache of nobody", Options{Environ: []string{"GANGWAY_CACHE_KAKOA_TTL=1h"}}, "cache.kakoa", "did you mean kakao?"},
		{"name of a provider", Options{Flags: map[string]string{"providers.my_mail.driver": "smtp", "providers.my_mail.host": "x"}}, "providers.my_mail", "hyphens"},
		{"xoauth2 without an endpoint", Options{Environ: []string{"GANGWAY_PROVIDERS_GMAIL_AUTH=xoauth2"}}, "providers.gmail.auth", "oauth.token_url"},
		{"live certificates", Options{Environ: []string{"GANGWAY_PROVIDERS_SES_WEBHOOK_CERTIFICATES=/x"}}, "providers.ses.webhook.certificates", "mock mode only"},
		{"events out", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_PORTAL_URL=https://portal.kr/hooks", "GANGWAY_WEBHOOKS_OUT_PORTAL_SECRETS=" + outSecret, "GANGWAY_WEBHOOKS_OUT_PORTAL_KINDS=sms.send"}}, "", ""},
		{"events out to a private network", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_MY_PORTAL_URL=http://portal.internal/hooks", "GANGWAY_WEBHOOKS_OUT_MY_PORTAL_SECRETS=" + outSecret, "GANGWAY_WEBHOOKS_OUT_MY_PORTAL_ALLOW_TO=10.0.0.0/8"}}, "", ""},
		{"events out in clear", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_PORTAL_URL=http://portal.kr/hooks", "GANGWAY_WEBHOOKS_OUT_PORTAL_SECRETS=" + outSecret}}, "webhooks_out.portal.url", "is not https"},
		{"events out to nowhere", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_PORTAL_SECRETS=" + outSecret}}, "webhooks_out.portal.url", "is empty"},
		{"events out unsigned", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_PORTAL_URL=https://portal.kr/hooks"}}, "webhooks_out.portal.secrets", "openssl rand"},
		{"events out with a short secret", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_PORTAL_URL=https://portal.kr/hooks", "GANGWAY_WEBHOOKS_OUT_PORTAL_SECRETS=" + outSecret + ",whsec_c2hvcnQ="}}, "webhooks_out.portal.secrets[1]", "24 to 64 bytes"},
		{"events out of no kind", Options{Environ: []string{"GANGWAY_WEBHOOKS_OUT_PORTAL_URL=https://portal.kr/hooks", "GANGWAY_WEBHOOKS_OUT_PORTAL_SECRETS=" + outSecret, "GANGWAY_WEBHOOKS_OUT_PORTAL_KINDS=email.sent"}}, "webhooks_out.portal.kinds", "did you mean email.send?"},
		{"name of an endpoint", Options{Flags: map[string]string{"webhooks_out.my_portal.url": "https://portal.kr", "webhooks_out.my_portal.secrets": outSecret}}, "webhooks_out.my_portal", "hyphens"},
		{"environment", Options{Environ: []string{"GANGWAY_ENV=prod"}}, "GANGWAY_ENV", "dev, staging, production"},
		{"a listener on no host", Options{Environ: []string{"GANGWAY_HTTP_ADDR=my host:80"}}, "http.addr", "host:port"},
		{"missing file", Options{Environ: []string{"GANGWAY_CONFIG=/nowhere.yaml"}}, "GANGWAY_CONFIG", "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, problems := load(t, test.options)
			switch {
			case test.key == "" && problems != nil:
				t.Error(problems)
			case test.key != "" && (len(problems) != 1 || problems[0].Key != test.key || !strings.Contains(problems[0].Message, test.says)):
				t.Errorf("problems: %v\nwant one of %s that says %q", problems, test.key, test.says)
			}
		})
	}
}

func TestBrokenFiles(t *testing.T) {
	for _, test := range []struct{ name, text, says string }{
		{"no YAML", "a: [b", "line 1"},
		{"two documents", "mock: true\n---\nmock: false\n", "more than one YAML document"},
		{"a value alone", "just text", "a single value"},
		{"a list alone", "[mock, log]", "the file holds a list; keys are expected"},
		{"key twice", "mock: true\nlog: {level: info}\nMock: false", "stands twice, first in line 1"},
		{"nested list", "routes: {email: [[a]]}", "a list holds plain values only (FILE line 1)"},
		{"list of nothing", "routes: {email: [ses, ]\n  , sms: [~]}", "a list holds plain values only"},
		{"complex key", "? [a]\n: b", "a key is a plain word"},
		{"endless aliases", "a: &a {b: *a}", "nested too deep"},
		{"too large", "# " + strings.Repeat("x", maxFile), "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "x.yaml", test.text)
			_, _, problems := load(t, Options{Env: Dev, File: path})
			if text := strings.ReplaceAll(problems.Error(), path, "FILE"); !strings.Contains(text, test.says) {
				t.Errorf("problems: %s\nwant %q", text, test.says)
			}
		})
	}
	for _, harmless := range []string{"", "# nothing\n", "---\n", "providers:\n  ses:\n", "routes:\n  email: ~\n"} {
		if _, _, problems := load(t, Options{Env: Dev, File: write(t, t.TempDir(), "x.yaml", harmless)}); problems != nil {
			t.Errorf("%q: %v", harmless, problems)
		}
	}
}

// The mailbox for bounces takes over what it can from the mail server, and is
// refused where it would be of no use or show a password.
func TestBounces(t *testing.T) {
	for name, c := range map[string]struct{ yaml, key, says string }{
		"gmail":         {`gmail: {username: a@b.kr, password: env:P, bounces: {host: imap.gmail.com}}`, "", ""},
		"xoauth2":       {`outlook: {username: a@b.kr, auth: xoauth2, oauth: {client_id: x}, bounces: {host: outlook.office365.com}}`, "", ""},
		"of its own":    {`relay: {driver: smtp, host: localhost, tls: none, bounces: {host: mail.gangwon.kr, username: c, password: env:P}}`, "", ""},
		"posts reports": {`ses: {username: a, password: env:P, bounces: {host: mail.gangwon.kr}}`, "ses.bounces.host", "post no webhooks"},
		"no mail":       {`solapi: {api_key: env:P, api_secret: env:P, bounces: {host: mail.gangwon.kr}}`, "solapi.bounces.host", "sends no e-mail"},
		"no account":    {`relay: {driver: smtp, host: localhost, tls: none, bounces: {host: mail.gangwon.kr}}`, "relay.bounces.username", "name the account"},
		"no password":   {`relay: {driver: smtp, host: localhost, tls: none, bounces: {host: mail.gangwon.kr, username: c}}`, "relay.bounces.password", "give the mailbox a login"},
		"in clear":      {`gmail: {username: a@b.kr, password: env:P, bounces: {host: imap.gmail.com, tls: none}}`, "gmail.bounces.tls", "in clear"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			name, _, _ := strings.Cut(c.yaml, ":")
			route := map[bool]string{true: "sms", false: "email"}[name == "solapi"]
			write(t, dir, "config/production.yaml", "routes: {"+route+": ["+name+"]}\nnats: {url: nats://n}\npostgres: {url: env:P}\nproviders:\n  "+c.yaml+"\n")
			cfg, _, problems := load(t, Options{Dir: dir, Run: true, Environ: []string{"P=postgres://p/x"}})
			if c.key == "" {
				if len(problems) > 0 {
					t.Fatalf("%v", problems)
				}
				for _, p := range cfg.Providers {
					if p.BouncesUser() == "" || p.Bounces.Port != 993 || p.Bounces.TLS != "tls" || p.Bounces.Folder != "INBOX" {
						t.Errorf("%+v", p.Bounces)
					}
				}
				return
			}
			if len(problems) != 1 || problems[0].Key != "providers."+c.key || !strings.Contains(problems[0].String(), c.says) {
				t.Errorf("%v", problems)
			}
		})
	}
}

// TestOptionsAreKnown: an option that no driver reads is a mistake, not silence.
func TestOptionsAreKnown(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config/dev.yaml", `
providers:
  nicednb: {options: {detial_path: /d, field_name: cmpNm, codes: "E1=unauthorized"}}
  nts: {options: {batch_window: 5ms, colour: red}}
  nhncloud: {options: {path: /x}}
`)
	_, _, problems := load(t, Options{Env: Dev, Dir: dir})
	var got []string
	for _, problem := range problems {
		got = append(got, problem.String())
	}
	want := []string{
		"providers.nhncloud.options.path: is not known: driver nhncloud has no options",
		"providers.nicednb.options.detial_path: is not an option of driver nicednb, did you mean detail_path?",
		"providers.nts.options.colour: is not an option of driver nts; it has batch_window, status_path, validate_path, check_number",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
