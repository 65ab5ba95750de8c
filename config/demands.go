package config

import (
	"maps"
	"slices"
	"strings"
)

// demands lists what is missing for the purpose of this load.
func (l *loader) demands(c *Config) Problems {
	var p Problems
	require := l.options.Require
	if l.options.Run {
		require = append([]string{"nats.url", "postgres.url"}, require...)
	}
	for _, path := range require {
		at, _ := l.table.find(path)
		if value, set := c.value(at); !set || value == "" {
			p.add(path, "", "is empty; set %s or %s in the configuration file", at.env(), path)
		}
	}
	if !l.options.Run {
		return p
	}
	routed := slices.Concat(c.Routes.Email, c.Routes.SMS, c.Routes.Business, c.Routes.Address)
	if len(routed) == 0 {
		p.add("routes", "", "every route is empty: no command could be carried out; set GANGWAY_ROUTES_EMAIL or another")
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(routed))) {
		if provider := c.Providers[name]; provider.Driver != "" && !provider.Mock() {
			credentials(&p, provider)
		}
	}
	return p
}

// credentials reports what the vendor's own endpoint is known to demand. Another
// endpoint, such as a relay or a test server, may demand less.
func credentials(p *Problems, provider Provider) {
	preset, _ := presetOf(provider.Name)
	d := driverOf(provider.Driver)
	defaults := map[string]string{}
	for _, pair := range slices.Concat(d.values, preset.values) {
		defaults[pair[0]] = pair[1]
	}
	if defaults["url"] != provider.URL || (defaults["host"] != "" && defaults["host"] != provider.Host) {
		return
	}
	has := map[string]bool{
		"username": provider.Username != "", "password": !provider.Password.IsZero(),
		"api_key": !provider.APIKey.IsZero(), "api_secret": !provider.APISecret.IsZero(),
	}
	for _, need := range slices.Concat(d.needs, preset.needs) {
		if path := "providers." + provider.Name + "." + need; !has[need] {
			p.add(path, "", "is empty although the provider is live and in a route; set %s", envName(path))
		}
	}
	if slices.Contains(preset.needs, "username") && !has["password"] && provider.Auth != "xoauth2" {
		path := "providers." + provider.Name + ".password"
		p.add(path, "", "is empty although the provider is live and in a route; set %s, or auth to xoauth2", envName(path))
	}
	if provider.Name == "ses" && strings.HasSuffix(provider.Host, ".amazonaws.com") &&
		(!has["username"] || !has["password"]) && (!has["api_key"] || !has["api_secret"]) {
		p.add("providers.ses.password", "", "is empty although the provider is live and in a route; set username and password (SMTP), or api_key and api_secret (AWS)")
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
