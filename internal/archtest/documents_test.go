package archtest

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The import table that people read is the one that is enforced.
func TestArchitectureShowsTheImportTable(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{}
	_, table, found := strings.Cut(string(text), "| package | may import of ours |")
	if !found {
		t.Fatal("docs/ARCHITECTURE.md has no import table")
	}
	for line := range strings.Lines(strings.TrimLeft(table, "\n")) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			break
		}
		rights := []string{}
		for _, right := range quoted.FindAllStringSubmatch(cells[2], -1) {
			rights = append(rights, right[1])
		}
		if strings.TrimSpace(cells[2]) == "everything" {
			rights = []string{everything}
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			shown[name[1]] = rights
		}
	}
	_, byDir := read(t, os.DirFS(root)).packages()
	for dir, want := range imports {
		got, there := shown[dir]
		slices.Sort(got)
		switch {
		case byDir[dir] != nil && !there:
			t.Errorf("docs/ARCHITECTURE.md: the import table has no row for %s", dir)
		case there && !slices.Equal(got, slices.Sorted(slices.Values(want))):
			t.Errorf("docs/ARCHITECTURE.md: %s may import %v, the table there says %v", dir, want, got)
		}
	}
	for dir := range shown {
		if _, known := imports[dir]; !known {
			t.Errorf("docs/ARCHITECTURE.md: there is no package %s", dir)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// What a document points at is there.
func TestLinksLeadSomewhere(t *testing.T) {
	fsys := os.DirFS(root)
	documents := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			documents++
			for _, found := range link.FindAllStringSubmatch(string(text), -1) {
				if strings.Contains(found[1], "://") {
					continue
				}
				if _, err := fs.Stat(fsys, path.Join(path.Dir(name), found[1])); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	if documents < 5 {
		t.Errorf("only %d documents were found", documents)
	}
}

// What is promised names the tests that hold it, and they exist. Every delivery
// rule has one.
func TestGuaranteesAreHeld(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(read(t, os.DirFS(root)))
	rules := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		first := strings.TrimSpace(cells[0])
		if len(cells) < 2 || strings.HasPrefix(first, "---") || first == "" || first == "promise" || first == "how" {
			continue
		}
		named := quoted.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(named) == 0 {
			t.Errorf("docs/GUARANTEES.md: %q names no test", first)
		}
		for _, test := range named {
			if !tests[test[1]] {
				t.Errorf("docs/GUARANTEES.md: there is no test %s", test[1])
			}
		}
		rules[first] = true
	}
	for number := 1; number <= deliveryRules; number++ {
		if !rules[strconv.Itoa(number)] {
			t.Errorf("docs/GUARANTEES.md: no test of delivery rule %d", number)
		}
	}
}

const deliveryRules = 12
