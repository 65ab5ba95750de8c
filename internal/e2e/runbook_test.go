package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRunbookHasEveryAlert: whoever is woken finds what the alert means and what
// to do. That the commands exist, tests beside the programs show.
func TestRunbookHasEveryAlert(t *testing.T) {
	runbook := read(t, "docs/RUNBOOK.md")
	names := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^\s+- alert: (\S+)`).FindAllStringSubmatch(read(t, "deploy/prometheus/gangway.rules.yml"), -1) {
		names[found[1]] = true
	}
	for _, found := range regexp.MustCompile(`(?m)^\s+(\w+)\s+Name = "`).FindAllStringSubmatch(read(t, "internal/alert/alert.go"), -1) {
		names[found[1]] = true
	}
	if len(names) < 10 {
		t.Fatalf("only %v", names)
	}
	for name := range names {
		_, section, ok := strings.Cut(runbook, "\n### "+name+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		if !ok || !strings.Contains(section, "*Means*") || !strings.Contains(section, "*Do*") {
			t.Errorf("%s: the runbook does not say what it means and what to do", name)
		}
	}
}

// TestSystemdUnits holds the units to what the programs and the configuration
// know. That the program's command lines exist, cmd/worker shows.
func TestSystemdUnits(t *testing.T) {
	for _, unit := range []string{"gangway-worker@.service", "gangway-migrate.service"} {
		lines := bufio.NewScanner(strings.NewReader(read(t, "deploy/systemd/"+unit)))
		handed, used := map[string]bool{}, map[string]bool{}
		has := map[string]bool{}
		section := ""
		for lines.Scan() {
			line := lines.Text()
			switch key, value, _ := strings.Cut(line, "="); {
			case line == "" || strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "["):
				section = line
			case section == "" || value == "" && key != "CapabilityBoundingSet" && key != "AmbientCapabilities":
				t.Errorf("%s: %q is no setting", unit, line)
			case key == "LoadCredential":
				name, _, _ := strings.Cut(value, ":")
				handed[name] = true
			case key == "Environment":
				if _, name, ok := strings.Cut(value, "%d/"); ok {
					used[name] = true
				}
				has[key] = true
			default:
				has[line] = true
			}
		}
		for name := range used {
			if !handed[name] {
				t.Errorf("%s uses the credential %s and does not get it", unit, name)
			}
		}
		for _, line := range []string{"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "PrivateTmp=yes"} {
			if !has[line] {
				t.Errorf("%s lacks %s", unit, line)
			}
		}
		if len(handed) == 0 || len(handed) != len(used) {
			t.Errorf("%s: credentials %v, used %v", unit, handed, used)
		}
	}
}
