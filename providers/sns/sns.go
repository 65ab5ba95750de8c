// Package sns sends SMS through Amazon SNS, with the vendor's SDK.
//
// For Korean numbers it is a route of last resort. The developer guide's table
// (2022, the last public one) knows no sender number and no sender name for South
// Korea, so messages come from a number that is not the portal's and count as
// international. Seoul (ap-northeast-2) is not among the regions that send SMS,
// which is why Tokyo is the default: a call to Seoul is accepted and may never
// arrive. Acceptance says little anyway: spend limits, the sandbox, opt-outs and
// bad numbers fail later, and that is told to CloudWatch Logs only. SNS can
// neither be asked about a message nor deduplicates, so that an unanswered call
// stays unknown until a person settles it.
//
// The access key needs sns:Publish, and sns:GetSMSAttributes for Check.
package sns

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gangwon-portal/gangway/providers"
)

// DefaultRegion is Tokyo, the nearest to Korea that sends SMS.
const DefaultRegion = "ap-northeast-1"

// Options configure one provider.
type Options struct {
	Name            string // default "sns"
	BaseURL         string // default: the region's own endpoint
	Region          string // default [DefaultRegion]
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials; else ""
	// From is a sender name (3 to 11 letters, digits or hyphens, at least one
	// letter) or an origination number in E.164, for countries that know them.
	From string
	// MaxPrice in US dollars of one message, "0.50"; "" takes the account's.
	MaxPrice string
	// Connections kept at most; default 16.
	Connections int
}

// Driver sends through one account and region. Its methods may be called at once.
type Driver struct {
	options Options
	api     *sns.Client
	send    *providers.HTTPClient // reaches people
	ask     *providers.HTTPClient // does not
}

// New returns a driver, or an error that says which option is missing.
func New(options Options) (*Driver, error) {
	if options.Name == "" {
		options.Name = "sns"
	}
	if options.Region == "" {
		options.Region = DefaultRegion
	}
	if options.AccessKeyID == "" || options.SecretAccessKey == "" {
		return nil, errors.New("sns: username or api_key (the access key id) and password or api_secret (the secret access key) are required")
	}
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: options.AccessKeyID, SecretAccessKey: options.SecretAccessKey, SessionToken: options.SessionToken, Source: "gangway",
		}, nil
	})
	settings := sns.Options{
		Region: options.Region, Credentials: credentials,
		// A repeated Publish is a second message to the same person.
		RetryMaxAttempts: 1, Retryer: aws.NopRetryer{},
	}
	if base := strings.TrimRight(options.BaseURL, "/"); base != "" {
		settings.BaseEndpoint = aws.String(base + "/") // the SDK drops the slash of a base with a path
	}
	return &Driver{
		options: options,
		api:     sns.New(settings),
		send:    providers.NewHTTPClient(true, options.Connections),
		ask:     providers.NewHTTPClient(false, options.Connections),
	}, nil
}

// Name implements [providers.Provider].
func (d *Driver) Name() string { return d.options.Name }

// Do publishes one message to a number.
func (d *Driver) Do(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	input, err := d.message(call.Request)
	if err != nil {
		return providers.Answer{}, err
	}
	made := d.send.SDKCall("publish")
	output, err := d.api.Publish(ctx, input, by(made))
	if err != nil {
		return providers.Answer{}, judge("publish", d.send, made, err)
	}
	if aws.ToString(output.MessageId) == "" {
		return providers.Answer{}, d.send.Unreadable("publish", errors.New("the answer has no message id"))
	}
	return providers.Answer{MessageID: *output.MessageId}, nil
}

// Check reads the account's SMS settings.
func (d *Driver) Check(ctx context.Context) error {
	made := d.ask.SDKCall("settings")
	output, err := d.api.GetSMSAttributes(ctx, &sns.GetSMSAttributesInput{}, by(made))
	if err != nil {
		return judge("settings", d.ask, made, err)
	}
	if output.Attributes == nil && !strings.Contains(string(made.Answer.Body), "GetSMSAttributesResult") {
		return d.ask.Unreadable("settings", errors.New("the answer has no settings"))
	}
	return nil
}

// Close drops the kept connections.
func (d *Driver) Close() {
	d.send.Close()
	d.ask.Close()
}

// by lets one operation go over one call of ours.
func by(made *providers.SDKCall) func(*sns.Options) {
	return func(options *sns.Options) { options.HTTPClient = made }
}

var _ providers.Provider[providers.SMS] = (*Driver)(nil)
