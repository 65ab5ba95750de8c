package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Grant is one further token of the admin listener, known by its hash only.
type Grant struct {
	Name  string
	Write bool
	Hash  [sha256.Size]byte
}

// grantForm is how a grant is written.
const grantForm = "NAME:read:sha256:HEX or NAME:write:sha256:HEX, with the SHA-256 of the token in 64 hexadecimal digits"

// Grants returns the further tokens of the admin listener; [Config.Validate] has
// refused those that cannot be read.
func (a Access) Grants() []Grant {
	var grants []Grant
	for _, text := range a.Tokens {
		if grant, err := parseGrant(text.Reveal()); err == nil {
			grants = append(grants, grant)
		}
	}
	return grants
}

func parseGrant(text string) (Grant, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 4 || parts[0] == "" || len(parts[0]) > 64 || (parts[1] != "read" && parts[1] != "write") || parts[2] != "sha256" {
		return Grant{}, fmt.Errorf("is not in the form %s", grantForm)
	}
	grant := Grant{Name: parts[0], Write: parts[1] == "write"}
	hash, err := hex.DecodeString(parts[3])
	if err != nil || len(hash) != len(grant.Hash) {
		return Grant{}, fmt.Errorf("has no SHA-256 in 64 hexadecimal digits; make one with: printf %%s TOKEN | sha256sum")
	}
	copy(grant.Hash[:], hash)
	return grant, nil
}

// checkGrants names a token by its place: its text may be a secret put there by
// mistake.
func (c *Config) checkGrants(p *Problems) {
	names := map[string]bool{"admin": true}
	for i, text := range c.Live.Admin.Tokens {
		path := fmt.Sprintf("admin.tokens[%d]", i)
		grant, err := parseGrant(text.Reveal())
		switch {
		case err != nil:
			p.add(path, "", "%v", err)
		case names[grant.Name]:
			p.add(path, grant.Name, "is the name of another token (admin.token is named admin); the audit log needs names apart")
		}
		names[grant.Name] = true
	}
}
