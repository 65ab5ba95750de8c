package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Validate checks what holds between values: routes name providers, files come
// in pairs, times fit into each other. [Load] has called it already; call it
// again after changing a Config. The error is [Problems].
func (c *Config) Validate() error { return c.problems().orNil() }

func (c *Config) problems() Problems {
	var p Problems
	c.checkListeners(&p)
	c.checkMock(&p)
	c.checkTimes(&p)
	c.checkRoutes(&p)
	for _, name := range sortedKeys(c.Providers) {
		c.checkProvider(&p, name, c.Providers[name])
	}
	c.checkWebhooksOut(&p)
	c.checkLookups(&p)
	c.checkAlerts(&p)
	if c.Live.Postgres.Seal && c.SecretsKey.IsZero() {
		p.add("postgres.seal", "true", "needs a key; set GANGWAY_SECRETS_KEY_FILE to the file of one that worker secrets keygen made")
	}
	return p
}

func (c *Config) checkListeners(p *Problems) {
	c.checkGrants(p)
	if !loopback(c.Static.Admin.Addr) && c.Live.Admin.Token.IsZero() {
		p.add("admin.token", "", "is empty although admin.addr %q can be reached from other machines; set GANGWAY_ADMIN_TOKEN_FILE, or listen on 127.0.0.1", c.Static.Admin.Addr)
	}
	if c.Static.Admin.Addr == c.Static.HTTP.Addr && !strings.HasSuffix(c.Static.Admin.Addr, ":0") {
		p.add("admin.addr", c.Static.Admin.Addr, "is http.addr as well; the two listeners need an address each")
	}
	pair := func(path, cert, key string) {
		if (cert == "") != (key == "") {
			p.add(path, "", "has one of cert and key; set both or none")
		}
	}
	pair("http.tls", c.Static.HTTP.TLS.Cert, c.Static.HTTP.TLS.Key)
	pair("admin.tls", c.Static.Admin.TLS.Cert, c.Static.Admin.TLS.Key)
	pair("nats.tls", c.NATS.TLS.Cert, c.NATS.TLS.Key)
	for _, origin := range c.Postcode.Origins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			p.add("postcode.origins", origin, "is no origin; allowed: scheme and host such as https://portal.example.kr")
		}
	}
}

func (c *Config) checkMock(p *Problems) {
	if c.Env != Production || c.MockInProduction {
		return
	}
	if c.Mock {
		p.add("mock", "true", "nothing would be sent in production; set GANGWAY_ENV to dev or staging, or mock_in_production to true")
		return
	}
	for _, name := range sortedKeys(c.Providers) {
		if c.Providers[name].Mock() {
			p.add("providers."+name+".mode", ModeMock, "nothing would be sent in production; set GANGWAY_ENV to dev or staging, or mock_in_production to true")
		}
	}
}

func (c *Config) checkTimes(p *Problems) {
	if c.Worker.Lease < 2*c.Worker.Heartbeat {
		p.add("worker.lease", duration(c.Worker.Lease), "must be at least twice worker.heartbeat (%s), or a live worker counts as dead", duration(c.Worker.Heartbeat))
	}
	for _, kind := range sortedKeys(c.Retry) {
		if r := c.Retry[kind]; r.Base > r.Cap {
			p.add("retry."+kind+".base", duration(r.Base), "is above retry.%s.cap (%s)", kind, duration(r.Cap))
		}
	}
}

func (c *Config) checkRoutes(p *Problems) {
	for _, route := range []string{"email", "sms", "business", "address"} {
		key, names := "routes."+route, c.Routes.Of(route)
		for i, name := range names {
			provider, ok := c.Providers[name]
			switch serves := RouteOf(provider.Driver); {
			case slices.Contains(names[:i], name):
				p.add(key, name, "stands twice in the route")
			case !ok || provider.Driver == "":
				p.add(key, name, "no such provider%s", suggest(name, c.providerChoices(route)))
			case serves != "" && serves != route:
				p.add(key, name, "serves %s, not %s%s", serves, route, suggest("", c.providerChoices(route)))
			}
		}
	}
}

// providerChoices are the names that a route could have meant.
func (c *Config) providerChoices(route string) []string {
	var names []string
	for _, name := range slices.Concat(sortedKeys(c.Providers), Presets()) {
		driver := c.Providers[name].Driver
		if p, ok := presetOf(name); ok && driver == "" {
			driver = p.driver
		}
		if RouteOf(driver) == route && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (c *Config) checkProvider(p *Problems, name string, provider Provider) {
	key := "providers." + name
	routed := slices.ContainsFunc([]string{"email", "sms", "business", "address"}, func(route string) bool {
		return slices.Contains(c.Routes.Of(route), name)
	})
	if !instanceName.MatchString(name) {
		p.add(key, "", "a provider's name is up to 32 lower-case letters, digits and hyphens, and begins with a letter")
	}
	if provider.Driver == "" {
		if !routed { // the route has been reported
			near := nearestOf(name, Presets())
			if near != "" {
				near = ", did you mean " + near + "?"
			}
			p.add(key+".driver", "", "is empty and %s is no preset; name one of %s%s", name, strings.Join(Drivers(), ", "), near)
		}
		return
	}
	if room := c.Worker.Lease - c.Worker.Heartbeat; provider.Timeout > room {
		p.add(key+".timeout", duration(provider.Timeout), "does not fit into worker.lease less worker.heartbeat (%s): no call could start", duration(room))
	}
	if provider.Webhook.Certificates != "" && !provider.Mock() {
		p.add(key+".webhook.certificates", provider.Webhook.Certificates, "is for mock mode only; live webhooks are checked by Amazon's own certificates")
	}
	checkBounces(p, key+".bounces.", provider)
	checkOptions(p, key, provider)
	if provider.Mock() {
		return
	}
	switch {
	case provider.Driver == "smtp" && provider.Host == "":
		p.add(key+".host", "", "is empty; name the mail server")
	case provider.Driver != "smtp" && provider.URL == "":
		p.add(key+".url", "", "is empty; name the base of the vendor's API")
	}
	if provider.Driver == "smtp" && provider.TLS == "none" && !provider.Password.IsZero() && !loopback(net.JoinHostPort(provider.Host, "25")) {
		p.add(key+".tls", "none", "would send the password in clear to %s; use starttls or tls", provider.Host)
	}
	// The driver knows where Google and Microsoft give out tokens.
	if knows := name == "gmail" || name == "outlook"; provider.Auth == "xoauth2" && (provider.OAuth.ClientID == "" || provider.OAuth.TokenURL == "" && !knows) {
		p.add(key+".auth", "xoauth2", "needs %s.oauth.client_id, and %s.oauth.token_url unless it is gmail or outlook", key, key)
	}
}

// checkBounces checks the mailbox of a provider that has one.
func checkBounces(p *Problems, key string, provider Provider) {
	b := provider.Bounces
	switch {
	case b.Host == "":
	case provider.Driver != "smtp":
		p.add(key+"host", b.Host, "is for mail servers; driver %s sends no e-mail", provider.Driver)
	case provider.Name == "ses" || provider.Name == "sendgrid":
		p.add(key+"host", b.Host, "is for mail servers that post no webhooks; %s does, see docs/WEBHOOKS.md", provider.Name)
	case provider.Mock():
	case provider.BouncesUser() == "":
		p.add(key+"username", "", "is empty, and so is username; name the account of the mailbox")
	case b.Password.IsZero() && provider.Password.IsZero() && provider.Auth != "xoauth2":
		p.add(key+"password", "", "is empty, and so is password; give the mailbox a login")
	case b.TLS == "none" && !loopback(net.JoinHostPort(b.Host, "143")):
		p.add(key+"tls", "none", "would send the password in clear to %s; use tls or starttls", b.Host)
	}
}

func (c *Config) checkLookups(p *Problems) {
	for _, kind := range sortedKeys(c.Fallback) {
		if kind != "business.verify" && kind != "address.search" && c.Fallback[kind].Default != "" {
			p.add("fallback."+kind+".default", "", "%s is no look-up; allowed: business.verify, address.search", kind)
		}
	}
	for _, name := range sortedKeys(c.Live.Cache.Providers) {
		_, configured := c.Providers[name]
		if _, preset := presetOf(name); !configured && !preset {
			p.add("cache."+name, "", "no such provider%s", suggest(name, slices.Concat(c.providerChoices("business"), c.providerChoices("address"))))
		}
	}
}

// suggest ends a message with the nearest word, or with all of them.
func suggest(text string, words []string) string {
	if near := nearestOf(text, words); near != "" && text != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	if len(words) == 0 {
		return ""
	}
	return "; allowed: " + strings.Join(words, ", ")
}

// loopback reports whether an address can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// duration prints a duration as a person writes it: 5m, not 5m0s.
func duration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
