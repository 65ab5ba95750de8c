// Package solapi sends SMS and LMS through Solapi (CoolSMS is the same service
// under an older name), message API v4. Wire facts are from the vendor's
// documentation (github.com/solapi/documents) and official SDKs; where they are
// silent the code says so.
package solapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// DefaultURL is the vendor's address.
const DefaultURL = "https://api.solapi.com"

// commandField is the custom field that carries our id. It comes back in lists
// and webhooks; keys may have 30 characters and values 100.
const commandField = "command_id"

// Options configure one provider.
type Options struct {
	Name      string // default "solapi"
	BaseURL   string // default [DefaultURL]
	APIKey    string
	APISecret string
	// From is the registered sender of commands that name none.
	From string
	// Connections kept at most; default 16.
	Connections int
	// Now is the clock that signs; default time.Now.
	Now func() time.Time
}

// Driver sends through one account. Its methods may be called at once.
type Driver struct {
	options Options
	send    *providers.HTTPClient // reaches people
	ask     *providers.HTTPClient // does not
}

// New returns a driver, or an error that says which option is missing.
func New(options Options) (*Driver, error) {
	if options.Name == "" {
		options.Name = "solapi"
	}
	if options.BaseURL == "" {
		options.BaseURL = DefaultURL
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	options.BaseURL = strings.TrimRight(options.BaseURL, "/")
	if options.APIKey == "" || options.APISecret == "" {
		return nil, errors.New("solapi: api_key and api_secret are required")
	}
	return &Driver{
		options: options,
		send:    providers.NewHTTPClient(true, options.Connections),
		ask:     providers.NewHTTPClient(false, options.Connections),
	}, nil
}

// Name implements [providers.Provider].
func (d *Driver) Name() string { return d.options.Name }

// Do sends one message. The vendor knows no idempotency key: a call without an
// answer is unknown_outcome and is settled by [Driver.Confirm].
func (d *Driver) Do(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	body, err := d.message(call)
	if err != nil {
		return providers.Answer{}, err
	}
	answer, err := d.call(ctx, d.send, "send", http.MethodPost, "/messages/v4/send-many/detail", nil, body)
	if err != nil {
		return providers.Answer{}, err
	}
	result, err := parseSent(answer.Body)
	if err != nil {
		return providers.Answer{}, d.send.Unreadable("send", err)
	}
	return result.accepted()
}

// Check asks for the balance, which shows address, clock and keys to be right.
// The amount is not judged: accounts that are billed later show zero.
func (d *Driver) Check(ctx context.Context) error {
	answer, err := d.call(ctx, d.ask, "balance", http.MethodGet, "/cash/v1/balance", nil, nil)
	if err != nil {
		return err
	}
	if err := parseBalance(answer.Body); err != nil {
		return d.ask.Unreadable("balance", err)
	}
	return nil
}

// Confirm looks the command up in the vendor's message list.
func (d *Driver) Confirm(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	_, to := smstext.Split(call.Request.To)
	item, err := d.find(ctx, url.Values{"to": {to}}, func(item listed) bool {
		return item.Fields.commandID() == call.ID.String()
	})
	if err != nil {
		return providers.Answer{}, err
	}
	if refusedAtIntake(item.StatusCode) {
		return providers.Answer{}, statusFault("list", item.StatusCode)
	}
	return providers.Answer{MessageID: item.MessageID}, nil
}

// Track asks what became of a message: sent while the carrier has not reported,
// delivered, or undelivered with a reason. It is how a webhook, which anybody
// who once saw one can forge, is verified.
func (d *Driver) Track(ctx context.Context, messageID string) (delivery.Recipient, error) {
	item, err := d.find(ctx, url.Values{"messageId": {messageID}}, func(item listed) bool {
		return item.MessageID == messageID
	})
	if err != nil {
		return delivery.Recipient{}, err
	}
	status, reason := State(item.StatusCode)
	return delivery.Recipient{Status: status, Reason: reason, MessageID: messageID}, nil
}

// Close drops the kept connections.
func (d *Driver) Close() {
	d.send.Close()
	d.ask.Close()
}

// call makes one signed call and turns every answer but 200 into a fault.
func (d *Driver) call(ctx context.Context, client *providers.HTTPClient, endpoint, method, path string, query url.Values, body []byte) (providers.HTTPAnswer, error) {
	target := d.options.BaseURL + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	header := http.Header{"Authorization": {d.authorization()}}
	if body != nil {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	answer, err := client.Do(ctx, endpoint, method, target, header, body)
	if err != nil {
		return answer, err
	}
	if answer.Status != http.StatusOK {
		return answer, httpFault(endpoint, answer, d.options.Now(), client == d.send)
	}
	return answer, nil
}

var (
	_ providers.Provider[providers.SMS]  = (*Driver)(nil)
	_ providers.Confirmer[providers.SMS] = (*Driver)(nil)
)
