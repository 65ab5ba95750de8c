package simulator

// Credentials returns what clients of a provider must present: a user name and
// a secret, in the vendor's own sense. The user is "" where the vendor knows
// only a key, and both are "" for an unknown provider. They open nothing but
// the simulator, so they are no secrets.
//
//	smtp, gmail, outlook, sendgrid   SMTP user and password
//	ses                              access key id and the SMTP password derived from SecretKey for Region
//	sns                              access key id and SecretKey
//	solapi                           API key and API secret
//	nhncloud                         app key and secret key
//	sens                             access key and secret key (service id: ServiceID)
//	nicednb                          client id and client secret
//	nts, juso, kakao                 "" and the service key
func Credentials(provider string) (user, secret string) {
	switch provider {
	case "smtp":
		return "portal", "simulator-smtp-password"
	case "gmail":
		return "portal@gangwon.example", "simulatorapppass"
	case "outlook":
		return "portal@gangwon.example", "simulator-outlook-password"
	case "sendgrid":
		return "apikey", "SG.simulator-sendgrid-key"
	case "ses":
		// SMTP credentials of SES are derived, not chosen; a test derives this one again.
		return "AKIASIMULATOR0000000", "BGfYhJmjMuy8ewvQxC+lBFl5Cxl6DjhMpQLNSkB8Nr+A"
	case "sns":
		return "AKIASIMULATOR0000000", SecretKey
	case "solapi":
		return "NCSSIMULATOR0000", "simulator-solapi-api-secret-0001"
	case "nhncloud":
		return "simulatorAppKey0", "simulatorNhnSecretKey"
	case "sens":
		return "simulatorSensAccessKey", "simulator-sens-secret-key"
	case "nicednb":
		return "simulator-nice-client", "simulator-nice-secret"
	case "nts":
		return "", "simulator-nts-service-key=="
	case "juso":
		return "", "simulator-juso-confm-key"
	case "kakao":
		return "", "simulator-kakao-rest-key"
	}
	return "", ""
}

// Fixed identities of the simulated accounts.
const (
	// SecretKey is the secret access key behind ses and sns.
	SecretKey = "SimulatorSecretKeyOfNoAccount00000000000"
	// Region is where the simulated AWS account lives.
	Region = "ap-northeast-2"
	// ServiceID is the SENS project.
	ServiceID = "ncp:sms:kr:000000000000:simulator"
)

// BearerToken is the access token that the XOAUTH2 logins of gmail and outlook
// accept; the token endpoints of the simulator give it out.
func BearerToken(provider string) string { return "simulator-access-token-" + provider }
