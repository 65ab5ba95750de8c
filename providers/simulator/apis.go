package simulator

import (
	"net/http"
	"sync"
)

// apis lists the vendors' HTTP APIs by provider name.
func (s *Simulator) apis() map[string]http.Handler {
	addresses := sync.OnceValue(newCatalogue)
	return map[string]http.Handler{
		"gmail":   s.tokenAPI("gmail"),
		"outlook": s.tokenAPI("outlook"),
		"nicednb": s.nicednb(),
		"nts":     s.nts(),
		"juso":    s.juso(addresses),
		"kakao":   s.kakao(addresses),

		"postcode": s.postcode(addresses),

		"ses":      s.confirmations(),
		"sns":      s.sns(),
		"solapi":   s.solapi(),
		"nhncloud": s.nhncloud(),
		"sens":     s.sens(),
	}
}

// startSMTP opens one SMTP server per mail provider.
func (s *Simulator) startSMTP() error {
	certificate, err := selfSigned(s.options.Host)
	if err != nil {
		return err
	}
	for _, provider := range mailProviders() {
		m, err := s.openMail(provider, certificate)
		if err != nil {
			return err
		}
		s.smtp[provider] = m.listener.Addr().String()
		s.closers = append(s.closers, m.close)
	}
	return nil
}
