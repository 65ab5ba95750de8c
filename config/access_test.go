package config

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

func TestGrants(t *testing.T) {
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte("portal secret")))
	load := func(tokens string) (*Config, error) {
		cfg, _, err := Load(Options{Env: Dev, Dir: t.TempDir(), Environ: []string{"GANGWAY_MOCK=true", "GANGWAY_ADMIN_TOKENS=" + tokens}})
		return cfg, err
	}
	cfg, err := load("portal:read:sha256:" + hash + ",ci:write:sha256:" + hash)
	if err != nil {
		t.Fatal(err)
	}
	grants := cfg.Live.Admin.Grants()
	want := []Grant{{"portal", false, sha256.Sum256([]byte("portal secret"))}, {"ci", true, sha256.Sum256([]byte("portal secret"))}}
	if len(grants) != 2 || grants[0] != want[0] || grants[1] != want[1] {
		t.Errorf("%+v", grants)
	}
	for tokens, reason := range map[string]string{
		"plain text secret":                          "is not in the form",
		"portal:admin:sha256:" + hash:                "is not in the form",
		"portal:read:sha256:" + hash[:60]:            "64 hexadecimal digits",
		"admin:read:sha256:" + hash:                  "another token",
		strings.Repeat("a:read:sha256:"+hash+",", 2): "another token",
	} {
		_, err := load(strings.TrimSuffix(tokens, ","))
		if err == nil || !strings.Contains(err.Error(), "admin.tokens") || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", tokens, err)
		} else if strings.Contains(err.Error(), "plain text secret") {
			t.Errorf("the error shows what may be a secret: %v", err)
		}
	}
}
