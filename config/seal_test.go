package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSealing(t *testing.T) {
	first, firstPublic, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	second, secondPublic, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal(NewSecret("비밀 hush"), firstPublic)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "hush") || strings.ContainsAny(sealed, " \n\"#") {
		t.Errorf("sealed value is not safe to write on one line of YAML: %s", sealed)
	}
	both := NewSecret("# new\n" + second.Reveal() + "\n# old\n" + first.Reveal() + "\n")
	for name, keys := range map[string]Secret{"its key": first, "both during a rotation": both, "with commas": NewSecret(second.Reveal() + "," + first.Reveal())} {
		if opened, err := Unseal(sealed, keys); err != nil || opened.Reveal() != "비밀 hush" {
			t.Errorf("%s: %q, %v", name, opened.Reveal(), err)
		}
	}
	if recipients, err := Recipients(both); err != nil || len(recipients) != 2 || recipients[0] != secondPublic {
		t.Errorf("recipients %v, %v", recipients, err)
	}
	for name, test := range map[string]struct {
		sealed string
		keys   Secret
		says   string
	}{
		"another key": {sealed, second, "sealed for another key"},
		"no key":      {sealed, Secret{}, "GANGWAY_SECRETS_KEY"},
		"no identity": {sealed, NewSecret("hush"), "worker secrets keygen"},
		"no base64":   {"sealed:%%", first, "base64"},
		"cut":         {sealed[:len(sealed)-8], first, "damaged"},
		"changed":     {sealed[:len(sealed)-8] + "AAAAAAA=", first, "damaged"},
	} {
		if opened, err := Unseal(test.sealed, test.keys); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: opened %q, error %v, want %q", name, opened, err, test.says)
		}
	}
	if _, err := Seal(NewSecret("x"), "nobody"); err == nil || !strings.Contains(err.Error(), "age1") {
		t.Errorf("sealed for nobody: %v", err)
	}
	if _, err := Seal(NewSecret("x")); err == nil {
		t.Error("sealed for no recipient")
	}
}

// TestReferences loads secrets by every way there is.
func TestReferences(t *testing.T) {
	dir := t.TempDir()
	key, public, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	seal := func(text string) string {
		sealed, err := Seal(NewSecret(text), public)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	keyFile := write(t, dir, "key.txt", "# made by age-keygen\n"+key.Reveal()+"\n")
	absolute := write(t, dir, "token", "by-file\r\n")
	write(t, dir, "config/secrets/solapi", "relative-file\n")
	write(t, dir, "config/sealed", seal("sealed-in-file")+"\n")
	list := write(t, dir, "list", "newest\nolder,oldest\n")
	file := write(t, dir, "config/production.yaml", `
providers:
  ses: {password: env:SES_PASSWORD, api_key: `+seal("by-seal")+`, api_secret: env:SEALED}
  solapi: {api_key: file:secrets/solapi, api_secret: file:sealed, webhook: {secrets: [env:HOOK, file:`+list+`]}}
  sendgrid: {password: env:NOT_SET}
postgres: {url: env:PG}
`)
	cfg, origins := mustLoad(t, Options{Dir: dir, Environ: []string{
		"GANGWAY_SECRETS_KEY_FILE=" + keyFile, "GANGWAY_ADMIN_TOKEN_FILE=" + absolute, "SES_PASSWORD=by-variable", "SEALED=" + seal("sealed-in-variable"),
		"HOOK=hook", "PG=postgres://app:pw@db/x", "GANGWAY_PROVIDERS_SENDGRID_PASSWORD=covers-the-missing-one",
		"GANGWAY_PROVIDERS_SES_WEBHOOK_SECRETS_FILE=" + list,
	}})
	for name, pair := range map[string][2]string{
		"variable of a file": {cfg.Live.Admin.Token.Reveal(), "by-file"},
		"env:":               {cfg.Providers["ses"].Password.Reveal(), "by-variable"},
		"sealed:":            {cfg.Providers["ses"].APIKey.Reveal(), "by-seal"},
		"env: of sealed:":    {cfg.Providers["ses"].APISecret.Reveal(), "sealed-in-variable"},
		"file: beside":       {cfg.Providers["solapi"].APIKey.Reveal(), "relative-file"},
		"file: of sealed:":   {cfg.Providers["solapi"].APISecret.Reveal(), "sealed-in-file"},
		"covered":            {cfg.Providers["sendgrid"].Password.Reveal(), "covers-the-missing-one"},
		"connection string":  {cfg.Static.Postgres.URL.Reveal(), "postgres://app:pw@db/x"},
		"list":               {reveal(cfg.Providers["solapi"].Webhook.Secrets), "hook newest older oldest"},
		"list by variable":   {reveal(cfg.Providers["ses"].Webhook.Secrets), "newest older oldest"},
		"secrets key":        {cfg.SecretsKey.Reveal(), "# made by age-keygen\n" + key.Reveal()},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
	want := []string{file, filepath.Join(dir, "config/sealed"), filepath.Join(dir, "config/secrets/solapi"), keyFile, list, absolute}
	for _, path := range want {
		found := false
		for _, listed := range origins.Files {
			found = found || listed == path
		}
		if !found {
			t.Errorf("%s is not among the files to watch: %v", path, origins.Files)
		}
	}
	if len(origins.Files) != len(want) {
		t.Errorf("files to watch: %v", origins.Files)
	}
}

func reveal(secrets []Secret) string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return strings.Join(texts, " ")
}

func TestReferencesThatFail(t *testing.T) {
	dir := t.TempDir()
	empty := write(t, dir, "empty", "\n")
	large := write(t, dir, "large", strings.Repeat("x", maxSecret+1))
	for _, test := range []struct {
		name    string
		environ []string
		says    string
	}{
		{"variable not set", []string{"GANGWAY_ADMIN_TOKEN=env:NOWHERE"}, "variable NOWHERE is not set"},
		{"no file", []string{"GANGWAY_ADMIN_TOKEN_FILE=/nowhere"}, "file /nowhere: no such file"},
		{"empty file", []string{"GANGWAY_ADMIN_TOKEN_FILE=" + empty}, "is empty"},
		{"large file", []string{"GANGWAY_ADMIN_TOKEN_FILE=" + large}, "larger than"},
		{"folder", []string{"GANGWAY_ADMIN_TOKEN_FILE=" + dir}, "is a directory"},
		{"both", []string{"GANGWAY_ADMIN_TOKEN_FILE=" + empty, "GANGWAY_ADMIN_TOKEN=hush"}, "set together with GANGWAY_ADMIN_TOKEN"},
		{"sealed without a key", []string{"GANGWAY_ADMIN_TOKEN=sealed:aHVzaA=="}, "GANGWAY_SECRETS_KEY"},
		{"key that is none", []string{"GANGWAY_SECRETS_KEY=hush"}, "worker secrets keygen"},
		{"key file that is not there", []string{"GANGWAY_SECRETS_KEY_FILE=/nowhere"}, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, problems := load(t, Options{Env: Dev, Environ: test.environ})
			if len(problems) != 1 || !strings.Contains(problems.Error(), test.says) || strings.Contains(problems.Error(), "hush") {
				t.Errorf("problems: %v\nwant %q", problems, test.says)
			}
		})
	}
}

// TestClearSecretsInFiles allows a secret in clear in a file of dev only.
func TestClearSecretsInFiles(t *testing.T) {
	for env, refused := range map[string]int{Dev: 0, Staging: 3, Production: 3} {
		path := write(t, t.TempDir(), "x.yaml", `
admin: {token: hush}
postgres: {url: "postgres://app:hush@db/x"}
nats: {url: "nats://a:4222"}
providers: {solapi: {webhook: {secrets: [env:HOOK, hush]}}}
`)
		_, _, problems := load(t, Options{Env: env, File: path, Environ: []string{"HOOK=x"}})
		if len(problems) != refused {
			t.Errorf("%s: %v", env, problems)
		}
		if refused > 0 && strings.Contains(problems.Error(), "hush") {
			t.Errorf("%s: the refusal shows the secret: %v", env, problems)
		}
	}
}

func TestShippedFilesAreValid(t *testing.T) {
	for _, env := range Environments() {
		if _, err := os.Stat(env + ".yaml"); err != nil {
			t.Error(err)
		}
		mustLoad(t, Options{Env: env})
	}
}
