package devstack_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// ownerOfStack names the data directory when this binary runs again, as the
// process that owns a stack and is killed.
const ownerOfStack = "DEVSTACK_TEST_OWNER"

func TestMain(m *testing.M) {
	if path := os.Getenv(ownerOfStack); path != "" {
		if err := own(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {}
	}
	testkit.Main(m)
}

func own(path string) error {
	ctx := context.Background()
	dir, err := devstack.Open(path)
	if err != nil {
		return err
	}
	n, err := devstack.StartNATS(ctx, dir, devstack.NATSOptions{Port: devstack.AnyPort})
	if err != nil {
		return err
	}
	pg, err := devstack.StartPostgres(ctx, dir, devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true})
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s\n%s\nready\n", n.URL(), pg.URL())
	return err
}
