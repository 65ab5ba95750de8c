package config

import "slices"

// driver is a vendor's code: the route it serves, and what its providers are
// when nothing else is said. Values are written as in a file.
type driver struct {
	name, route string
	values      [][2]string
	// limits are the vendor's own; the simulator is not held to them.
	limits [][2]string
	// needs lists keys without which the vendor's own endpoint answers nothing.
	needs []string
}

// preset is a provider name that stands for a driver and more. The name of a
// driver is a preset of its own.
type preset struct {
	name, driver string
	values       [][2]string
	limits       [][2]string
	needs        []string
}

// drivers lists what can be configured. Hosts and limits are those of the
// vendors' documentation; what one account may do differs, and is set by key.
func drivers() []driver {
	return []driver{
		{name: "smtp", route: "email", values: [][2]string{
			{"port", "587"}, {"tls", "starttls"}, {"auth", "auto"}, {"timeout", "15s"}, {"max_conns", "8"}, {"on_unknown", "retry"},
			{"bounces.port", "993"}, {"bounces.tls", "tls"}, {"bounces.folder", "INBOX"}, {"bounces.every", "1m"}}},
		// Seoul sends no SMS; Tokyo is where its users are sent.
		{name: "sns", route: "sms", values: [][2]string{{"region", "ap-northeast-1"}, {"on_unknown", "hold"}, {"webhook.tolerance", "75m"}},
			limits: [][2]string{{"rate", "20"}, {"burst", "20"}}},
		{name: "solapi", route: "sms", needs: []string{"api_key", "api_secret"},
			values: [][2]string{{"url", "https://api.solapi.com"}, {"on_unknown", "confirm"}}},
		{name: "nhncloud", route: "sms", needs: []string{"api_key", "api_secret"},
			values: [][2]string{{"url", "https://sms.api.nhncloudservice.com"}, {"on_unknown", "confirm"}}},
		{name: "sens", route: "sms", needs: []string{"api_key", "api_secret"},
			values: [][2]string{{"url", "https://sens.apigw.ntruss.com"}, {"on_unknown", "confirm"}}},
		{name: "nicednb", route: "business", needs: []string{"api_key", "api_secret"},
			values: [][2]string{{"url", "https://gate.nicednb.com"}}, limits: [][2]string{{"rate", "5"}, {"burst", "5"}}},
		{name: "nts", route: "business", needs: []string{"api_key"},
			values: [][2]string{{"url", "https://api.odcloud.kr"}}, limits: [][2]string{{"quota", "1000000"}}},
		{name: "juso", route: "address", needs: []string{"api_key"},
			values: [][2]string{{"url", "https://business.juso.go.kr"}}},
		{name: "kakao", route: "address", needs: []string{"api_key"},
			values: [][2]string{{"url", "https://dapi.kakao.com"}}, limits: [][2]string{{"quota", "100000"}}},
	}
}

func presets() []preset {
	return []preset{
		{name: "gmail", driver: "smtp", needs: []string{"username"},
			values: [][2]string{{"host", "smtp.gmail.com"}}, limits: [][2]string{{"quota", "2000"}}},
		{name: "outlook", driver: "smtp", needs: []string{"username"},
			values: [][2]string{{"host", "smtp.office365.com"}, {"max_conns", "3"}},
			limits: [][2]string{{"rate", "30/m"}, {"burst", "3"}, {"quota", "10000"}}},
		{name: "sendgrid", driver: "smtp", needs: []string{"password"},
			values: [][2]string{{"host", "smtp.sendgrid.net"}, {"username", "apikey"}, {"on_unknown", "confirm"}}},
		// The host follows from the region, see finish.
		{name: "ses", driver: "smtp",
			values: [][2]string{{"region", "ap-northeast-2"}, {"on_unknown", "confirm"}, {"webhook.tolerance", "75m"}}},
	}
}

// Drivers lists the names that providers.<name>.driver may have.
func Drivers() []string {
	var names []string
	for _, d := range drivers() {
		names = append(names, d.name)
	}
	return names
}

// Presets lists the provider names that need no driver: those of the drivers
// themselves, then gmail, outlook, sendgrid and ses.
func Presets() []string {
	names := Drivers()
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

// RouteOf returns the route that a driver's providers can serve: email, sms,
// business or address; "" for an unknown driver.
func RouteOf(name string) string {
	return driverOf(name).route
}

func presetOf(name string) (preset, bool) {
	for _, p := range presets() {
		if p.name == name {
			return p, true
		}
	}
	if slices.Contains(Drivers(), name) {
		return preset{name: name, driver: name}, true
	}
	return preset{}, false
}

// driverOf returns the zero driver for an unknown name.
func driverOf(name string) driver {
	for _, d := range drivers() {
		if d.name == name {
			return d
		}
	}
	return driver{}
}
