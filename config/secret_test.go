package config

import (
	"bytes"
	"encoding/gob"
	jsonv1 "encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

// TestNothingPrintsASecret prints the whole configuration in every way there is.
func TestNothingPrintsASecret(t *testing.T) {
	const hush = "hush-hush"
	cfg, origins := mustLoad(t, Options{Env: Dev, Environ: []string{
		"GANGWAY_ADMIN_TOKEN=" + hush + "-1", "GANGWAY_PROVIDERS_SES_PASSWORD=" + hush + "-2", "GANGWAY_PROVIDERS_SOLAPI_API_KEY=" + hush + "-3",
		"GANGWAY_PROVIDERS_SOLAPI_WEBHOOK_SECRETS=" + hush + "-4," + hush + "-5", "GANGWAY_POSTGRES_URL=postgres://app:" + hush + "-6@db/portal",
		"GANGWAY_NATS_URL=nats://u:" + hush + "-7@a:4222,nats://" + hush + "-8@b:4222", "GANGWAY_PROVIDERS_GMAIL_OAUTH_REFRESH_TOKEN=" + hush + "-9",
	}})
	type hidden struct {
		secret Secret
		all    *Config
		dsn    DSN
	}
	nested := hidden{cfg.Live.Admin.Token, cfg, cfg.Static.Postgres.URL}
	outputs := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%o", "%08.3f", "%t", "%c", "%U"} {
		outputs["fmt "+verb] = fmt.Sprintf(verb, *cfg)
		outputs["fmt pointer "+verb] = fmt.Sprintf(verb, cfg)
		outputs["fmt secret "+verb] = fmt.Sprintf(verb+verb, cfg.Live.Admin.Token, &cfg.Live.Admin.Token)
		outputs["fmt dsn "+verb] = fmt.Sprintf(verb, cfg.Static.Postgres.URL)
		outputs["fmt unexported "+verb] = fmt.Sprintf(verb, nested)
		outputs["fmt map "+verb] = fmt.Sprintf(verb, map[Secret]Secret{cfg.Live.Admin.Token: cfg.Live.Admin.Token})
	}
	outputs["print"] = fmt.Sprint(cfg, *cfg) + fmt.Sprintln(cfg.Providers)
	keep := func(name string, text []byte, err error) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		outputs[name] = string(text)
	}
	v1, err := jsonv1.Marshal(cfg)
	keep("json v1", v1, err)
	v2, err := json.Marshal(cfg, json.WithMarshalers(json.MarshalFunc(func(d time.Duration) ([]byte, error) {
		return json.Marshal(d.String())
	})))
	keep("json v2", v2, err)
	y, err := yaml.Marshal(cfg)
	keep("yaml", y, err)
	x, err := xml.Marshal(cfg.Live.Admin)
	keep("xml", x, err)
	var binary bytes.Buffer
	_ = gob.NewEncoder(&binary).Encode(cfg) // may refuse; must not show
	outputs["gob"] = binary.String()
	text, err := cfg.Live.Admin.Token.MarshalText()
	keep("text", text, err)
	var settings strings.Builder
	for _, s := range cfg.Settings(origins) {
		fmt.Fprintln(&settings, s)
		explained, err := Explain(s.Path, cfg, origins)
		keep("explain "+s.Path, []byte(explained), err)
	}
	outputs["settings"] = settings.String()
	outputs["error"] = errors.Join(fmt.Errorf("cannot use %v and %w", cfg, fmt.Errorf("%+v", cfg.NATS.URL))).Error()
	outputs["panic"] = func() (text string) {
		defer func() { text = fmt.Sprint(recover()) }()
		panic(cfg)
	}()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg, "token", cfg.Live.Admin.Token, "dsn", cfg.Static.Postgres.URL)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "cfg", cfg, "token", cfg.Live.Admin.Token, "dsn", cfg.Static.Postgres.URL)
	for _, encoder := range []zapcore.Encoder{zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())} {
		logger := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&log), zap.DebugLevel))
		logger.Info("x", zap.Any("cfg", cfg), zap.Any("token", cfg.Live.Admin.Token), zap.Stringer("s", cfg.Live.Admin.Token), zap.Reflect("dsn", cfg.Static.Postgres.URL), zap.Any("list", cfg.Providers["solapi"].Webhook.Secrets))
		logger.Sugar().Infow("x", "cfg", *cfg, "token", cfg.Live.Admin.Token)
	}
	outputs["logs"] = log.String()

	for name, output := range outputs {
		if strings.Contains(output, hush) || strings.Contains(strings.ToLower(output), fmt.Sprintf("%x", hush)) {
			t.Errorf("%s shows a secret: %s", name, output)
		}
	}
	// The test would also pass if nothing were printed at all.
	for _, name := range []string{"fmt %+v", "json v1", "json v2", "yaml", "xml", "settings", "logs", "text", "explain admin.token"} {
		if !strings.Contains(outputs[name], Redacted) {
			t.Errorf("%s does not show that there is a secret: %s", name, outputs[name])
		}
	}
	shown := map[string]bool{}
	for _, secret := range cfg.Secrets() {
		shown[secret.Reveal()] = true
	}
	for i := 1; i <= 9; i++ {
		if secret := fmt.Sprintf("%s-%d", hush, i); !shown[secret] {
			t.Errorf("Secrets does not list %s", secret)
		}
	}
}

func TestSecretEquality(t *testing.T) {
	if !NewSecret("a").Equal(NewSecret("a")) || NewSecret("a").Equal(NewSecret("b")) || !NewSecret("").Equal(Secret{}) {
		t.Error("Equal does not compare texts")
	}
	if NewSecret("").String() != "" || !NewSecret("").IsZero() || NewSecret("x").IsZero() || Secret.Reveal(Secret{}) != "" {
		t.Error("an empty secret is not empty")
	}
	if !NewDSN("nats://a").Equal(NewDSN("nats://a")) || !NewDSN("").IsZero() {
		t.Error("connection strings are not compared by text")
	}
}

func TestConnectionStringsAreMasked(t *testing.T) {
	for _, test := range []struct{ text, shown string }{
		{"", ""},
		{"nats://a:4222,nats://b:4222", "nats://a:4222,nats://b:4222"},
		{"nats://user:pw@a:4222, tls://tok@b", "nats://user:[redacted]@a:4222,tls://[redacted]@b"},
		{"a:4222", "a:4222"},
		{"tok@a:4222", "[redacted]@a:4222"},
		{"postgres://app@db:5432/portal?sslmode=disable", "postgres://app@db:5432/portal?sslmode=disable"},
		{"postgres://app:p%40ss@db/portal?sslmode=verify-full&sslpassword=x&flag", "postgres://app:[redacted]@db/portal?sslmode=verify-full&sslpassword=[redacted]&[redacted]"},
		{"host=/run/pg user=app password=pw dbname=portal", "host=/run/pg user=app password=[redacted] dbname=portal"},
		{"host=a password='p w'", "[redacted]"},
		{"postgres://app:pw@[bad", "[redacted]"},
		{"postgres:opaque://", "[redacted]"},
	} {
		if got := NewDSN(test.text).String(); got != test.shown {
			t.Errorf("%s shows as %q, want %q", test.text, got, test.shown)
		}
		if NewDSN(test.text).Reveal() != test.text {
			t.Errorf("%s is not revealed as it was", test.text)
		}
	}
}

func FuzzConnectionString(f *testing.F) {
	f.Add("postgres://app:pw@db/portal", "marker-7f3a")
	f.Add("host=a password=pw", "x y'z")
	f.Fuzz(func(t *testing.T, text, password string) {
		_ = NewDSN(text).String() // anything may come; nothing may panic
		if len(password) < 6 || strings.ContainsAny(password, " '\\\x00") || strings.Contains("host=a password= user=b [redacted]", password) {
			return
		}
		if shown := NewDSN("host=a password=" + password + " user=b").String(); strings.Contains(shown, password) {
			t.Errorf("password %q shows in %q", password, shown)
		}
	})
}
