package config

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// WebhookOut is one endpoint of the portal's systems that events are pushed to.
type WebhookOut struct {
	URL string `mapstructure:"url"`
	// Secrets are "whsec_" and the base64 of 24 to 64 bytes, newest first; every
	// one signs, so that the receiver may check with either while one is replaced.
	Secrets []Secret `mapstructure:"secrets"`
	// Kinds are those of the commands whose events are pushed.
	Kinds []string `mapstructure:"kinds"`
	// AllowTo are networks that the endpoint may be in although they are private.
	AllowTo []string      `mapstructure:"allow_to"`
	Timeout time.Duration `mapstructure:"timeout"`
}

func webhookOutKeys() []Key {
	keys := []Key{
		{Path: "url", Type: URL, Doc: "Where the events of commands are pushed to, in the form of Standard Webhooks. It must be https unless allow_to admits a private network."},
		{Path: "secrets", Type: SecretList, Doc: "Secrets that sign what is pushed, newest first: whsec_ and the base64 of 24 to 64 bytes. All of them sign, so that one is replaced without a gap."},
		{Path: "kinds", Type: List, Default: "email.send, sms.send, business.verify, address.search", Doc: "Kinds of commands whose events are pushed."},
		{Path: "allow_to", Type: NetList, Doc: "Private addresses or networks that the endpoint may be in. What is neither public nor listed here is never connected to, whatever the name resolves to."},
		{Path: "timeout", Type: Duration, Default: "15s", Min: "10ms", Max: "30s", Doc: "How long the endpoint may take to answer."},
	}
	for i := range keys {
		keys[i].Path = "webhooks_out.<name>." + keys[i].Path
	}
	return keys
}

// webhooksOut gives every endpoint that any layer mentions its defaults.
func (l *loader) webhooksOut() {
	for path, i := range l.last {
		if strings.HasPrefix(path, "webhooks_out.") {
			key := "webhooks_out." + l.given[i].place.names[0]
			l.below(key+".timeout", "15s", "")
			l.below(key+".kinds", strings.Join(Kinds()[:4], ","), "")
		}
	}
}

var instanceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

func (c *Config) checkWebhooksOut(p *Problems) {
	for _, name := range sortedKeys(c.WebhooksOut) {
		key, out := "webhooks_out."+name, c.WebhooksOut[name]
		if !instanceName.MatchString(name) {
			p.add(key, "", "a name is up to 32 lower-case letters, digits and hyphens, and begins with a letter")
		}
		switch {
		case out.URL == "":
			p.add(key+".url", "", "is empty; name where the events are pushed to")
		case !strings.HasPrefix(out.URL, "https://") && len(out.AllowTo) == 0:
			p.add(key+".url", out.URL, "is not https; plain http is for private networks that %s.allow_to admits", key)
		}
		if len(out.Secrets) == 0 {
			p.add(key+".secrets", "", "is empty; make one with: echo whsec_$(openssl rand -base64 32)")
		}
		for i, secret := range out.Secrets {
			if !signs(secret.Reveal()) {
				p.add(fmt.Sprintf("%s.secrets[%d]", key, i), "", "is not whsec_ and the base64 of 24 to 64 bytes; make one with: echo whsec_$(openssl rand -base64 32)")
			}
		}
		if len(out.Kinds) == 0 {
			p.add(key+".kinds", "", "is empty; leave it out for every kind that producers publish, or name some")
		}
		for _, kind := range out.Kinds {
			if !slices.Contains(Kinds(), kind) {
				p.add(key+".kinds", kind, "is no kind of command%s", suggest(kind, Kinds()))
			}
		}
	}
}

// signs reports whether a text can be a secret of Standard Webhooks.
func signs(secret string) bool {
	text, prefixed := strings.CutPrefix(secret, "whsec_")
	bytes, err := base64.StdEncoding.DecodeString(text)
	return prefixed && err == nil && len(bytes) >= 24 && len(bytes) <= 64
}
