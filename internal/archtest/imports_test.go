package archtest

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Short names for the vocabulary.
const (
	command  = "internal/command"
	delivery = "internal/delivery"
	faults   = "internal/fault"
)

// everything allows a package to import any of ours.
const everything = "*"

// imports is the table of docs/ARCHITECTURE.md: what each package may import of
// ours outside its tests. A package that is not here is not known to the house.
var imports = map[string][]string{
	"config":                 {},
	"migrations":             {},
	"outbox":                 {},
	faults:                   {},
	"internal/health":        {},
	"internal/stats":         {},
	"internal/dashboard":     {},
	"templates":              {faults},
	command:                  {faults},
	delivery:                 {command, faults},
	"internal/resilience":    {"config", faults},
	"internal/devstack":      {"config"},
	"internal/server":        {"config"},
	"internal/telemetry":     {"config", "internal/stats"},
	"providers":              {command, delivery, faults, "internal/resilience"},
	"providers/smstext":      {faults},
	"providers/simulator":    {"config", command, faults},
	"providers/smtp":         vendor,
	"providers/sns":          vendor,
	"providers/solapi":       vendor,
	"providers/nhncloud":     vendor,
	"providers/sens":         vendor,
	"providers/nicednb":      vendor,
	"providers/nts":          vendor,
	"providers/kakao":        vendor,
	"providers/juso":         vendor,
	"handlers":               {command, delivery, faults, "providers", "providers/smstext", "templates"},
	"internal/pipeline":      {command, delivery, faults},
	"internal/webhook":       {command, delivery, faults},
	"internal/lookup":        {command, delivery, faults},
	"internal/bounce":        {delivery, faults},
	"internal/broker":        {"config", command, delivery, faults, "outbox"},
	"internal/deadletter":    {command, faults},
	"internal/alert":         {faults, "internal/stats"},
	"docs":                   {},
	"internal/api":           {"internal/alert", command, "internal/deadletter", delivery, faults, "internal/health", "internal/resilience", "internal/stats"},
	"internal/cli":           {"config", command, "internal/deadletter", delivery, faults, "templates"},
	"internal/postgres":      {"config", "internal/alert", command, "internal/deadletter", delivery, faults, "internal/stats", "migrations", "outbox"},
	"internal/app":           {everything},
	"cmd/worker":             {"config", "internal/cli", "internal/app"},
	"cmd/publisher":          {"config", "internal/cli", "internal/app"},
	"providers/providertest": {command, delivery, faults, "providers"},
	"internal/testkit":       {"config", "internal/devstack"},
	"internal/archtest":      {},
	"internal/bench":         {everything},
	"internal/bench/report":  {},
	"internal/fleet":         {everything},
	"internal/e2e":           {everything},
	"internal/crash":         {everything},
}

var vendor = []string{"config", command, delivery, faults, "providers", "providers/smstext"}

// forTests are the packages that only tests may import.
var forTests = []string{"internal/testkit", "internal/archtest", "internal/bench", "internal/e2e", "internal/crash", "internal/fleet", "providers/providertest"}

// knows says which packages may know a library that the house keeps in one room.
// Packages for tests may know all.
var knows = map[string][]string{
	"github.com/nats-io":        {"internal/broker", "internal/devstack", "internal/lookup"},
	"github.com/jackc/pgx":      {"internal/postgres", "outbox", "internal/devstack", "internal/app"},
	"github.com/pressly/goose":  {"internal/postgres"},
	"github.com/spf13/viper":    {"config"},
	"github.com/spf13/cobra":    {"internal/cli", "cmd/worker"},
	"github.com/sony/gobreaker": {"internal/resilience"},
	"github.com/ThreeDotsLabs":  {"internal/broker", "internal/app"},
}

func importRules(tr *tree) (broken []string) {
	for _, f := range tr.files {
		allowed, known := imports[f.dir()]
		if !known {
			broken = append(broken, tr.at(f.syntax, "package %s is not in the import table: add its row here and in docs/ARCHITECTURE.md", f.dir()))
			continue
		}
		if f.isTest() {
			continue
		}
		for _, spec := range f.syntax.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the compiler reports it
			}
			ours, isOurs := strings.CutPrefix(name, module+"/")
			switch {
			case isOurs && slices.Contains(forTests, ours) && !slices.Contains(forTests, f.dir()):
				broken = append(broken, tr.at(spec, "%s is for tests", ours))
			case isOurs && !slices.Contains(allowed, ours) && !slices.Contains(allowed, everything):
				broken = append(broken, tr.at(spec, "%s may not import %s", f.dir(), ours))
			case !isOurs && !mayKnow(f.dir(), name):
				broken = append(broken, tr.at(spec, "%s may not know %s", f.dir(), name))
			}
		}
	}
	return broken
}

func mayKnow(dir, library string) bool {
	for prefix, rooms := range knows {
		if library == prefix || strings.HasPrefix(library, prefix+"/") {
			return slices.Contains(rooms, dir) || slices.Contains(forTests, dir)
		}
	}
	return true
}

// nameRules refuses names that say nothing about what is inside.
func nameRules(tr *tree) (broken []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "model", "models", "manager", "managers", "misc", "base"}
	for _, f := range tr.files {
		words := strings.FieldsFunc(strings.TrimSuffix(f.path, path.Ext(f.path)), func(r rune) bool { return r == '/' || r == '_' })
		for _, word := range append(words, f.syntax.Name.Name) {
			if slices.Contains(empty, word) {
				broken = append(broken, tr.at(f.syntax, "the name %q says nothing: name what it is", word))
				break
			}
		}
	}
	return broken
}
