package smtp

import (
	"strings"
	"testing"
)

// TestSESPassword: the vector that Terraform's AWS provider publishes.
func TestSESPassword(t *testing.T) {
	const want = "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"
	if got := SESPassword("some+secret+key", "eu-central-1"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s := serve(t, func(s *scripted) {
		s.users = func(_, response string) bool { return response == "\x00"+testUser+"\x00"+want }
	})
	d := s.driver(func(o *Options) {
		o.Preset, o.Password, o.AWSSecretKey, o.Region = SES, nil, Plain("some+secret+key"), "eu-central-1"
	})
	if err := send(t, d); err != nil {
		t.Error(err)
	}
}

// TestOptions: what cannot work is refused with all its problems at once.
func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    []string
	}{
		"nothing":        {Options{}, []string{"host"}},
		"preset":         {Options{Preset: "yahoo"}, []string{`"yahoo"`}},
		"several":        {Options{Host: "a b", Port: -1, TLS: "ssl", Auth: "ntlm", From: "x", Helo: "a b"}, []string{"host", "port", "tls", "auth", "from", "helo"}},
		"plaintext":      {Options{Host: "mail.example", TLS: NoTLS, Username: "u", Password: Plain("p")}, []string{"without TLS"}},
		"no password":    {Options{Host: "mail.example", Auth: AuthPlain, Username: "u"}, []string{"needs a user name and a password"}},
		"no oauth":       {Options{Host: "mail.example", Auth: AuthXOAuth2, Username: "u"}, []string{"OAuth"}},
		"token url":      {Options{Preset: Gmail, Username: "u", OAuth: &OAuthOptions{TokenURL: "http://mail.example/token", ClientID: "c", ClientSecret: Plain("s")}}, []string{"https"}},
		"no client":      {Options{Preset: Gmail, Username: "u", OAuth: &OAuthOptions{}}, []string{"client id"}},
		"no token url":   {Options{Host: "mail.example", Username: "u", OAuth: &OAuthOptions{ClientID: "c", ClientSecret: Plain("s")}}, []string{"token URL"}},
		"tag":            {Options{Preset: SES, ConfigurationSet: "a b\r\n"}, []string{"configuration set"}},
		"good":           {Options{Preset: SES, Username: "u", AWSSecretKey: Plain("k")}, nil},
		"good on a host": {Options{Host: "localhost", TLS: NoTLS, Username: "u", Password: Plain("p")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(c.options)
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				_ = d.Close()
				return
			}
			for _, word := range c.want {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("%v does not say %q", err, word)
				}
			}
		})
	}
	d, err := New(Options{Preset: SES, Username: "u", Password: Plain("p"), Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if d.URL() != "smtp://email-smtp.eu-west-1.amazonaws.com:587" || d.Name() != SES {
		t.Errorf("%s at %s", d.Name(), d.URL())
	}
	if limits := Presets()[Outlook]; limits.MaxConns != 3 || limits.PerMinute != 30 || limits.PerDay != 10000 {
		t.Errorf("Outlook's limits: %+v", limits)
	}
}
