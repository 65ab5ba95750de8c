package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestSecretsAreSealedAndOpened: a key is made, a secret sealed for it, put into a
// file, opened, and the file sealed for another key.
func TestSecretsAreSealedAndOpened(t *testing.T) {
	t.Parallel()
	program, dir := testkit.Build(t, "cmd/worker"), t.TempDir()
	run := func(code int, stdin string, env []string, args ...string) string {
		t.Helper()
		p := testkit.Start(t, testkit.Program{
			Path: program, Args: append([]string{"secrets"}, args...), Env: env, Dir: dir, Stdin: strings.NewReader(stdin),
		})
		if got := p.Wait(patience); got != code {
			t.Fatalf("worker secrets %s: exit code %d, want %d:\n%s", args, got, code, p.Output())
		}
		if code != 0 {
			return p.Output()
		}
		return strings.TrimSpace(p.Stdout())
	}
	key := func(name string) []string { return []string{"GANGWAY_SECRETS_KEY_FILE=" + filepath.Join(dir, name)} }

	public := run(0, "", nil, "keygen", "--out", "old.key")
	run(1, "", nil, "keygen", "--out", "old.key") // never over a key
	sealed := run(0, "hush hush\n", nil, "encrypt", "--to", public)
	if opened := run(0, "", key("old.key"), "decrypt", sealed); opened != "hush hush" {
		t.Errorf("opened %q", opened)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte("a: "+sealed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := run(0, "", nil, "keygen", "--out", "new.key")
	opens := func(name string, code int) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, "x.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		opened := run(code, strings.TrimPrefix(string(text), "a: "), key(name), "decrypt")
		if code == 0 && opened != "hush hush" {
			t.Errorf("%s opened %q", name, opened)
		}
	}
	run(0, "", key("old.key"), "rotate", "--to", fresh, "x.yaml")
	opens("old.key", 0)
	opens("new.key", 0)
	run(0, "", key("new.key"), "rotate", "x.yaml")
	opens("old.key", 1)
	opens("new.key", 0)

	if out := run(1, "", nil, "decrypt", sealed); !strings.Contains(out, "GANGWAY_SECRETS_KEY") {
		t.Errorf("without a key: %s", out)
	}
	run(2, "", nil, "rotate")
}
