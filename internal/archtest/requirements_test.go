package archtest

import (
	"fmt"
	"go/ast"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const requirements, criteria = 15, 5 // of each, in the customer's document

func TestRequirements(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/REQUIREMENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range checkRequirements(string(text), read(t, os.DirFS(root))) {
		t.Errorf("docs/REQUIREMENTS.md: %s", wrong)
	}
}

var (
	requirementID = regexp.MustCompile(`^R\d+\.\d+$`)
	quoted        = regexp.MustCompile("`([^`]+)`")
)

// checkRequirements says what is wrong with the table: rows missing, double or
// out of order, folders that the house does not know, tests that do not exist.
func checkRequirements(text string, tr *tree) (wrong []string) {
	var want, got []string
	for r := range requirements {
		for c := range criteria {
			want = append(want, fmt.Sprintf("R%d.%d", r+1, c+1))
		}
	}
	tests := testNames(tr)
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		id := strings.TrimSpace(cells[0])
		if !requirementID.MatchString(id) {
			continue
		}
		got = append(got, id)
		if len(cells) != 4 {
			wrong = append(wrong, fmt.Sprintf("%s has %d cells, want 4", id, len(cells)))
			continue
		}
		wrong = append(wrong, checkRow(id, strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), tests)...)
	}
	for _, id := range want {
		if !slices.Contains(got, id) {
			wrong = append(wrong, id+" is missing")
		}
	}
	if len(wrong) == 0 && !slices.Equal(got, want) {
		wrong = append(wrong, "rows are double or out of order")
	}
	return wrong
}

func checkRow(id, where, shownBy string, tests map[string]bool) (wrong []string) {
	folders := quoted.FindAllStringSubmatch(where, -1)
	if len(folders) == 0 {
		wrong = append(wrong, id+" does not say where")
	}
	for _, folder := range folders {
		if _, known := imports[folder[1]]; !known {
			wrong = append(wrong, fmt.Sprintf("%s: there is no package %s", id, folder[1]))
		}
	}
	if shownBy == "open" {
		return wrong
	}
	named := quoted.FindAllStringSubmatch(shownBy, -1)
	if len(named) == 0 {
		wrong = append(wrong, id+" names no test and is not open")
	}
	for _, test := range named {
		if !tests[test[1]] {
			wrong = append(wrong, fmt.Sprintf("%s: there is no test %s", id, test[1]))
		}
	}
	return wrong
}

// testNames are all tests, fuzz tests and benchmarks as folder.TestName.
func testNames(tr *tree) map[string]bool {
	names := map[string]bool{}
	for _, f := range tr.files {
		if !f.isTest() {
			continue
		}
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && isTestName(fn.Name.Name) {
				names[path.Clean(f.dir())+"."+fn.Name.Name] = true
			}
		}
	}
	return names
}

func isTestName(name string) bool {
	return slices.ContainsFunc([]string{"Test", "Fuzz", "Benchmark", "Example"}, func(kind string) bool {
		return strings.HasPrefix(name, kind)
	})
}

func TestCheckRequirementsNotices(t *testing.T) {
	tr := read(t, fstest.MapFS{
		"config/a_test.go": {Data: []byte("package config\n\nfunc TestThere() {}\n\nfunc (s suite) TestMethod() {}\n")},
		"config/a.go":      {Data: []byte("package config\n\nfunc TestInTheProduct() {}\n")},
	})
	table := func(change map[string]string) string {
		var text strings.Builder
		for r := range requirements {
			for c := range criteria {
				id := fmt.Sprintf("R%d.%d", r+1, c+1)
				row, changed := change[id]
				if !changed {
					row = "| " + id + " | words | `config` | open |\n"
				}
				text.WriteString(row)
			}
		}
		return text.String()
	}
	tests := []struct{ name, row, want string }{
		{"complete", "| R7.2 | words | `config` | `config.TestThere` |\n", ""},
		{"missing", "", "R7.2 is missing"},
		{"double", "| R7.2 | words | `config` | open |\n| R7.2 | words | `config` | open |\n", "double or out of order"},
		{"cells", "| R7.2 | words | `config` |\n", "R7.2 has 3 cells"},
		{"nowhere", "| R7.2 | words | config | open |\n", "R7.2 does not say where"},
		{"unknown folder", "| R7.2 | words | `confg` | open |\n", "R7.2: there is no package confg"},
		{"no test", "| R7.2 | words | `config` | done |\n", "R7.2 names no test"},
		{"lost test", "| R7.2 | words | `config` | `config.TestThere` `config.TestLost` |\n", "R7.2: there is no test config.TestLost"},
		{"method", "| R7.2 | words | `config` | `config.TestMethod` |\n", "there is no test config.TestMethod"},
		{"not in a test file", "| R7.2 | words | `config` | `config.TestInTheProduct` |\n", "there is no test config.TestInTheProduct"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(checkRequirements(table(map[string]string{"R7.2": tt.row}), tr), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
