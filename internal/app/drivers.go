package app

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/juso"
	"github.com/gangwon-portal/gangway/providers/kakao"
	"github.com/gangwon-portal/gangway/providers/nhncloud"
	"github.com/gangwon-portal/gangway/providers/nicednb"
	"github.com/gangwon-portal/gangway/providers/nts"
	"github.com/gangwon-portal/gangway/providers/sens"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smtp"
	"github.com/gangwon-portal/gangway/providers/sns"
	"github.com/gangwon-portal/gangway/providers/solapi"
)

// drivers makes the driver of a configured provider. In mock mode it gets the
// simulator's address and credentials and is otherwise the same code.
type drivers struct {
	simulator *simulator.Simulator // nil when nothing is mocked
}

// account is where a provider is reached and what it is shown.
type account struct {
	url, user, secret string
}

// account resolves live or mock for vendors with an HTTP API.
func (d drivers) account(p config.Provider) (account, error) {
	if !p.Mock() {
		return account{url: p.URL, user: p.APIKey.Reveal(), secret: p.APISecret.Reveal()}, nil
	}
	if d.simulator == nil {
		return account{}, fmt.Errorf("app: provider %s is mocked and no simulator runs", p.Name)
	}
	// The simulator knows the account by its vendor, whatever the provider is called.
	user, secret := simulator.Credentials(p.Driver)
	if user == "" {
		user = secret // vendors that know a single key
	}
	return account{url: d.simulator.URL(p.Driver), user: user, secret: secret}, nil
}

// email makes a mail driver.
func (d drivers) email(p config.Provider) (providers.Provider[providers.Email], error) {
	if p.Driver != "smtp" {
		return nil, fmt.Errorf("app: provider %s: driver %q sends no e-mail", p.Name, p.Driver)
	}
	o := smtp.Options{
		Name: p.Name, Host: p.Host, Port: p.Port, TLS: p.TLS, Auth: p.Auth, Username: p.Username,
		Region: p.Region, From: p.From, MaxConns: p.MaxConns, ConfigurationSet: p.Options["configuration_set"],
	}
	if _, known := smtp.Presets()[p.Name]; known {
		o.Preset = p.Name
	}
	if p.Mock() {
		return d.mockEmail(p, o)
	}
	if !p.Password.IsZero() {
		o.Password = p.Password.Reveal
	}
	if !p.APISecret.IsZero() {
		o.Username, o.AWSSecretKey = p.APIKey.Reveal(), p.APISecret.Reveal
	}
	if p.Auth == smtp.AuthXOAuth2 {
		oauth := oauthOptions(p)
		o.OAuth = &oauth
	}
	var err error
	if o.RootCAs, err = authorities(p); err != nil {
		return nil, err
	}
	return smtp.New(o)
}

func oauthOptions(p config.Provider) smtp.OAuthOptions {
	o := smtp.OAuthOptions{
		TokenURL: p.OAuth.TokenURL, Scope: p.OAuth.Scope, Tenant: p.Options["tenant"], ClientID: p.OAuth.ClientID,
		ClientSecret: p.OAuth.ClientSecret.Reveal,
	}
	if !p.OAuth.RefreshToken.IsZero() {
		o.RefreshToken = p.OAuth.RefreshToken.Reveal
	}
	return o
}

// authorities are those trusted for a provider, nil for the system's.
func authorities(p config.Provider) (*x509.CertPool, error) {
	if p.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(p.CA)
	if err != nil {
		return nil, fmt.Errorf("app: provider %s: ca: %w", p.Name, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("app: provider %s: ca: %s holds no certificate", p.Name, p.CA)
	}
	return pool, nil
}

func (d drivers) mockEmail(p config.Provider, o smtp.Options) (providers.Provider[providers.Email], error) {
	if d.simulator == nil {
		return nil, fmt.Errorf("app: provider %s is mocked and no simulator runs", p.Name)
	}
	server := o.Preset
	if server == "" {
		server = "smtp"
	}
	host, port, err := net.SplitHostPort(d.simulator.SMTP(server))
	if err != nil {
		return nil, fmt.Errorf("app: provider %s: the simulator has no mail server %q", p.Name, server)
	}
	user, secret := simulator.Credentials(server)
	o.Host, o.TLS, o.Auth, o.Username, o.Password = host, smtp.StartTLS, smtp.AuthAuto, user, smtp.Plain(secret)
	o.RootCAs = d.simulator.RootCAs()
	if o.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("app: provider %s: %w", p.Name, err)
	}
	if o.From == "" {
		o.From = "portal@gangwon.example"
	}
	return smtp.New(o)
}

// sms makes a driver for text messages.
func (d drivers) sms(p config.Provider) (providers.Provider[providers.SMS], error) {
	a, err := d.account(p)
	if err != nil {
		return nil, err
	}
	from := p.From
	if from == "" && p.Mock() && p.Driver != "sns" {
		from = "033-249-2114"
	}
	switch p.Driver {
	case "sns":
		return sns.New(sns.Options{
			Name: p.Name, BaseURL: a.url, Region: mockRegion(p), AccessKeyID: a.user, SecretAccessKey: a.secret,
			From: from, MaxPrice: p.Options["max_price"], Connections: p.MaxConns,
		})
	case "solapi":
		return solapi.New(solapi.Options{Name: p.Name, BaseURL: a.url, APIKey: a.user, APISecret: a.secret, From: from, Connections: p.MaxConns})
	case "nhncloud":
		return nhncloud.New(nhncloud.Options{Name: p.Name, BaseURL: a.url, AppKey: a.user, SecretKey: a.secret, From: from, Connections: p.MaxConns})
	case "sens":
		service := p.Options["service_id"]
		if p.Mock() {
			service = simulator.ServiceID
		}
		return sens.New(sens.Options{Name: p.Name, BaseURL: a.url, ServiceID: service, AccessKey: a.user, SecretKey: a.secret, From: from, Connections: p.MaxConns})
	}
	return nil, fmt.Errorf("app: provider %s: driver %q sends no SMS", p.Name, p.Driver)
}

func mockRegion(p config.Provider) string {
	if p.Mock() {
		return simulator.Region
	}
	return p.Region
}

// business makes a driver that looks companies up.
func (d drivers) business(p config.Provider) (providers.Provider[providers.Company], error) {
	a, err := d.account(p)
	if err != nil {
		return nil, err
	}
	switch p.Driver {
	case "nicednb":
		return nicednb.New(nicednb.Options{
			Name: p.Name, BaseURL: a.url, AppKey: a.user, AppSecret: a.secret, TokenPath: p.Options["token_path"],
			SearchPath: p.Options["search_path"], DetailPath: p.Options["detail_path"], Fields: fieldMap(p.Options),
			SuccessCodes: list(p.Options["success_codes"]), NoDataCodes: list(p.Options["no_data_codes"]), Codes: codeMap(p.Options["codes"]),
			CheckNumber: p.Options["check_number"], Conns: p.MaxConns,
		})
	case "nts":
		window := 20 * time.Millisecond
		if text := p.Options["batch_window"]; text != "" {
			if window, err = time.ParseDuration(text); err != nil {
				return nil, fmt.Errorf("app: providers.%s.options.batch_window: %q is no duration", p.Name, text)
			}
		}
		return nts.New(nts.Options{
			Name: p.Name, BaseURL: a.url, Key: a.user, StatusPath: p.Options["status_path"], ValidatePath: p.Options["validate_path"],
			BatchWindow: window, Timeout: p.Timeout, CheckNumber: p.Options["check_number"], Conns: p.MaxConns,
		})
	}
	return nil, fmt.Errorf("app: provider %s: driver %q verifies no companies", p.Name, p.Driver)
}

// address makes a driver that searches addresses.
func (d drivers) address(p config.Provider) (providers.Provider[providers.Address], error) {
	a, err := d.account(p)
	if err != nil {
		return nil, err
	}
	switch p.Driver {
	case "juso":
		return juso.New(juso.Options{Name: p.Name, BaseURL: a.url, Key: a.user, Path: p.Options["path"], CheckKeyword: p.Options["check_keyword"], Conns: p.MaxConns}), nil
	case "kakao":
		return kakao.New(kakao.Options{Name: p.Name, BaseURL: a.url, Key: a.user, Path: p.Options["path"], CheckKeyword: p.Options["check_keyword"], Conns: p.MaxConns}), nil
	}
	return nil, fmt.Errorf("app: provider %s: driver %q searches no addresses", p.Name, p.Driver)
}

// fieldMap reads options "field_<logical name>": "KEY1,KEY2".
func fieldMap(options map[string]string) map[string][]string {
	fields := map[string][]string{}
	for option, keys := range options {
		if name, ok := strings.CutPrefix(option, "field_"); ok {
			fields[name] = list(keys)
		}
	}
	return fields
}

// list splits a text at commas and spaces; nil for one without words, so that
// drivers take their own.
func list(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) == 0 {
		return nil
	}
	return words
}

// codeMap reads "CODE=reason,CODE=reason": what further codes of a vendor mean.
func codeMap(text string) map[string]fault.Reason {
	codes := map[string]fault.Reason{}
	for _, pair := range list(text) {
		code, reason, _ := strings.Cut(pair, "=")
		codes[code] = fault.Reason(reason)
	}
	return codes
}
