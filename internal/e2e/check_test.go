package e2e

import (
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestCheckTriesEverything: `worker check` names what works and what does not,
// and its exit code says whether all of it does.
func TestCheckTriesEverything(t *testing.T) {
	t.Parallel()
	program := testkit.Build(t, "cmd/worker")
	environment := func(nats string) []string {
		return []string{
			"GANGWAY_ENV=dev", "GANGWAY_MOCK=true", "GANGWAY_NATS_URL=" + nats,
			"GANGWAY_POSTGRES_URL=" + migrated(t),
		}
	}
	for _, c := range []struct {
		name, nats string
		code       int
	}{
		{"all is well", testkit.NATS(t).URL(), 0},
		{"NATS is away", "nats://127.0.0.1:1", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testkit.Start(t, testkit.Program{Path: program, Args: []string{"check"}, Env: environment(c.nats)})
			if code := p.Wait(patience); code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, p.Output())
			}
			for _, what := range []string{"NATS", "Postgres", "provider ses", "provider kakao"} {
				if !strings.Contains(p.Stdout(), what) {
					t.Errorf("%s is not in the table:\n%s", what, p.Output())
				}
			}
			if strings.Contains(p.Stdout(), "FAILED") != (c.code != 0) {
				t.Errorf("the table and the exit code %d disagree:\n%s", c.code, p.Stdout())
			}
		})
	}
}
