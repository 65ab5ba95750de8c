package archtest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// root is this module, as seen from the folder in which the tests run.
const root = "../.."

// rules are what every source of this module keeps.
var rules = map[string]func(*tree) []string{
	"Imports":         importRules,
	"Names":           nameRules,
	"PackageComments": packageComments,
	"FileLength":      fileLength,
	"Format":          formatted,
	"NoInit":          noHiddenStart,
	"NoPackageState":  noPackageState,
	"Calls":           calls,
	"OneBridge":       oneBridge,
	"OneTable":        oneTable,
	"Configuration":   configurationFlows,
}

func TestHouse(t *testing.T) {
	tr := read(t, os.DirFS(root))
	if len(tr.files) < 50 {
		t.Fatalf("only %d files were found below %s", len(tr.files), root)
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		t.Run(name, func(t *testing.T) {
			for _, broken := range rules[name](tr) {
				t.Error(broken)
			}
		})
	}
}

// Each rule is shown a source that breaks it, and one beside it that does not.
func TestRulesNotice(t *testing.T) {
	const nats = "\nimport _ \"github.com/nats-io/nats.go\"\n"
	ours := func(name string) string { return "\nimport _ \"" + module + "/" + name + "\"\n" }
	tests := []struct {
		name, rule, path, source string
		want                     string // "" for a source that keeps the rule
	}{
		{"unknown package", "Imports", "internal/shiny/a.go", "package shiny\n", "package internal/shiny is not in the import table"},
		{"vocabulary", "Imports", "internal/pipeline/a.go", "package pipeline\n" + ours(command), ""},
		{"how it is done", "Imports", "internal/pipeline/a.go", "package pipeline\n" + ours("internal/broker"), "a.go:3: internal/pipeline may not import internal/broker"},
		{"a driver imports another", "Imports", "providers/sns/a.go", "package sns\n" + ours("providers/solapi"), "may not import providers/solapi"},
		{"tests may import", "Imports", "internal/pipeline/a_test.go", "package pipeline\n" + ours("internal/broker"), ""},
		{"for tests, in a test", "Imports", "internal/app/a_test.go", "package app\n" + ours("internal/testkit"), ""},
		{"for tests, in the product", "Imports", "internal/app/a.go", "package app\n" + ours("internal/testkit"), "internal/testkit is for tests"},
		{"app knows all", "Imports", "internal/app/a.go", "package app\n" + ours("providers/sns"), ""},
		{"the room of NATS", "Imports", "internal/broker/a.go", "package broker\n" + nats, ""},
		{"NATS elsewhere", "Imports", "handlers/a.go", "package handlers\n" + nats, "handlers may not know github.com/nats-io/nats.go"},
		{"empty folder name", "Names", "internal/util/a.go", "package util\n", `the name "util"`},
		{"empty file name", "Names", "config/config_helpers.go", "package config\n", `the name "helpers"`},
		{"full name", "Names", "config/communal.go", "package config\n", ""},
		{"no comment", "PackageComments", "config/a.go", "package config\n", "package config has no comment"},
		{"comment", "PackageComments", "config/a.go", "// Package config is.\npackage config\n", ""},
		{"other form", "PackageComments", "config/a.go", "// This is config.\npackage config\n", `does not start with "Package config "`},
		{"in the external test", "PackageComments", "config/a_test.go", "// Package config_test is.\npackage config_test\n", "does not start with"},
		{"program", "PackageComments", "cmd/worker/a.go", "// Command worker works.\npackage main\n", ""},
		{"program as a package", "PackageComments", "cmd/worker/a.go", "// Package main works.\npackage main\n", `does not start with "Command worker "`},
		{"long", "FileLength", "config/a.go", "package config\n" + strings.Repeat("\n", 400), "401 lines, at most 400"},
		{"long enough", "FileLength", "config/a.go", "package config\n" + strings.Repeat("\n", 399), ""},
		{"format", "Format", "config/a.go", "package  config\n", "not as gofmt"},
		{"init", "NoInit", "config/a.go", "package config\n\nfunc init() {}\n", "a.go:3: func init"},
		{"method named init", "NoInit", "config/a.go", "package config\n\nfunc (t T) init() {}\n", ""},
		{"state", "NoPackageState", "config/a.go", "package config\n\nvar mu sync.Mutex\n", "mu is state"},
		{"fixed", "NoPackageState", "config/a.go", "package config\n\nvar errX = errors.New(\"x\")\n", ""},
		{"embedded", "NoPackageState", "config/a.go", "package config\n\n//go:embed x.yaml\nvar text string\n", ""},
		{"sleep in a test", "Calls", "config/a_test.go", "package config\n\nfunc f() { time.Sleep(1) }\n", "does not sleep"},
		{"sleep", "Calls", "config/a.go", "package config\n\nfunc f() { time.Sleep(1) }\n", "obeys no context"},
		{"skip", "Calls", "config/a_test.go", "package config\n\nfunc f(t *testing.T) { t.Skipf(\"\") }\n", "skipped shows nothing"},
		{"skip of another kind", "Calls", "config/a_test.go", "package config\n\nfunc f() { decoder.Skip() }\n", ""},
		{"print", "Calls", "config/a.go", "package config\n\nfunc f() { fmt.Println() }\n", "only the programs print"},
		{"print in a program", "Calls", "cmd/worker/a.go", "package main\n\nfunc f() { fmt.Println() }\n", ""},
		{"database and bus", "OneBridge", "internal/stats/a.go", "package stats\n\nimport (\n\t_ \"github.com/jackc/pgx/v5\"\n\t_ \"github.com/nats-io/nats.go\"\n)\n", "internal/stats knows database and bus"},
		{"database alone", "OneBridge", "internal/stats/a.go", "package stats\n\nimport _ \"github.com/jackc/pgx/v5\"\n", ""},
		{"switch over reasons", "OneTable", "internal/pipeline/a.go", "package pipeline\n\nfunc f() {\n\tswitch r {\n\tcase fault.Timeout:\n\t}\n}\n", "a switch over reasons"},
		{"map by reason", "OneTable", "providers/a.go", "package providers\n\nvar retries = map[fault.Reason]bool{}\n", "a map by reason"},
		{"a vendor's words", "OneTable", "providers/nts/a.go", "package nts\n\nvar words = map[fault.Reason]string{}\n", ""},
		{"switch over statuses", "OneTable", "internal/pipeline/a.go", "package pipeline\n\nfunc f() {\n\tswitch s {\n\tcase delivery.Sent:\n\t}\n}\n", ""},
		{"environment", "Configuration", "internal/broker/a.go", "package broker\n\nfunc f() { os.Getenv(\"X\") }\n", "os.Getenv: it gets its configuration"},
		{"environment in a test", "Configuration", "internal/broker/a_test.go", "package broker\n\nfunc f() { os.Getenv(\"X\") }\n", ""},
		{"print to a writer", "Calls", "config/a.go", "package config\n\nfunc f() { fmt.Fprintln(w) }\n", ""},
	}
	noticed := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.rule+"/"+tt.name, func(t *testing.T) {
			tr := read(t, fstest.MapFS{tt.path: {Data: []byte(tt.source)}})
			got := strings.Join(rules[tt.rule](tr), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			noticed[tt.rule] = noticed[tt.rule] || got != ""
		})
	}
	for name := range rules {
		if !noticed[name] {
			t.Errorf("nothing breaks the rule %s", name)
		}
	}
}

func TestSecondPackageComment(t *testing.T) {
	tr := read(t, fstest.MapFS{
		"config/a.go": {Data: []byte("// Package config is.\npackage config\n")},
		"config/b.go": {Data: []byte("// Package config is too.\npackage config\n")},
	})
	if got := strings.Join(packageComments(tr), "\n"); got != "config/b.go:1: package config has a comment in config/a.go already" {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsNotPartOfTheModule(t *testing.T) {
	source := &fstest.MapFile{Data: []byte("package x\n")}
	tr := read(t, fstest.MapFS{
		"a.go": source, ".hidden/a.go": source, "_old/a.go": source, "x/testdata/a.go": source,
		"other/go.mod": {}, "other/deep/a.go": source,
	})
	if len(tr.files) != 1 || tr.files[0].path != "a.go" {
		t.Errorf("files %v", tr.files)
	}
}
