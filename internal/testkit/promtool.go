package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Promtool runs Prometheus' own tool with input and returns what it says. A tool
// that is not content fails the test.
func Promtool(t testing.TB, input string, args ...string) string {
	t.Helper()
	tool := filepath.Join(Root(t), "bin", "promtool")
	if _, err := os.Stat(tool); err != nil {
		if tool, err = exec.LookPath("promtool"); err != nil {
			t.Fatal("promtool is missing; scripts/ready test brings it")
		}
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
