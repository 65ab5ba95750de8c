package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTableAndStructAgree holds every field of Config against the table: same
// paths, and types that the parser fills.
func TestTableAndStructAgree(t *testing.T) {
	want := map[string]reflect.Type{}
	fields(reflect.TypeFor[Config](), nil, want)

	got := map[string]reflect.Type{}
	for _, key := range Keys() {
		path := wildcards(key.fieldPath())
		if _, twice := got[path]; twice {
			t.Errorf("%s stands twice in the table", key.Path)
		}
		got[path] = goType(key, want[path])
	}
	names := func(m map[string]reflect.Type) map[string]string {
		out := map[string]string{}
		for path, typ := range m {
			out[path] = typ.String()
		}
		return out
	}
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
		t.Errorf("struct (-) and table (+) disagree:\n%s", diff)
	}
}

// fields collects the paths of a struct with * for the keys of maps.
func fields(typ reflect.Type, parts []string, into map[string]reflect.Type) {
	switch {
	case typ.Kind() == reflect.Map:
		fields(typ.Elem(), append(parts[:len(parts):len(parts)], "*"), into)
	case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[Secret]() && typ != reflect.TypeFor[DSN]():
		for i := range typ.NumField() {
			field := typ.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
			switch {
			case options == "squash":
				fields(field.Type, parts, into)
			case name == "":
				into[strings.Join(parts, ".")+"."+field.Name+" has no tag"] = field.Type
			case name != "-":
				fields(field.Type, append(parts[:len(parts):len(parts)], name), into)
			}
		}
	default:
		into[strings.Join(parts, ".")] = typ
	}
}

func wildcards(path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if isWildcard(part) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, ".")
}

// goType is the type that a key's parsed value is decoded into.
func goType(key Key, field reflect.Type) reflect.Type {
	switch key.Type {
	case Switch:
		return reflect.TypeFor[bool]()
	case Count, Bytes: // parsed as int64, decoded into either
		if field == reflect.TypeFor[int]() {
			return field
		}
		return reflect.TypeFor[int64]()
	case Number, Rate:
		return reflect.TypeFor[float64]()
	case Duration:
		return reflect.TypeFor[time.Duration]()
	case List, NetList:
		return reflect.TypeFor[[]string]()
	case SecretText:
		return reflect.TypeFor[Secret]()
	case SecretList:
		return reflect.TypeFor[[]Secret]()
	case ConnString:
		return reflect.TypeFor[DSN]()
	default:
		return reflect.TypeFor[string]()
	}
}

func TestTableIsWhole(t *testing.T) {
	variables := map[string]string{}
	for _, key := range Keys() {
		if !strings.HasSuffix(key.Doc, ".") || key.Type.Phrase() == "" {
			t.Errorf("%s: doc %q is no sentence, or the type %q is unknown", key.Path, key.Doc, key.Type)
		}
		if other, taken := variables[key.Env()]; taken {
			t.Errorf("%s and %s share %s", key.Path, other, key.Env())
		}
		variables[key.Env()] = key.Path
		if strings.HasSuffix(key.Env(), "_FILE") {
			t.Errorf("%s: a variable that ends in _FILE stands for a secret's file", key.Path)
		}
		if strings.Contains(key.Path, "<") {
			continue // described in words; presets are parsed by every load
		}
		if key.Default != "" {
			if _, problem := key.parse(raw{text: key.Default}); problem != "" {
				t.Errorf("%s: default %q: %s", key.Path, key.Default, problem)
			}
		}
		for _, bound := range []string{key.Min, key.Max} {
			if _, ok := parseText(key.Type, bound); bound != "" && !ok {
				t.Errorf("%s: bound %q does not parse", key.Path, bound)
			}
		}
	}
}

// TestContractKeys names the keys of the public contract with their defaults.
func TestContractKeys(t *testing.T) {
	want := map[string]string{
		"nats.url": "", "nats.creds": "", "postgres.url": "", "http.addr": "127.0.0.1:8080", "admin.addr": "127.0.0.1:8081",
		"admin.token": "", "mock": "false", "nats.replicas": "1", "log.level": "info", "log.format": "", "health.interval": "5m",
		"http.trusted_proxies": "", "postcode.origins": "",
	}
	table := newTable()
	for path, value := range want {
		at, ok := table.find(path)
		if !ok || at.key.Default != value {
			t.Errorf("%s: found %v with default %q, want %q", path, ok, at.key.Default, value)
		}
	}
	for _, path := range []string{
		"providers.ses.driver", "providers.ses.mode", "providers.ses.url", "providers.ses.timeout", "providers.ses.rate",
		"providers.ses.burst", "providers.ses.quota", "providers.ses.log_level", "providers.ses.on_unknown",
		"providers.ses.username", "providers.ses.password", "providers.ses.api_key", "providers.ses.api_secret",
		"providers.ses.webhook.secrets", "providers.ses.webhook.public_key", "providers.ses.webhook.topic_arns",
		"providers.ses.webhook.tolerance", "providers.ses.webhook.allow_from", "providers.ses.webhook.certificates",
		"providers.ses.breaker.failures", "providers.ses.breaker.cooldown", "routes.email", "routes.sms", "routes.business",
		"routes.address", "retry.email.send.base", "retry.email.cap", "retry.sms.send.max", "cache.nicednb.search.ttl",
		"webhooks_out.portal.url", "webhooks_out.portal.secrets", "webhooks_out.portal.kinds", "cache.juso.search.stale", "postcode.script_url", "fallback.address.search.default",
	} {
		if _, ok := table.find(path); !ok {
			t.Errorf("%s is in the contract and not in the table", path)
		}
	}
}

// TestEveryKeyIsOfOnePart: what reloads and what needs a restart are two types, and
// no key has its field in both, or in a struct that would let a third part arise.
func TestEveryKeyIsOfOnePart(t *testing.T) {
	static, live := map[string]reflect.Type{}, map[string]reflect.Type{}
	fields(reflect.TypeFor[Static](), nil, static)
	fields(reflect.TypeFor[Live](), nil, live)
	for _, key := range Keys() {
		path := wildcards(key.fieldPath())
		_, starts := static[path]
		_, reloads := live[path]
		if starts == reloads || reloads != key.Reload() {
			t.Errorf("%s: in Static %v, in Live %v, reloads %v", key.Path, starts, reloads, key.Reload())
		}
	}
	if whole := reflect.TypeFor[Config](); whole.NumField() != 2 || len(static)+len(live) != len(Keys()) || min(len(static), len(live)) == 0 {
		t.Errorf("%d fields; %d paths are static and %d live, of %d keys", whole.NumField(), len(static), len(live), len(Keys()))
	}
}

// TestLiveKeys holds the promise of what reloads.
func TestLiveKeys(t *testing.T) {
	table := newTable()
	for path, live := range map[string]bool{
		"providers.ses.rate": true, "providers.ses.burst": true, "providers.ses.breaker.failures": true,
		"cache.nicednb.ttl": true, "routes.email": true, "templates.dir": true, "mock": true, "log.level": true,
		"providers.ses.log_level": true, "providers.ses.password": true, "admin.token": true, "postgres.seal": true,
		"nats.url": false, "postgres.url": false, "http.addr": false, "admin.addr": false, "nats.replicas": false, "pool.email.send": false,
	} {
		if at, _ := table.find(path); at.key.Reload() != live {
			t.Errorf("%s: reloads %v, want %v", path, at.key.Reload(), live)
		}
	}
}

// TestDocuments compares the documents that the table generates with the files.
// Write them anew with GANGWAY_TEST_WRITE=1.
func TestDocuments(t *testing.T) {
	for path, want := range map[string]string{"example.yaml": Example(), "../docs/CONFIGURATION.md": Markdown()} {
		if os.Getenv("GANGWAY_TEST_WRITE") != "" {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("%s (+) is not what the table says (-); run GANGWAY_TEST_WRITE=1 go test -run Documents ./config\n%s", path, diff)
		}
	}
}

// TestExampleLoads loads config/example.yaml as it stands, and with every key
// given its value: what it calls the defaults must be those.
func TestExampleLoads(t *testing.T) {
	want, _ := mustLoad(t, Options{Env: Dev})
	text, err := os.ReadFile("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
	}
	whole := strings.NewReplacer("<kind>", "sms.send", "<name>", "solapi", "<provider>", "juso", "<call>", "search", "<option>", "path",
		"Every key of", "# Every key of", "copy what you", "# copy what you").Replace(strings.Join(lines, ""))
	// Where events are pushed to has no default.
	whole = regexp.MustCompile(`(?s)\nwebhooks_out:\n.*?\n\n`).ReplaceAllString(whole, "\n")
	// What shipped settings of dev say otherwise.
	whole = strings.NewReplacer("\nmock: false", "\nmock: true", "  level: info", "  level: debug").Replace(whole)
	for name, text := range map[string]string{"as it stands": string(text), "with every key": whole} {
		got, origins := mustLoad(t, Options{Env: Dev, File: write(t, t.TempDir(), "example.yaml", text)})
		if diff := want.Diff(got); len(diff) > 0 {
			t.Errorf("%s: differs from the defaults in %v", name, diff)
		}
		if from := origins.Of("worker.lease").Source; (from == FromFile) != (name == "with every key") {
			t.Errorf("%s: worker.lease comes from %s", name, from)
		}
	}
}

func TestReferenceHasEveryKeyInItsSection(t *testing.T) {
	text := Markdown()
	_, tables, _ := strings.Cut(text, "\n## nats")
	tables, options, _ := strings.Cut(tables, "\n## Options of the drivers\n")
	for _, driver := range Drivers() {
		for _, option := range optionsOf(driver) {
			if !strings.Contains(options, "\n| `"+driver+"` | `"+option.name+"` | ") {
				t.Errorf("option %s of %s is missing", option.name, driver)
			}
		}
	}
	for _, key := range Keys() {
		if !strings.Contains(text, "| `"+key.Path+"` |") {
			t.Errorf("%s is missing", key.Path)
		}
	}
	if sections := 1 + strings.Count(tables, "\n## "); sections != len(slices.Compact(sectionsOf())) {
		t.Errorf("%d sections, want %d", sections, len(slices.Compact(sectionsOf())))
	}
}

func sectionsOf() []string {
	var sections []string
	for _, key := range Keys() {
		topic, _, found := strings.Cut(key.Path, ".")
		if !found {
			topic = "general"
		}
		sections = append(sections, topic)
	}
	return sections
}
