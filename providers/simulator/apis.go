package simulator

import "net/http"

// apis lists the vendors' HTTP APIs by provider name.
func (s *Simulator) apis() map[string]http.Handler {
	return map[string]http.Handler{}
}

// startSMTP opens one SMTP server per mail provider.
func (s *Simulator) startSMTP() error { return nil }
