package testkit

import (
	"path/filepath"
	"testing"
)

// NATSCLI returns the path of nats, the ordinary command-line client of NATS. The
// module in natscli/ keeps what it needs apart from what the product needs.
func NATSCLI(t testing.TB) string {
	t.Helper()
	return build(t, filepath.Join(Root(t), "internal/testkit/natscli"), "github.com/nats-io/natscli/nats")
}
