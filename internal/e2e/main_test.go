package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMain(m *testing.M) {
	// The programs are told everything by their test.
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GANGWAY_") {
			_ = os.Unsetenv(name)
		}
	}
	testkit.Main(m)
}
