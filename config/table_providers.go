package config

// providerKeys are the keys of every provider. Defaults that depend on the
// driver or preset stand in presets.go.
func providerKeys() []Key {
	keys := []Key{
		{Path: "driver", Type: Choice, Allowed: Drivers(), Doc: "The code that speaks to the vendor. Only providers named otherwise than a preset need it."},
		{Path: "mode", Type: Choice, Allowed: []string{ModeLive, ModeMock}, Doc: "Whether this provider is the vendor or the simulator. Empty follows mock."},
		{Path: "url", Type: URL, Doc: "Base of the vendor's HTTP API, without a path. Presets know it."},
		{Path: "host", Type: Text, Doc: "Mail server. Presets know it; that of ses follows its region."},
		{Path: "port", Type: Count, Default: "smtp 587", Min: "1", Max: "65535", Doc: "Port of the mail server."},
		{Path: "tls", Type: Choice, Default: "smtp starttls", Allowed: []string{"starttls", "tls", "none"}, Doc: "How the mail connection is encrypted; none is for a relay on this machine only."},
		{Path: "ca", Type: Text, Doc: "PEM file of authorities trusted for this provider instead of the system's."},
		{Path: "timeout", Type: Duration, Default: "10s, smtp 15s", Min: "10ms", Max: "5m", Doc: "Time-out of one call. It must fit into worker.lease."},
		{Path: "rate", Type: Rate, Default: "the vendor's limit, else 0", Min: "0", Max: "1000000", Doc: "Calls to this provider over the whole fleet: a number a second, or 30/m, 1000/h. 0 for no limit."},
		{Path: "burst", Type: Count, Default: "0", Min: "0", Max: "1000000", Doc: "Calls that may be made at once after a pause; 0 for as many as one second's rate."},
		{Path: "quota", Type: Count, Default: "the vendor's limit, else 0", Min: "0", Max: "1000000000000", Doc: "Calls a day over the whole fleet; 0 for no limit."},
		{Path: "max_conns", Type: Count, Default: "16, smtp 8", Min: "1", Max: "1000", Doc: "Connections of one worker to this provider."},
		{Path: "log_level", Type: Choice, Allowed: logLevels(), Doc: "Level for this provider's lines alone. Empty follows log.level."},
		{Path: "on_unknown", Type: Choice, Default: "the driver's", Allowed: []string{OnUnknownConfirm, OnUnknownRetry, OnUnknownHold}, Doc: "What follows when a send left and no answer came: ask the provider or wait for its event, send again under the same Message-ID, or leave it to a person."},
		{Path: "auth", Type: Choice, Default: "smtp auto", Allowed: []string{"auto", "plain", "login", "xoauth2", "none"}, Doc: "How a mail server is logged in to. auto takes the best of plain and login that the server offers."},
		{Path: "username", Type: Text, Doc: "Account name. SendGrid's is the word apikey."},
		{Path: "password", Type: SecretText, Doc: "Password, app password, or SES SMTP password."},
		{Path: "api_key", Type: SecretText, Doc: "The vendor's key: app key, client id, service key, or AWS access key id."},
		{Path: "api_secret", Type: SecretText, Doc: "The secret that belongs to api_key. For ses, the AWS secret key from which the SMTP password is made."},
		{Path: "oauth.token_url", Type: URL, Doc: "Where xoauth2 gets its tokens."},
		{Path: "oauth.client_id", Type: Text, Doc: "Client of the token endpoint."},
		{Path: "oauth.client_secret", Type: SecretText, Doc: "Its secret."},
		{Path: "oauth.refresh_token", Type: SecretText, Doc: "Refresh token; without one the flow is client credentials."},
		{Path: "oauth.scope", Type: Text, Doc: "Scope that is asked for."},
		{Path: "from", Type: Text, Doc: "Sender when a command names none: an e-mail address, or a registered phone number."},
		{Path: "region", Type: Text, Default: "ses ap-northeast-2, sns ap-northeast-1", Doc: "AWS region. Seoul (ap-northeast-2) sends no SMS."},
		{Path: "breaker.failures", Type: Count, Default: "5", Min: "1", Max: "1000", Doc: "Failures in a row that open the breaker."},
		{Path: "breaker.cooldown", Type: Duration, Default: "60s", Min: "100ms", Max: "24h", Doc: "How long it stays open before one probe is let through."},
		{Path: "webhook.secrets", Type: SecretList, Doc: "Secrets that sign this provider's webhooks, newest first; any of them is accepted."},
		{Path: "webhook.public_key", Type: Text, Doc: "SendGrid's verification key, base64."},
		{Path: "webhook.topic_arns", Type: List, Doc: "SNS topics whose messages are believed. Any AWS account can sign one, so an empty list believes none."},
		{Path: "webhook.tolerance", Type: Duration, Default: "5m, ses and sns 75m", Min: "1s", Max: "168h", Doc: "How far the timestamp of a webhook may be off."},
		{Path: "webhook.allow_from", Type: NetList, Doc: "Addresses or networks that may send webhooks; empty for any."},
		{Path: "webhook.certificates", Type: Text, Doc: "Folder of certificates trusted beside Amazon's host rule, in mock mode only."},
		{Path: "bounces.host", Type: Text, Doc: "IMAP server of the mailbox that bounces come back to, such as imap.gmail.com or outlook.office365.com, for mail servers that post no webhooks. Empty reads none."},
		{Path: "bounces.port", Type: Count, Default: "smtp 993", Min: "1", Max: "65535", Doc: "Its port."},
		{Path: "bounces.tls", Type: Choice, Default: "smtp tls", Allowed: []string{"tls", "starttls", "none"}, Doc: "How the connection is encrypted; none is for a server on this machine only."},
		{Path: "bounces.username", Type: Text, Doc: "Account of the mailbox. Empty for the one that sends."},
		{Path: "bounces.password", Type: SecretText, Doc: "Its password or app password. Empty for that of the sender, or its xoauth2."},
		{Path: "bounces.folder", Type: Text, Default: "smtp INBOX", Doc: "Folder to read. Only unseen delivery status notifications are."},
		{Path: "bounces.done", Type: Text, Doc: "Folder that read ones are moved to. Empty marks them as seen where they are."},
		{Path: "bounces.every", Type: Duration, Default: "smtp 1m", Min: "1s", Max: "24h", Doc: "How often the folder is looked into. A server that tells of new mail is believed at once."},
		{Path: "options.<option>", Type: Text, Doc: "A setting of the driver alone, such as a path or a field name; docs/CONFIGURATION.md lists them at its end."},
	}
	for i := range keys {
		keys[i].Path = "providers.<name>." + keys[i].Path
	}
	return keys
}

func logLevels() []string { return []string{"debug", "info", "warn", "error"} }
