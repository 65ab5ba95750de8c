package config

import "slices"

// preset is what a provider's name stands for when nothing else is said, or
// what a driver needs. Values are written as in a file.
type preset struct {
	name, driver string
	// values are defaults of the provider's keys.
	values [][2]string
	// limits are the vendor's own; the simulator is not held to them.
	limits [][2]string
	// needs lists keys without which the vendor's own endpoint answers nothing.
	needs []string
}

// driver is a vendor's code and what it is for.
type driver struct {
	name, route string
	values      [][2]string
}

// drivers lists what can be configured. Hosts and limits are those of the
// vendors' documentation; what an account may do differs and is set by key.
func drivers() []driver {
	return []driver{
		{"smtp", "email", [][2]string{{"port", "587"}, {"tls", "starttls"}, {"auth", "auto"}, {"timeout", "15s"}, {"max_conns", "8"}, {"on_unknown", "retry"}}},
		{"sns", "sms", [][2]string{{"region", "ap-northeast-1"}, {"on_unknown", "hold"}}},
		{"solapi", "sms", [][2]string{{"url", "https://api.solapi.com"}, {"on_unknown", "confirm"}}},
		{"nhncloud", "sms", [][2]string{{"url", "https://sms.api.nhncloudservice.com"}, {"on_unknown", "confirm"}}},
		{"sens", "sms", [][2]string{{"url", "https://sens.apigw.ntruss.com"}, {"on_unknown", "confirm"}}},
		{"nicednb", "business", [][2]string{{"url", "https://gate.nicednb.com"}, {"on_unknown", "retry"}}},
		{"nts", "business", [][2]string{{"url", "https://api.odcloud.kr"}, {"on_unknown", "retry"}}},
		{"juso", "address", [][2]string{{"url", "https://business.juso.go.kr"}, {"on_unknown", "retry"}}},
		{"kakao", "address", [][2]string{{"url", "https://dapi.kakao.com"}, {"on_unknown", "retry"}}},
	}
}

// presets lists the provider names that need no driver.
func presets() []preset {
	return []preset{
		{name: "smtp", driver: "smtp"},
		{name: "gmail", driver: "smtp", needs: []string{"username"}, // password, or oauth
			values: [][2]string{{"host", "smtp.gmail.com"}},
			limits: [][2]string{{"quota", "2000"}}},
		{name: "outlook", driver: "smtp", needs: []string{"username"},
			values: [][2]string{{"host", "smtp.office365.com"}, {"max_conns", "3"}},
			limits: [][2]string{{"rate", "30/m"}, {"burst", "3"}, {"quota", "10000"}}},
		{name: "sendgrid", driver: "smtp", needs: []string{"password"},
			values: [][2]string{{"host", "smtp.sendgrid.net"}, {"username", "apikey"}, {"on_unknown", "confirm"}}},
		{name: "ses", driver: "smtp",
			values: [][2]string{{"region", "ap-northeast-2"}, {"on_unknown", "confirm"}, {"webhook.tolerance", "75m"}}},
		{name: "sns", driver: "sns",
			values: [][2]string{{"webhook.tolerance", "75m"}},
			limits: [][2]string{{"rate", "20"}, {"burst", "20"}}},
		{name: "solapi", driver: "solapi", needs: []string{"api_key", "api_secret"}},
		{name: "nhncloud", driver: "nhncloud", needs: []string{"api_key", "api_secret"}},
		{name: "sens", driver: "sens", needs: []string{"api_key", "api_secret"}},
		{name: "nicednb", driver: "nicednb", needs: []string{"api_key", "api_secret"}, limits: [][2]string{{"rate", "5"}, {"burst", "5"}}},
		{name: "nts", driver: "nts", needs: []string{"api_key"}, limits: [][2]string{{"quota", "1000000"}}},
		{name: "juso", driver: "juso", needs: []string{"api_key"}},
		{name: "kakao", driver: "kakao", needs: []string{"api_key"}, limits: [][2]string{{"quota", "100000"}}},
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

// Presets lists the provider names that need no driver.
func Presets() []string {
	var names []string
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

func presetOf(name string) (preset, bool) {
	all := presets()
	i := slices.IndexFunc(all, func(p preset) bool { return p.name == name })
	if i < 0 {
		return preset{}, false
	}
	return all[i], true
}

func driverOf(name string) (driver, bool) {
	all := drivers()
	i := slices.IndexFunc(all, func(d driver) bool { return d.name == name })
	if i < 0 {
		return driver{}, false
	}
	return all[i], true
}
