package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// defaults lays the lowest layer: the table's defaults, then what drivers,
// presets and kinds bring, for what the configuration turns out to mention.
func (l *loader) defaults() {
	for _, key := range Keys() {
		if !strings.Contains(key.Path, "<") && key.Default != "" {
			l.below(key.Path, key.Default, "")
		}
	}
	for _, kind := range Kinds() {
		l.below("pool."+kind, poolDefault(kind), "")
		l.below("retry."+kind+".base", "1s", "")
		l.below("retry."+kind+".factor", "2", "")
		l.below("retry."+kind+".cap", "30s", "")
		l.below("retry."+kind+".max", "3", "")
	}
	if l.isMock() {
		for route, names := range mockRoutes() {
			l.below("routes."+route, names, "of mock mode")
		}
		for path, text := range mockMessages() {
			l.below(path, text, "of mock mode")
		}
	}
	for _, name := range l.providerNames() {
		l.provider(name)
	}
	l.webhooksOut()
	l.caches()
}

func poolDefault(kind string) string {
	switch kind {
	case "email.send", "webhook.process":
		return "64"
	case "sms.send", "business.verify", "address.search":
		return "32"
	default:
		return "8"
	}
}

// mockRoutes are harmless: nothing leaves the machine.
func mockRoutes() map[string]string {
	return map[string]string{"email": "ses,sendgrid", "sms": "solapi,sns", "business": "nicednb,nts", "address": "juso,kakao"}
}

// below adds a default. What is said later wins, as in every layer.
func (l *loader) below(path, text, by string) {
	at, ok := l.table.find(path)
	if !ok {
		l.problems.add(path, text, "a default has no key in the table")
		return
	}
	l.base = append(l.base, setting{place: at, raw: raw{text: text}, origin: Origin{Source: FromDefault, Name: by}})
}

func (l *loader) provider(name string) {
	key := "providers." + name + "."
	for _, pair := range [][2]string{
		{"timeout", "10s"}, {"max_conns", "16"}, {"rate", "0"}, {"burst", "0"}, {"quota", "0"}, {"on_unknown", OnUnknownRetry},
		{"breaker.failures", "5"}, {"breaker.cooldown", "60s"}, {"webhook.tolerance", "5m"},
	} {
		l.below(key+pair[0], pair[1], "")
	}
	p, isPreset := presetOf(name)
	driverName := p.driver
	if given, ok := l.lookup(key + "driver"); ok {
		driverName = given.text
	}
	if isPreset {
		l.below(key+"driver", p.driver, "of preset "+name)
	}
	d := driverOf(driverName)
	live := !l.isMockProvider(name)
	for _, pair := range d.values {
		l.below(key+pair[0], pair[1], "of driver "+d.name)
	}
	for _, pair := range d.limits {
		if live {
			l.below(key+pair[0], pair[1], "of driver "+d.name)
		}
	}
	for _, pair := range p.values {
		l.below(key+pair[0], pair[1], "of preset "+name)
	}
	for _, pair := range p.limits {
		if live {
			l.below(key+pair[0], pair[1], "of preset "+name)
		}
	}
	if tls, _ := l.lookup(key + "tls"); tls.text == "tls" {
		l.below(key+"port", "465", "of tls")
	}
}

// caches gives every provider of a look-up its rule, and lets a call with a rule
// of its own follow the provider in what it leaves open.
func (l *loader) caches() {
	ttls := map[string]string{"business": "24h", "address": "168h"}
	fields := [][2]string{{"ttl", ""}, {"stale", "720h"}, {"negative", "1h"}}
	rules := map[string]bool{}
	for _, name := range l.providerNames() {
		rules["cache."+name] = ttls[l.routeOf(name)] != ""
	}
	calls := map[string]bool{}
	for path, i := range l.last {
		if names := l.given[i].place.names; strings.HasPrefix(path, "cache.") && len(names) > 0 {
			rules["cache."+names[0]] = true
			if len(names) > 1 {
				calls["cache."+names[0]+"."+names[1]] = true
			}
		}
	}
	for rule, wanted := range rules {
		for _, field := range fields {
			if text := cmp.Or(field[1], ttls[l.routeOf(strings.TrimPrefix(rule, "cache."))], "0s"); wanted {
				l.below(rule+"."+field[0], text, "")
			}
		}
	}
	for call := range calls {
		provider := call[:strings.LastIndexByte(call, '.')]
		for _, field := range fields {
			text := cmp.Or(field[1], ttls[l.routeOf(strings.TrimPrefix(provider, "cache."))], "0s")
			if given, ok := l.lookup(provider + "." + field[0]); ok {
				text = given.text
			}
			l.below(call+"."+field[0], text, "of "+provider)
		}
	}
}

// routeOf returns the route that a provider's driver serves, "" when unknown.
func (l *loader) routeOf(name string) string {
	p, _ := presetOf(name)
	driverName := p.driver
	if given, ok := l.lookup("providers." + name + ".driver"); ok {
		driverName = given.text
	}
	return RouteOf(driverName)
}

// providerNames lists the providers that any layer or route mentions so far.
func (l *loader) providerNames() []string {
	names := map[string]bool{}
	for path, i := range l.last {
		switch s := l.given[i]; {
		case strings.HasPrefix(path, "providers."):
			names[s.place.names[0]] = true
		case strings.HasPrefix(path, "routes."):
			for _, name := range s.raw.items() {
				names[name] = true
			}
		}
	}
	if l.isMock() {
		for route, list := range mockRoutes() {
			if _, given := l.lookup("routes." + route); !given {
				for name := range strings.SplitSeq(list, ",") {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (l *loader) isMock() bool {
	given, _ := l.lookup("mock")
	mock, _ := parseSwitch(given.text)
	return mock
}

func (l *loader) isMockProvider(name string) bool {
	if mode, ok := l.lookup("providers." + name + ".mode"); ok {
		return mode.text == ModeMock
	}
	return l.isMock()
}

// finish fills in what follows from other values.
func (c *Config) finish() {
	for name, p := range c.Providers {
		p.Name = name
		if p.Mode == "" {
			p.Mode = ModeLive
			if c.Mock {
				p.Mode = ModeMock
			}
		}
		switch {
		case p.Driver == "smtp" && name == "ses" && p.Host == "" && p.Region != "":
			p.Host = "email-smtp." + p.Region + ".amazonaws.com"
		case p.Driver == "sns" && p.URL == "" && p.Region != "":
			p.URL = "https://sns." + p.Region + ".amazonaws.com"
		}
		c.Providers[name] = p
	}
}
