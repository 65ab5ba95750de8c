package webhook_test

import (
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
