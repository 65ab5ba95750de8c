package config

// The table, topic by topic. Defaults are written as a person would write them;
// a test parses each and holds the table against the struct.

func connectionKeys() []Key {
	return []Key{
		{Path: "nats.url", Type: ConnString, Doc: "NATS servers, several with commas. worker dev starts one of its own when it is empty; worker run needs it."},
		{Path: "nats.creds", Type: Text, Doc: "Path of a NATS credentials file."},
		{Path: "nats.tls.ca", Type: Text, Doc: "PEM file of the authorities that sign the NATS servers' certificates; empty for the system's."},
		{Path: "nats.tls.cert", Type: Text, Doc: "PEM file of the client certificate, together with nats.tls.key."},
		{Path: "nats.tls.key", Type: Text, Doc: "PEM file of the client certificate's key."},
		{Path: "nats.replicas", Type: Count, Default: "1", Allowed: []string{"1", "3", "5"}, Doc: "Copies of every stream and bucket. More than one needs a cluster of at least as many servers; production wants 3."},
		{Path: "nats.max_bytes", Type: Bytes, Default: "0", Min: "0", Doc: "Bound of the command stream. A full stream refuses the publisher; nothing stored is dropped. 0 leaves the bound to the server."},
		{Path: "postgres.url", Type: ConnString, Doc: "Any pgx connection string. worker dev starts a database of its own when it is empty; worker run needs it."},
		{Path: "postgres.max_conns", Type: Count, Default: "16", Min: "4", Max: "1000", Doc: "Connections of one process to Postgres."},
		{Path: "postgres.seal", Type: Switch, Default: "false", Doc: "Encrypt the bodies of dead letters with the key in GANGWAY_SECRETS_KEY; the stream of dead letters then goes without them. What is sealed opens whether or not it is on."},
	}
}

func listenerKeys() []Key {
	return []Key{
		{Path: "http.addr", Type: Listen, Default: "127.0.0.1:8080", Doc: "Public listener: webhooks, address search, postcode page, /healthz."},
		{Path: "http.trusted_proxies", Type: NetList, Doc: "Proxies whose X-Forwarded-For is believed, as addresses or networks (10.0.0.0/8)."},
		{Path: "http.client_rate", Type: Rate, Default: "5", Doc: "Address searches a second for one client of the public listener; 0 for no limit."},
		{Path: "http.client_burst", Type: Count, Default: "20", Min: "1", Max: "100000", Doc: "Address searches that one client may make at once."},
		{Path: "http.tls.cert", Type: Text, Doc: "PEM file of the public listener's certificate, together with http.tls.key; empty for plain HTTP. A replaced file is taken up by itself."},
		{Path: "http.tls.key", Type: Text, Doc: "PEM file of the certificate's key."},
		{Path: "admin.addr", Type: Listen, Default: "127.0.0.1:8081", Doc: "Admin listener: dashboard, metrics, API. Never expose it."},
		{Path: "admin.token", Type: SecretText, Doc: "The first write token of the admin listener. Required when admin.addr is not on loopback."},
		{Path: "admin.tokens", Type: SecretList, Doc: "Further tokens, by hash only: NAME:read:sha256:HEX or NAME:write:sha256:HEX with the token's SHA-256. The names stand in the audit log."},
		{Path: "admin.tls.cert", Type: Text, Doc: "PEM file of the admin listener's certificate, together with admin.tls.key; empty for plain HTTP."},
		{Path: "admin.tls.key", Type: Text, Doc: "PEM file of the certificate's key."},
	}
}

func processKeys() []Key {
	return []Key{
		{Path: "mock", Type: Switch, Default: "false", Doc: "All providers against the simulator, but for those with providers.<name>.mode. worker dev and make demo switch it on."},
		{Path: "mock_in_production", Type: Switch, Default: "false", Doc: "Allows mock mode although the environment is production: nothing reaches anybody."},
		{Path: "data_dir", Type: Text, Default: ".gangway", Doc: "Where worker dev keeps its embedded NATS and Postgres."},
		{Path: "log.level", Type: Choice, Default: "info", Allowed: logLevels(), Doc: "Least level that is logged. At debug every provider call shows its request and response, redacted."},
		{Path: "log.format", Type: Choice, Allowed: []string{"json", "console"}, Doc: "How lines look. Empty: console on a terminal, else json."},
		{Path: "templates.dir", Type: Text, Doc: "Folder of templates that stand above the embedded ones."},
		{Path: "health.interval", Type: Duration, Default: "5m", Min: "1s", Max: "24h", Doc: "How often every provider is checked."},
		{Path: "shutdown.grace", Type: Duration, Default: "30s", Min: "0s", Max: "1h", Doc: "How long commands in flight may take when the program is told to stop."},
		{Path: "worker.heartbeat", Type: Duration, Default: "5s", Min: "100ms", Max: "10m", Doc: "How often a worker shows in Postgres that it is alive."},
		{Path: "worker.lease", Type: Duration, Default: "30s", Min: "1s", Max: "1h", Doc: "How long that counts. After it the claims of a silent worker are taken over; no call starts with less of it left than its time-out."},
		{Path: "worker.ack_wait", Type: Duration, Default: "30s", Min: "1s", Max: "1h", Doc: "How long the broker waits for a sign of life of one message before it hands it out again."},
		{Path: "worker.reap", Type: Duration, Default: "30s", Min: "1s", Max: "1h", Doc: "How often deliveries are looked for that have no message any more."},
		{Path: "worker.leader_lease", Type: Duration, Default: "10s", Min: "1s", Max: "5m", Doc: "How long a task that one worker does for all stays with a worker that is gone."},
	}
}

func routeKeys() []Key {
	return []Key{
		{Path: "routes.email", Type: List, Doc: "Providers of email.send in the order of failover. In mock mode ses, sendgrid when empty."},
		{Path: "routes.sms", Type: List, Doc: "Providers of sms.send in the order of failover. In mock mode solapi, sns when empty."},
		{Path: "routes.business", Type: List, Doc: "Providers of business.verify in the order of failover. In mock mode nicednb, nts when empty."},
		{Path: "routes.address", Type: List, Doc: "Providers of address.search in the order of failover. In mock mode juso, kakao when empty."},
	}
}

func kindKeys() []Key {
	return []Key{
		{Path: "pool.<kind>", Type: Count, Default: "email.send 64, sms.send 32, business.verify 32, address.search 32, webhook.process 64, else 8", Min: "1", Max: "65536", Doc: "Commands of a kind that one worker executes at once."},
		{Path: "retry.<kind>.base", Type: Duration, Default: "1s", Min: "1ms", Max: "24h", Doc: "Longest wait before the first retry; jitter shortens it."},
		{Path: "retry.<kind>.factor", Type: Number, Default: "2", Min: "1", Max: "10", Doc: "How much longer each further wait is."},
		{Path: "retry.<kind>.cap", Type: Duration, Default: "30s", Min: "1ms", Max: "168h", Doc: "Longest wait before any retry."},
		{Path: "retry.<kind>.max", Type: Count, Default: "3", Min: "0", Max: "3", Doc: "Retries after the first round."},
		{Path: "fallback.<kind>.default", Type: Object, Doc: "A look-up's answer when no provider and no cache has one: a JSON object in the shape of its result."},
	}
}

func lookupKeys() []Key {
	const provider, call = "cache.providers.<provider>.", "cache.providers.<provider>.calls.<call>."
	return []Key{
		{Path: "cache.entries", Type: Count, Default: "10000", Min: "0", Max: "10000000", Doc: "Answers that one worker keeps in memory."},
		{Path: "cache.<provider>.ttl", field: provider + "ttl", Type: Duration, Default: "business 24h, address 168h", Min: "0s", Doc: "How long an answer of any call of this provider is fresh; 0 keeps none."},
		{Path: "cache.<provider>.stale", field: provider + "stale", Type: Duration, Default: "720h", Min: "0s", Doc: "How much longer it may be served, marked stale, when every provider fails."},
		{Path: "cache.<provider>.negative", field: provider + "negative", Type: Duration, Default: "1h", Min: "0s", Doc: "How long \"not found\" is believed."},
		{Path: "cache.<provider>.<call>.ttl", field: call + "ttl", Type: Duration, Min: "0s", Doc: "The same for one call; what is not set follows the provider."},
		{Path: "cache.<provider>.<call>.stale", field: call + "stale", Type: Duration, Min: "0s", Doc: "The same for one call."},
		{Path: "cache.<provider>.<call>.negative", field: call + "negative", Type: Duration, Min: "0s", Doc: "The same for one call."},
		{Path: "postcode.origins", Type: List, Doc: "Origins (https://portal.example.kr) that the postcode page hands a picked address to."},
		{Path: "postcode.script_url", Type: URL, Default: "https://t1.kakaocdn.net/mapjsapi/bundle/postcode/prod/postcode.v2.js", Doc: "The postcode widget's script."},
	}
}

func retentionKeys() []Key {
	key := func(table, keep, doc string) Key {
		return Key{Path: "retention." + table, Type: Duration, Default: keep, Min: "0s", Doc: doc}
	}
	return []Key{
		key("deliveries", "730d", "How long finished deliveries are kept; a stub that keeps their ids from running twice stays. 0 keeps everything."),
		key("attempts", "90d", "How long provider calls are kept, with their redacted requests and responses."),
		key("events", "90d", "How long what webhooks reported is kept."),
		key("webhooks", "30d", "How long raw webhooks are kept."),
		key("deadletters", "180d", "How long dead letters are kept in Postgres; the stream takes it over when a worker starts."),
		key("audit", "1825d", "How long the log of operator actions is kept."),
		key("alerts", "365d", "How long alerts that are over are kept."),
		key("stats", "90d", "How long call statistics are kept."),
	}
}
