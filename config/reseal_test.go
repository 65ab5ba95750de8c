package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keyPair returns a new identity and its public key.
func keyPair(t *testing.T) (Secret, string) {
	t.Helper()
	key, recipient, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key, recipient
}

func sealFor(t *testing.T, text string, recipients ...string) string {
	t.Helper()
	sealed, err := Seal(NewSecret(text), recipients...)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestRotation goes through the change of a key as docs/CONFIGURATION.md
// describes it: at no step is there a worker that cannot open its file.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	old, oldPublic := keyPair(t)
	fresh, freshPublic := keyPair(t)
	text := "# production: sealed:…\nproviders:\n  ses:\n    password: \"" + sealFor(t, "hush", oldPublic) + "\" # by the mail team\n" +
		"  solapi: {api_key: " + sealFor(t, "k", oldPublic) + ", api_secret: " + sealFor(t, "s", oldPublic) + "}\n"
	path := write(t, dir, "data/production.yaml", text)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(dir, "production.yaml")
	if err := os.Symlink("data/production.yaml", linked); err != nil {
		t.Fatal(err)
	}
	opens := func(key Secret) bool {
		cfg, _, problems := load(t, Options{File: linked, Environ: []string{"GANGWAY_SECRETS_KEY=" + key.Reveal()}})
		return problems == nil && cfg.Providers["ses"].Password.Reveal() == "hush" && cfg.Providers["solapi"].APISecret.Reveal() == "s"
	}
	step := func(name string, keys Secret, recipients []string, oldOpens, freshOpens bool) {
		t.Helper()
		if n, err := ResealFile(linked, keys, recipients...); n != 3 || err != nil {
			t.Fatalf("%s: %d values, %v", name, n, err)
		}
		if opens(old) != oldOpens || opens(fresh) != freshOpens {
			t.Errorf("%s: old key opens %v, new key %v", name, opens(old), opens(fresh))
		}
	}
	if !opens(old) || opens(fresh) {
		t.Fatal("the file to begin with")
	}
	step("for both", old, []string{freshPublic, oldPublic}, true, true)
	step("for the new one", fresh, []string{freshPublic}, false, true)

	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if plain := sealedValue.ReplaceAllString(string(after), "*"); plain != sealedValue.ReplaceAllString(text, "*") {
		t.Errorf("more than the values has changed:\n%s", plain)
	}
	info, _ := os.Stat(path)
	link, err := os.Lstat(linked)
	if err != nil || link.Mode()&os.ModeSymlink == 0 || info.Mode().Perm() != 0o640 {
		t.Errorf("link %v, file %v, %v", link.Mode(), info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRotationIsWholeOrNotAtAll: one value under an unknown key leaves all as it was.
func TestRotationIsWholeOrNotAtAll(t *testing.T) {
	mine, public := keyPair(t)
	_, foreign := keyPair(t)
	text := "a: " + sealFor(t, "hush", public) + "\nb: " + sealFor(t, "other", foreign) + "\nc: " + sealFor(t, "third", foreign) + "\n"
	path := write(t, t.TempDir(), "x.yaml", text)
	n, err := ResealFile(path, mine, public)
	if n != 0 || err == nil || !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "line 3") || strings.Contains(err.Error(), "hush") {
		t.Errorf("%d values, %v", n, err)
	}
	if after, _ := os.ReadFile(path); string(after) != text {
		t.Error("the file has changed")
	}
	if n, err := ResealFile(write(t, t.TempDir(), "none.yaml", "mock: true\n"), mine, public); n != 0 || err != nil {
		t.Errorf("nothing sealed: %d, %v", n, err)
	}
	if _, err := ResealFile(filepath.Join(t.TempDir(), "nowhere"), mine, public); err == nil {
		t.Error("a file that is not there")
	}
}

func TestSecretsKey(t *testing.T) {
	first, _ := keyPair(t)
	second, _ := keyPair(t)
	file := write(t, t.TempDir(), "key", "# old\n"+second.Reveal()+"\n")
	key, err := SecretsKey([]string{"GANGWAY_SECRETS_KEY=" + first.Reveal(), "GANGWAY_SECRETS_KEY_FILE=" + file})
	if recipients, _ := Recipients(key); err != nil || len(recipients) != 2 {
		t.Errorf("%d recipients, %v", len(recipients), err)
	}
	each, err := Identities(NewSecret(first.Reveal() + "," + second.Reveal()))
	if err != nil || len(each) != 2 || !each[0].Equal(first) || !each[1].Equal(second) {
		t.Errorf("identities %v, %v", each, err)
	}
	if _, err := SecretsKey([]string{"GANGWAY_SECRETS_KEY=hush"}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("no identity: %v", err)
	}
}

func TestReadSecret(t *testing.T) {
	for in, want := range map[string]string{"a b\n": "a b", "a\r\n": "a", "a\n\n": "a\n", "": "", "\n": "", strings.Repeat("x", maxSecret+1): ""} {
		got, err := ReadSecret(strings.NewReader(in))
		if got.Reveal() != want || (err == nil) != (want != "") {
			t.Errorf("%.10q: %q, %v", in, got.Reveal(), err)
		}
	}
}
