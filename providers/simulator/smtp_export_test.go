package simulator

import (
	"net/http/httptest"
	"testing"
)

// TokenServer serves a vendor's token endpoint.
func TokenServer(t *testing.T, s *Simulator, provider string) string {
	t.Helper()
	server := httptest.NewServer(s.tokenAPI(provider))
	t.Cleanup(server.Close)
	return server.URL
}
