package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestResolve(t *testing.T) {
	flags := Endpoints{NATSURL: "nats://flag"}
	environment := Endpoints{NATSURL: "nats://env", PostgresURL: "postgres://env", HTTPAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081"}
	defaults := Endpoints{HTTPAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081"}
	dev := Endpoints{NATSURL: "nats://dev", PostgresURL: "postgres://dev", HTTPAddr: "127.0.0.1:1", AdminAddr: "127.0.0.1:2", AdminToken: "t"}
	for _, tt := range []struct {
		name             string
		settings         Settings
		configured, want Endpoints
	}{
		{"nothing is told", Settings{}, defaults, defaults},
		{"the environment", Settings{Dev: dev}, environment, environment},
		{"a flag before the environment", Settings{Flags: flags, Dev: dev}, environment, Endpoints{
			NATSURL: "nats://flag", PostgresURL: "postgres://env", HTTPAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081",
		}},
		{"the development stack with its ports", Settings{Dev: dev}, defaults, dev},
		{"never half a development stack beside a flag", Settings{Flags: flags, Dev: dev}, defaults, Endpoints{
			NATSURL: "nats://flag", HTTPAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081",
		}},
		{"never half a development stack beside the environment", Settings{Dev: dev}, Endpoints{PostgresURL: "postgres://env"}, Endpoints{PostgresURL: "postgres://env"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.settings.Resolve(tt.configured); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestMissingURLsAreUsageErrors(t *testing.T) {
	backends := Backends{
		Bus: func(_ context.Context, s Settings) (Bus, error) {
			_, err := s.Resolve(Endpoints{}).NATS()
			return nil, err
		},
		Deliveries: func(_ context.Context, s Settings) (Deliveries, error) {
			_, err := s.Resolve(Endpoints{}).Postgres()
			return nil, err
		},
	}
	got := publisher(t, backends, `{"to":"010-1234-5678","text":"x"}`, "send", "sms.send")
	if got.code != ExitUsage || got.err != "publisher: nats.url is not set: give --nats-url or GANGWAY_NATS_URL, or start a development stack with worker dev\n" {
		t.Errorf("send: %+v", got)
	}
	got = publisher(t, backends, "", "list")
	if got.code != ExitUsage || !strings.HasPrefix(got.err, "publisher: postgres.url is not set: give --postgres-url or GANGWAY_POSTGRES_URL") {
		t.Errorf("list: %+v", got)
	}
}

func TestUnreachableBackendIsAFailure(t *testing.T) {
	backends := Backends{Deliveries: func(context.Context, Settings) (Deliveries, error) {
		return nil, fault.New(fault.Unavailable, "postgres: connect", "127.0.0.1:1 does not answer")
	}}
	got := publisher(t, backends, "", "list")
	if got.code != ExitFailed || got.err != "publisher: postgres: connect: 127.0.0.1:1 does not answer\n" {
		t.Errorf("list: %+v", got)
	}
}

func TestSettingsReachTheBackend(t *testing.T) {
	dir := t.TempDir()
	dev := Endpoints{NATSURL: "nats://127.0.0.1:4333", PostgresURL: "postgres://gangway@127.0.0.1:5433/gangway?sslmode=disable", HTTPAddr: "a", AdminAddr: "b", AdminToken: "c"}
	if err := WriteDevEnv(dir, dev); err != nil {
		t.Fatal(err)
	}
	var got Settings
	closes := 0
	backends := Backends{
		Deliveries: func(_ context.Context, s Settings) (Deliveries, error) {
			got = s
			return newLedger(), nil
		},
		Close: func() error { closes++; return nil },
	}
	var out, errOut bytes.Buffer
	args := []string{"list", "--data-dir", dir, "--nats-url", "nats://flag", "--config", "x.yaml"}
	if code := Run(t.Context(), args, strings.NewReader(""), &out, &errOut, backends); code != ExitDone {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}
	want := Settings{ConfigFile: "x.yaml", DataDir: dir, Flags: Endpoints{NATSURL: "nats://flag"}, Dev: dev}
	if got != want || closes != 1 {
		t.Errorf("settings are %+v, want %+v; closed %d times", got, want, closes)
	}
}

func TestDevEnvFile(t *testing.T) {
	dir := t.TempDir()
	if got, err := ReadDevEnv(dir); err != nil || got != (Endpoints{}) {
		t.Errorf("without a file: %+v, %v", got, err)
	}
	want := Endpoints{"nats://127.0.0.1:4222", "postgres://u:p=&?@127.0.0.1/db?a=b c", "127.0.0.1:8080", "127.0.0.1:8081", "t0ken=="}
	if err := WriteDevEnv(dir, want); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "dev.env"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "dev.env"))
	if err != nil || !strings.HasPrefix(string(text), "GANGWAY_NATS_URL=nats://127.0.0.1:4222\nGANGWAY_POSTGRES_URL=postgres://") ||
		!strings.HasSuffix(string(text), "\nGANGWAY_ADMIN_TOKEN=t0ken==\n") {
		t.Errorf("the file is %q, %v", text, err)
	}
	if got, err := ReadDevEnv(dir); err != nil || got != want {
		t.Errorf("read back %+v, %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the file: %v, %v", entries, err)
	}
	for range 2 {
		if err := RemoveDevEnv(dir); err != nil {
			t.Error(err)
		}
	}
	if got, err := ReadDevEnv(dir); err != nil || got != (Endpoints{}) {
		t.Errorf("after its end: %+v, %v", got, err)
	}
}

func TestDevEnvRefuses(t *testing.T) {
	if err := WriteDevEnv(t.TempDir(), Endpoints{AdminToken: "a\nGANGWAY_NATS_URL=b"}); err == nil || strings.Contains(err.Error(), "a\n") {
		t.Errorf("a line break is written, or shown: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, DevEnvName), []byte("GANGWAY_NATS_URL=x\n# comment\ns3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ReadDevEnv(dir)
	if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "line 3 is not NAME=value") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error is %v", err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, DevEnvName), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := publisherIn(t.Context(), t, Backends{Deliveries: newLedger().open}, strings.NewReader(""), "list", "--data-dir", dir); got.code != ExitUsage || !strings.Contains(got.err, "is not the file of a development stack: remove it") {
		t.Errorf("a folder in its place: %+v", got)
	}
}

func FuzzDevEnv(f *testing.F) {
	f.Add("GANGWAY_NATS_URL=nats://x\nGANGWAY_ADMIN_TOKEN=a=b\n")
	f.Add("# c\n\n OTHER = 1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := ParseDevEnv(text)
		if err != nil {
			return
		}
		written, err := FormatDevEnv(first)
		if err != nil {
			return // a NUL or a lone carriage return is read and not written
		}
		if second, err := ParseDevEnv(written); err != nil || second != first {
			t.Fatalf("%q: %+v became %+v, %v", text, first, second, err)
		}
	})
}
