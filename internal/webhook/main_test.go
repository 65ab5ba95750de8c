package webhook_test

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// sameJSON compares without regard to spacing and order of members.
func sameJSON(t *testing.T, got jsontext.Value, want string) bool {
	t.Helper()
	a, b := got.Clone(), jsontext.Value(want)
	if err := errors.Join(a.Canonicalize(), b.Canonicalize()); err != nil {
		t.Fatal(err)
	}
	return string(a) == string(b)
}
