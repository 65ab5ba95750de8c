package smtp

// The presets. A driver without one talks to any server (preset "").
const (
	Gmail    = "gmail"
	Outlook  = "outlook"
	SendGrid = "sendgrid"
	SES      = "ses"
)

// Preset is what a vendor is known to want and to allow. Limits are figures of
// the vendor's documentation for an ordinary account; 0 means that it names none.
type Preset struct {
	Host string // SES: the region is put in
	Port int
	TLS  string
	Auth string
	// Username is fixed where it is no account name.
	Username string
	// MaxConns is how many connections one account may have open.
	MaxConns int
	// PerMinute is how many messages an account may send in a minute.
	PerMinute int
	// PerDay is how many recipients an account may reach in 24 hours.
	PerDay int
	// MaxRecipients and MaxBytes bound one message, as encoded.
	MaxRecipients int
	MaxBytes      int64
	// TokenURL and Scope are those of XOAUTH2; {tenant} is put in.
	TokenURL, Scope string
	// AppScope is the scope of the client-credentials flow, "" where the vendor has none.
	AppScope string
	// Reports says that the vendor posts what became of a message.
	Reports bool
}

// Presets returns the table of vendors by name, "" being a server of one's own.
//
// Sources: Gmail's sending limits for Workspace accounts; Microsoft's SMTP
// submission limits (3 connections, 30 messages a minute, 10,000 recipients a
// day); SendGrid's SMTP reference; the Amazon SES developer guide (40 MB, 50
// recipients; rate and daily quota are per account and start at 1 a second and
// 200 a day).
func Presets() map[string]Preset {
	return map[string]Preset{
		"": {Port: 587, TLS: StartTLS, Auth: AuthAuto, MaxConns: 8},
		Gmail: {
			Host: "smtp.gmail.com", Port: 587, TLS: StartTLS, Auth: AuthAuto, MaxConns: 10,
			PerDay: 2000, MaxRecipients: 100, MaxBytes: 25 << 20,
			TokenURL: "https://oauth2.googleapis.com/token", Scope: "https://mail.google.com/",
		},
		Outlook: {
			Host: "smtp.office365.com", Port: 587, TLS: StartTLS, Auth: AuthAuto, MaxConns: 3,
			PerMinute: 30, PerDay: 10000, MaxRecipients: 500,
			TokenURL: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
			Scope:    "https://outlook.office.com/SMTP.Send offline_access",
			AppScope: "https://outlook.office365.com/.default",
		},
		SendGrid: {
			Host: "smtp.sendgrid.net", Port: 587, TLS: StartTLS, Auth: AuthPlain, Username: "apikey", MaxConns: 16,
			MaxBytes: 30 << 20, Reports: true,
		},
		SES: {
			Host: "email-smtp.{region}.amazonaws.com", Port: 587, TLS: StartTLS, Auth: AuthAuto, MaxConns: 16,
			MaxRecipients: 50, MaxBytes: 40 << 20, Reports: true,
		},
	}
}
