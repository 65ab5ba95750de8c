package app

import (
	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/providers/smstext"
	"github.com/gangwon-portal/gangway/templates"
)

// messageParts are what the handlers of e-mail and SMS share.
func messageParts(live *live, set func() *templates.Set, suppressions *postgres.Suppressions, conn *broker.Conn) handlers.Messages {
	return handlers.Messages{
		Templates: set, Suppressions: suppressions, Objects: broker.NewObjects(conn),
		Rules: func() handlers.Rules { return live.current.Load().rules },
	}
}

func messageRules(cfg *config.Live) handlers.Rules {
	return handlers.Rules{
		UnsubscribeURL: cfg.Email.UnsubscribeURL,
		Mark:           cfg.Marketing.Mark,
		Advertiser:     smstext.Advertiser{Sender: cfg.Marketing.Sender, OptOut: cfg.Marketing.OptOut},
		Imprint:        cfg.Marketing.Imprint,
		QuietSMS:       cfg.Marketing.Quiet.SMS,
		QuietEmail:     cfg.Marketing.Quiet.Email,
		Numbers:        smstext.NumberRules{Virtual: cfg.SMS.VirtualNumbers},
		Korean:         func(provider string) bool { return cfg.Providers[provider].Driver != "sns" },
	}
}
