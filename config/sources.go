package config

import (
	"cmp"
	"embed"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The environments of the contract.
const (
	Dev        = "dev"
	Staging    = "staging"
	Production = "production"
)

// Environments lists the names that GANGWAY_ENV may have.
func Environments() []string { return []string{Dev, Staging, Production} }

// files are the shipped settings of each environment. They count as defaults,
// whether or not a file of the same name lies beside the program.
//
//go:embed dev.yaml staging.yaml production.yaml
var files embed.FS

func (l *loader) builtin() {
	name := l.env + ".yaml"
	text, err := files.ReadFile(name)
	if err != nil {
		l.problems.add(name, "", "is not built in: %v", err)
		return
	}
	l.yaml(text, Origin{Source: FromDefault, Name: "of " + l.env}, "")
}

// file reads the configuration file of the environment, or the one that is named.
func (l *loader) file() {
	path := cmp.Or(l.options.File, l.environ[envPrefix+"CONFIG"])
	if path == "" {
		path = l.beside()
	}
	if path == "" {
		return
	}
	text, err := readBounded(path, maxFile)
	if err != nil {
		l.problems.add(envPrefix+"CONFIG", path, "%v", err)
		return
	}
	l.path = path
	l.yaml(text, Origin{Source: FromFile, Name: path}, filepath.Dir(path))
}

// beside returns config/<env>.yaml of the working directory or of the program.
func (l *loader) beside() string {
	dirs := []string{l.options.Dir}
	if l.options.Dir == "" {
		dirs = []string{"."}
		if program, err := os.Executable(); err == nil {
			dirs = append(dirs, filepath.Dir(program))
		}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, "config", l.env+".yaml")
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	return ""
}

func (l *loader) yaml(text []byte, origin Origin, dir string) {
	found, err := leaves(text, &l.problems, origin.Name)
	if err != nil {
		l.problems.add(origin.Name, "", "%v", err)
	}
	for _, leaf := range found {
		origin.Line = leaf.line
		l.put(leaf.path, leaf.raw, origin, dir)
	}
}

func (l *loader) texts(values map[string]string, origin Origin) {
	for _, path := range slices.Sorted(maps.Keys(values)) {
		l.put(path, raw{text: values[path]}, origin, "")
	}
}

func (l *loader) flags() {
	for _, path := range slices.Sorted(maps.Keys(l.options.Flags)) {
		l.put(path, raw{text: l.options.Flags[path]}, Origin{Source: FromFlag, Name: FlagName(path)}, "")
	}
}

// variables reads every GANGWAY_ variable. One that nobody knows is a mistake:
// a typing error would otherwise leave a default in force silently.
func (l *loader) variables() {
	known := slices.Concat(l.providerNames(), Presets())
	foreign := slices.Concat(l.options.Allow, []string{"GANGWAY_ENV", "GANGWAY_CONFIG", "GANGWAY_SECRETS_KEY", "GANGWAY_SECRETS_KEY_FILE"})
	for _, name := range slices.Sorted(maps.Keys(l.environ)) {
		variable, ours := strings.CutPrefix(name, envPrefix)
		if !ours || slices.Contains(foreign, name) || strings.HasPrefix(variable, "TEST_") || l.environ[name] == "" {
			continue
		}
		at, ok := l.table.findEnv(variable, known)
		value := l.environ[name]
		if base, isFile := strings.CutSuffix(variable, "_FILE"); !ok && isFile {
			at, ok = l.table.findEnv(base, known)
			value = "file:" + value
			switch {
			case ok && !at.key.Secret():
				l.problems.add(name, "", "%s is no secret; set %s itself", at.path(), envPrefix+base)
				continue
			case ok && l.environ[envPrefix+base] != "":
				l.problems.add(name, "", "is set together with %s; set one of them", envPrefix+base)
				continue
			}
		}
		if !ok {
			l.problems.add(name, "", "%s", l.table.unknownVariable(variable, known, foreign))
			continue
		}
		l.record(setting{at, raw{text: value}, Origin{Source: FromEnvironment, Name: name}, ""})
	}
}

func (t table) unknownVariable(variable string, known, foreign []string) string {
	var names []string
	for _, row := range t {
		pattern := row.key.Env()
		if strings.Contains(pattern, "<NAME>") {
			for _, name := range known {
				names = append(names, strings.Replace(pattern, "<NAME>", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), 1))
			}
			continue
		}
		if strings.Contains(pattern, "<KIND>") {
			for _, kind := range Kinds() {
				names = append(names, strings.Replace(pattern, "<KIND>", strings.ToUpper(strings.ReplaceAll(kind, ".", "_")), 1))
			}
			continue
		}
		names = append(names, pattern)
	}
	names = append(names, foreign...)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, envPrefix)
	}
	if near := nearestOf(variable, names); near != "" {
		return "unknown variable, did you mean " + envPrefix + near + "?"
	}
	return "unknown variable; worker config explain lists every key"
}

func (t table) unknown(path string) string {
	if below := t.below(path); len(below) > 0 {
		return "holds keys, not a value: " + strings.Join(below, ", ")
	}
	if near := t.nearest(path); near != "" {
		return "unknown key, did you mean " + near + "?"
	}
	return "unknown key; worker config explain lists every key"
}

// below lists a few keys of a section that was given a value instead.
func (t table) below(path string) []string {
	var below []string
	for _, row := range t {
		if strings.HasPrefix(row.key.Path, path+".") && len(below) < 4 {
			below = append(below, row.key.Path)
		}
	}
	return below
}

func environ(list []string) map[string]string {
	if list == nil {
		list = os.Environ()
	}
	values := make(map[string]string, len(list))
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return values
}
