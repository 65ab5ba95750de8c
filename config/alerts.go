package config

import (
	"net/mail"
	"net/url"
	"time"
)

// Alerts is when people are told that something is wrong, and how.
type Alerts struct {
	Interval time.Duration `mapstructure:"interval"` // between two looks
	// For is how long a condition lasts before it is raised, Keep how long it must
	// be over before it is resolved, Repeat after which time people are reminded.
	For    time.Duration `mapstructure:"for"`
	Keep   time.Duration `mapstructure:"keep"`
	Repeat time.Duration `mapstructure:"repeat"`

	FailureShare float64       `mapstructure:"failure_share"` // of a provider's calls, from 0 to 1
	FailureCalls int           `mapstructure:"failure_calls"` // fewer say nothing
	DeadLetters  int           `mapstructure:"dead_letters"`  // new ones of a kind
	OutboxAge    time.Duration `mapstructure:"outbox_age"`
	Backlog      int           `mapstructure:"backlog"` // commands in one lane
	BacklogAge   time.Duration `mapstructure:"backlog_age"`
	ManualAge    time.Duration `mapstructure:"manual_age"`

	// Every is the least time between two messages to one of the following.
	Every        time.Duration     `mapstructure:"every"`
	Email        AlertEmail        `mapstructure:"email"`
	Webhook      AlertWebhook      `mapstructure:"webhook"`
	Alertmanager AlertAlertmanager `mapstructure:"alertmanager"`
}

// AlertEmail says who gets e-mails about alerts, through this very system.
type AlertEmail struct {
	To   []string `mapstructure:"to"`
	From string   `mapstructure:"from"` // "" for the provider's sender
}

// AlertWebhook is a chat's incoming webhook in Slack's form. Its address is a secret.
type AlertWebhook struct {
	URL Secret `mapstructure:"url"`
}

// AlertAlertmanager is an Alertmanager; URL is its base.
type AlertAlertmanager struct {
	URL   string `mapstructure:"url"`
	Token Secret `mapstructure:"token"`
}

func alertKeys() []Key {
	key := func(name string, t Type, usual, least, most, doc string) Key {
		return Key{Path: "alerts." + name, Type: t, Default: usual, Min: least, Max: most, Doc: doc}
	}
	return []Key{
		key("interval", Duration, "10s", "100ms", "1h", "How often one worker of the fleet looks for what people must be told of."),
		key("for", Duration, "15s", "0s", "24h", "How long a condition must last before its alert is raised."),
		key("keep", Duration, "2m", "0s", "24h", "How long it must be over before the alert is resolved."),
		key("repeat", Duration, "4h", "0s", "720h", "After which time people are reminded of an alert that still fires; 0 for never."),
		key("failure_share", Number, "0.1", "0.001", "1", "Share of a provider's calls of 5 minutes above which ProviderFailureRate is raised."),
		key("failure_calls", Count, "20", "1", "1000000", "Calls in these 5 minutes below which the share says nothing."),
		key("dead_letters", Count, "1", "1", "1000000", "New dead letters of a kind in 15 minutes that raise DeadLetters."),
		key("outbox_age", Duration, "1m", "1s", "24h", "How old the oldest row of the outbox may become before OutboxStuck."),
		key("backlog", Count, "10000", "1", "1000000000", "Commands that may wait in one lane before StreamBacklog."),
		key("backlog_age", Duration, "5m", "1s", "168h", "How old the oldest command of a lane in which some wait may become before StreamBacklog."),
		key("manual_age", Duration, "1h", "0s", "720h", "How long a verification may wait for a person before ManualQueue."),
		key("every", Duration, "1m", "0s", "24h", "Least time between two messages about alerts to one of the following; what comes meanwhile goes together."),
		key("email.to", List, "", "", "", "Who gets e-mails about alerts, through this very system. Such an e-mail never raises an alert."),
		key("email.from", Text, "", "", "", "Their sender; empty for the provider's."),
		key("webhook.url", SecretText, "", "", "", "Incoming webhook of a chat, in the form of Slack."),
		key("alertmanager.url", URL, "", "", "", "Base of an Alertmanager, such as http://alertmanager:9093. It is told of every alert by its API v2."),
		key("alertmanager.token", SecretText, "", "", "", "Bearer token for it."),
	}
}

func (c *Config) checkAlerts(p *Problems) {
	for _, to := range c.Alerts.Email.To {
		if _, err := mail.ParseAddress(to); err != nil {
			p.add("alerts.email.to", to, "is no e-mail address")
		}
	}
	if len(c.Alerts.Email.To) > 0 && len(c.Routes.Email) == 0 {
		p.add("alerts.email.to", c.Alerts.Email.To[0], "cannot be told: routes.email names no provider")
	}
	if hook := c.Alerts.Webhook.URL; !hook.IsZero() {
		if u, err := url.Parse(hook.Reveal()); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			p.add("alerts.webhook.url", "", "is no address that begins with https://")
		}
	}
}
