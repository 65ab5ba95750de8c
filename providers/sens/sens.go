// Package sens sends SMS and LMS through Naver Cloud's Simple & Easy
// Notification Service, SMS API v2. Wire facts are from the vendor's documents
// (api.ncloud-docs.com); where they are silent the code says so.
//
// The vendor has neither webhooks nor a field for our id. What became of a
// message is asked for by the request id, see [Driver.Track].
package sens

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Addresses of the vendor: the public zone, and that of government customers.
const (
	DefaultURL    = "https://sens.apigw.ntruss.com"
	GovernmentURL = "https://sens.apigw.gov-ntruss.com"
)

// Options configure one provider.
type Options struct {
	Name      string // default "sens"
	BaseURL   string // default [DefaultURL]
	ServiceID string // of the project, with its colons: "ncp:sms:kr:123456789012:portal"
	AccessKey string
	SecretKey string
	// From is the registered sender of commands that name none.
	From string
	// Connections kept at most; default 16.
	Connections int
	// Now is the clock that signs; default time.Now.
	Now func() time.Time
}

// Driver sends through one project. Its methods may be called at once.
type Driver struct {
	options Options
	send    *providers.HTTPClient // reaches people
	ask     *providers.HTTPClient // does not
}

// New returns a driver, or an error that says which option is missing.
func New(options Options) (*Driver, error) {
	if options.Name == "" {
		options.Name = "sens"
	}
	if options.BaseURL == "" {
		options.BaseURL = DefaultURL
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	options.BaseURL = strings.TrimRight(options.BaseURL, "/")
	if options.AccessKey == "" || options.SecretKey == "" || options.ServiceID == "" {
		return nil, errors.New("sens: api_key (the access key), api_secret (the secret key) and the service id are required")
	}
	return &Driver{
		options: options,
		send:    providers.NewHTTPClient(true, options.Connections),
		ask:     providers.NewHTTPClient(false, options.Connections),
	}, nil
}

// Name implements [providers.Provider].
func (d *Driver) Name() string { return d.options.Name }

// Do sends one message. The id of the answer is the request's.
func (d *Driver) Do(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	out, err := d.message(call.Request)
	if err != nil {
		return providers.Answer{}, providers.OfCall("send", err)
	}
	body, err := encode(out)
	if err != nil {
		return providers.Answer{}, err
	}
	answer, err := d.call(ctx, d.send, "send", http.MethodPost, "/messages", nil, body)
	if err != nil {
		return providers.Answer{}, err
	}
	result, err := parseSent(answer.Body)
	if err != nil {
		return providers.Answer{}, d.send.Unreadable("send", err)
	}
	if result.Name == "fail" {
		return providers.Answer{}, refused("send", result.Code)
	}
	return providers.Answer{MessageID: result.RequestID}, nil
}

// Check lists the messages of the last minute, at most one: that proves address,
// clock, keys and service id.
func (d *Driver) Check(ctx context.Context) error {
	now := d.options.Now()
	_, err := d.page(ctx, period(now.Add(-time.Minute), now, 1))
	return err
}

// Close drops the kept connections.
func (d *Driver) Close() {
	d.send.Close()
	d.ask.Close()
}

// Track asks what became of a request of one message: sent while the carrier
// has not reported, delivered, or undelivered with a reason.
func (d *Driver) Track(ctx context.Context, requestID string) (delivery.Recipient, error) {
	found, err := d.page(ctx, url.Values{"requestId": {requestID}})
	if err != nil {
		return delivery.Recipient{}, err
	}
	for _, item := range found.Messages {
		if item.RequestID != requestID {
			continue
		}
		if item.Status == "" { // a list without states: ask for the message itself
			if item, err = d.one(ctx, item.MessageID); err != nil {
				return delivery.Recipient{}, err
			}
		}
		status, reason := State(item.Status, item.Code)
		return delivery.Recipient{Status: status, Reason: reason, MessageID: requestID}, nil
	}
	return delivery.Recipient{}, fault.New(fault.NotFound, "list", "the vendor has no request with this id")
}

// call makes one signed call and turns every answer but 200 and 202 into a fault.
func (d *Driver) call(ctx context.Context, client *providers.HTTPClient, endpoint, method, path string, query url.Values, body []byte) (providers.HTTPAnswer, error) {
	target, err := url.Parse(d.options.BaseURL + "/sms/v2/services/" + url.PathEscape(d.options.ServiceID) + path)
	if err != nil {
		return providers.HTTPAnswer{}, fault.New(fault.Internal, endpoint, "the URL of the provider cannot be read")
	}
	target.RawQuery = query.Encode()
	stamp := d.options.Now().UnixMilli()
	header := http.Header{
		"X-Ncp-Apigw-Timestamp":    {decimal(stamp)},
		"X-Ncp-Iam-Access-Key":     {d.options.AccessKey},
		"X-Ncp-Apigw-Signature-V2": {signature(d.options.SecretKey, method, target.RequestURI(), stamp, d.options.AccessKey)},
	}
	if body != nil {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	answer, err := client.Do(ctx, endpoint, method, target.String(), header, body)
	if err != nil {
		return answer, err
	}
	if answer.Status != http.StatusOK && answer.Status != http.StatusAccepted {
		return answer, httpFault(endpoint, answer, d.options.Now(), client == d.send)
	}
	return answer, nil
}

var (
	_ providers.Provider[providers.SMS]  = (*Driver)(nil)
	_ providers.Confirmer[providers.SMS] = (*Driver)(nil)
)
