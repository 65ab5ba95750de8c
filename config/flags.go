package config

import (
	"strings"

	"github.com/spf13/pflag"
)

// FlagName returns the flag of a path: nats.url → --nats-url.
func FlagName(path string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(path)
}

// AddFlags defines a flag for each path, described by the table. Secrets have no
// flags: a command line is visible to every user of the machine.
func AddFlags(flags *pflag.FlagSet, paths ...string) {
	table := newTable()
	for _, path := range paths {
		at, ok := table.find(path)
		if !ok || at.key.Type == SecretText || at.key.Type == SecretList {
			continue
		}
		name := strings.TrimPrefix(FlagName(path), "--")
		flags.String(name, "", at.key.Doc)
		if at.key.Type == Switch {
			flags.Lookup(name).NoOptDefVal = "true"
		}
	}
}

// FlagValues returns the flags of AddFlags that were given, by path, for
// [Options.Flags].
func FlagValues(flags *pflag.FlagSet, paths ...string) map[string]string {
	values := map[string]string{}
	for _, path := range paths {
		if flag := flags.Lookup(strings.TrimPrefix(FlagName(path), "--")); flag != nil && flag.Changed {
			values[path] = flag.Value.String()
		}
	}
	return values
}
