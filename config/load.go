package config

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Options say where a configuration comes from. The zero value is what a
// production worker loads, without its demands (Run).
type Options struct {
	// Env names the environment: dev, staging or production. "" takes GANGWAY_ENV,
	// then DefaultEnv, then production.
	Env        string
	DefaultEnv string
	// File is a file to read instead of config/<env>.yaml. "" takes GANGWAY_CONFIG.
	File string
	// Dir is where config/<env>.yaml is looked for; "" is the working directory,
	// then the folder of the program.
	Dir string
	// Flags are values of the command line by path: {"nats.url": "…"}.
	Flags map[string]string
	// Overrides stand above file and environment.
	Overrides Overrides
	// Defaults are a command's own defaults by path, such as mock for worker dev.
	Defaults map[string]string
	// Environ is the environment as NAME=value; nil takes the process's.
	Environ []string
	// Allow lists further GANGWAY_ variables that belong to somebody else.
	Allow []string
	// Require lists paths that must have a value.
	Require []string
	// Run demands what a worker needs to run for real: nats.url, postgres.url, a
	// route, and the credentials of live providers.
	Run bool
}

// Load reads, layers and validates the configuration. The error is [Problems]:
// every mistake at once; the Config is then as far as it could be read and must
// not be run. Origins are valid in either case.
func Load(options Options) (*Config, *Origins, error) {
	l := &loader{options: options, table: newTable(), last: map[string]int{}}
	l.environ = environ(options.Environ)
	l.secrets = references{environ: l.environ}
	l.env = l.environment()
	l.secrets.keys = l.secretsKey()

	// Lowest layer first: a later one covers what it names.
	l.builtin()
	l.texts(options.Defaults, Origin{Source: FromDefault, Name: "of this command"})
	l.file()
	l.variables()
	l.overrides()
	l.flags()
	l.defaults()

	cfg := l.decode()
	cfg.finish()
	l.validate(cfg)
	return cfg, l.origins(), l.problems.orNil()
}

// loader holds what is known while a configuration is put together.
type loader struct {
	options  Options
	table    table
	environ  map[string]string
	env      string
	path     string // of the file that was read
	secrets  references
	given    []setting      // by all layers, lowest first
	last     map[string]int // path → the setting in given that counts
	base     []setting      // defaults and presets, below all that is given
	problems Problems
}

// setting is one value of one layer.
type setting struct {
	place  place
	raw    raw
	origin Origin
	dir    string // where relative file: references start
}

func (l *loader) environment() string {
	env := cmp.Or(l.options.Env, l.environ[envPrefix+"ENV"], l.options.DefaultEnv, Production)
	if !slices.Contains(Environments(), env) {
		l.problems.add(envPrefix+"ENV", env, "allowed: %s", strings.Join(Environments(), ", "))
		return Production
	}
	return env
}

func (l *loader) secretsKey() Secret {
	text, path := l.environ[envPrefix+"SECRETS_KEY"], l.environ[envPrefix+"SECRETS_KEY_FILE"]
	if path != "" {
		content, err := l.secrets.file(path, "")
		if err != nil {
			l.problems.add(envPrefix+"SECRETS_KEY_FILE", path, "%v", err)
		}
		text += "\n" + content
	}
	key := NewSecret(strings.TrimSpace(text))
	if _, err := parseIdentities(key); err != nil {
		l.problems.add(envPrefix+"SECRETS_KEY", Redacted, "%s", strings.TrimPrefix(err.Error(), "config: "))
	}
	return key
}

// put records one value of a layer, or the problem that its key is unknown. An
// empty text of a type that has no empty value says nothing.
func (l *loader) put(path string, r raw, origin Origin, dir string) {
	at, ok := l.table.find(path)
	if !ok {
		l.problems.add(path, "", "%s (%s)", l.table.unknown(path), origin)
		return
	}
	l.record(setting{at, r, origin, dir})
}

func (l *loader) record(s setting) {
	if !s.raw.isList && s.raw.text == "" {
		switch s.place.key.Type {
		case Text, List, NetList, SecretText, SecretList, ConnString:
		default:
			return
		}
	}
	l.given = append(l.given, s)
	l.last[s.place.path()] = len(l.given) - 1
}

// lookup returns what is given for a path by the highest layer.
func (l *loader) lookup(path string) (raw, bool) {
	i, ok := l.last[path]
	if !ok {
		return raw{}, false
	}
	return l.given[i].raw, true
}

// decode parses every value by its key's type, layers all of them in viper and
// decodes each part into its struct. An invalid value is a problem and leaves
// the layer below in force. After the table has accepted the values, a failure
// to decode means that table and struct disagree.
func (l *loader) decode() *Config {
	cfg := &Config{Static{Env: l.env, Traces: l.traces()}, Live{SecretsKey: l.secrets.keys}}
	static, live := layers(), layers()
	part := func(s setting) *viper.Viper {
		if s.place.key.Reload() {
			return live
		}
		return static
	}
	for _, s := range l.base {
		if value, ok := l.value(s); ok {
			part(s).SetDefault(strings.Join(s.place.field(), delimiter), value)
		}
	}
	for i, s := range l.given {
		// The secret of a covered layer is not followed: it may well be missing.
		if s.place.key.Secret() && l.last[s.place.path()] != i {
			continue
		}
		value, ok := l.value(s)
		if !ok {
			continue
		}
		switch v := part(s); s.origin.Source {
		case FromDefault:
			v.SetDefault(strings.Join(s.place.field(), delimiter), value)
		case FromFile:
			_ = v.MergeConfigMap(nest(s.place.field(), value)) // never fails
		default: // variables come before overrides, those before flags
			v.Set(strings.Join(s.place.field(), delimiter), value)
		}
	}
	strict := func(c *mapstructure.DecoderConfig) { c.WeaklyTypedInput, c.DecodeHook = false, nil }
	if err := errors.Join(static.UnmarshalExact(&cfg.Static, strict), live.UnmarshalExact(&cfg.Live, strict)); err != nil {
		l.problems.add("config", "", "table and struct disagree: %v", err)
	}
	return cfg
}

func layers() *viper.Viper { return viper.NewWithOptions(viper.KeyDelimiter(delimiter)) }

// delimiter divides the parts of a field for viper; a kind is one part with a
// dot in it.
const delimiter = "::"

// value follows a secret's reference and parses the text.
func (l *loader) value(s setting) (any, bool) {
	path, r, shown := s.place.path(), s.raw, s.raw.String()
	if s.place.key.Secret() {
		shown = Redacted
		if l.inClear(s) {
			l.problems.add(path, shown, "stands in clear in %s; outside %s write env:NAME, file:PATH or sealed:…", s.origin, Dev)
		}
		revealed, err := l.secrets.revealAll(s)
		if err != nil {
			l.problems.add(path, shown, "%v (%s)", err, s.origin)
			return nil, false
		}
		r = revealed
	}
	value, problem := s.place.key.parse(r)
	if problem != "" {
		l.problems.add(path, shown, "%s (%s)", problem, s.origin)
		return nil, false
	}
	return value, true
}

// inClear reports whether a secret stands in a file as itself. A connection
// string without credentials is none.
func (l *loader) inClear(s setting) bool {
	if s.origin.Source != FromFile && s.origin.Source != FromFleet || l.env == Dev {
		return false
	}
	return slices.ContainsFunc(s.secretItems(), func(item string) bool {
		if s.place.key.Type == ConnString && NewDSN(item).String() == item {
			return false
		}
		return item != "" && !isReference(item)
	})
}

// validate adds what is wrong with the whole, but not about keys that already
// have a problem.
func (l *loader) validate(cfg *Config) {
	reported := map[string]bool{}
	for _, problem := range l.problems {
		reported[problem.Key] = true
	}
	for _, problem := range slices.Concat(cfg.problems(), l.demands(cfg)) {
		if !reported[problem.Key] {
			l.problems = append(l.problems, problem)
		}
	}
}

func (l *loader) origins() *Origins {
	o := &Origins{places: map[string]Origin{}, Files: slices.Clone(l.secrets.files)}
	if l.path != "" {
		o.Files = append(o.Files, l.path)
	}
	slices.Sort(o.Files)
	o.Files = slices.Compact(o.Files)
	for _, s := range l.base {
		o.places[s.place.path()] = s.origin
	}
	for _, path := range slices.Sorted(maps.Keys(l.last)) {
		o.places[path] = l.given[l.last[path]].origin
	}
	return o
}

// nest makes the map that viper merges out of a path and a value.
func nest(parts []string, value any) map[string]any {
	for i := len(parts) - 1; i > 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	return map[string]any{parts[0]: value}
}
