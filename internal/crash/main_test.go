package crash

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestMain lets more tests run side by side than there are processors: most of
// the time they wait for leases and deadlines to pass.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() < "6" {
		if err := flag.Set("test.parallel", "6"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	testkit.Main(m)
}
