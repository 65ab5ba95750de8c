package config

import "strings"

// driverOption is a setting of one driver, under providers.<name>.options.
type driverOption struct{ name, doc string }

// fieldOption stands before the name of a field of a reply.
const fieldOption = "field_<name>"

// optionsOf lists the options that a driver takes.
func optionsOf(driver string) []driverOption {
	switch driver {
	case "smtp":
		return []driverOption{
			{"configuration_set", "ses: the configuration set that publishes events."},
			{"tenant", "outlook with xoauth2: the tenant that gives out tokens."},
		}
	case "sns":
		return []driverOption{{"max_price", "The most that one message may cost, in US dollars."}}
	case "solapi":
		return []driverOption{{"webhook_secret", "`plain` when X-Solapi-Secret carries the secret itself instead of its SHA-1."}}
	case "sens":
		return []driverOption{{"service_id", "The service that sends, such as ncp:sms:kr:1:portal."}}
	case "nicednb":
		return []driverOption{
			{"token_path", "Path of the token call. Default /nice/oauth/v1.0/accesstoken."},
			{"search_path", "Path of the company search. Default /nice/bizinfo/v1.0/enterprise/general/search."},
			{"detail_path", "Path of the contract's detail product, which is asked instead of the search when set."},
			{fieldOption, "Where a reply has a field: keys in the order in which they are tried, with commas. Names are list, registration_number, name, representative, type, industry, postal_code, address, address_detail, phone, opened_on."},
			{"success_codes", "Values of dataHeader.resCd that mean success, with commas. Empty takes any."},
			{"no_data_codes", "Values of dataBody.errorCode that mean that nothing was found. Default NOAG1001,NOAG1201."},
			{"codes", "What further codes mean, such as NOAG9001=quota_exhausted,E77=unauthorized. Others are unavailable."},
			{"check_number", "Registration number that health checks ask about."},
		}
	case "nts":
		return []driverOption{
			{"batch_window", "How long the first of several verifications waits for others to share its call. Default 20ms; 0s turns sharing off."},
			{"status_path", "Path of the status call. Default /api/nts-businessman/v1/status."},
			{"validate_path", "Path of the validate call. Default /api/nts-businessman/v1/validate."},
			{"check_number", "Registration number that health checks ask about."},
		}
	case "juso", "kakao":
		return []driverOption{{"path", "Path of the search."}, {"check_keyword", "Keyword that health checks search for."}}
	}
	return nil
}

// checkOptions refuses what the driver would never read.
func checkOptions(p *Problems, key string, provider Provider) {
	var names []string
	for _, option := range optionsOf(provider.Driver) {
		names = append(names, option.name)
	}
	for _, given := range sortedKeys(provider.Options) {
		known := false
		for _, name := range names {
			before, _, wild := strings.Cut(name, "<")
			known = known || given == name || wild && strings.HasPrefix(given, before)
		}
		switch near := nearestOf(given, names); {
		case known:
		case len(names) == 0:
			p.add(key+".options."+given, "", "is not known: driver %s has no options", provider.Driver)
		case near != "":
			p.add(key+".options."+given, "", "is not an option of driver %s, did you mean %s?", provider.Driver, near)
		default:
			p.add(key+".options."+given, "", "is not an option of driver %s; it has %s", provider.Driver, strings.Join(names, ", "))
		}
	}
}
