// Package nhncloud sends SMS and LMS through NHN Cloud (formerly Toast), SMS API
// v3.0. Wire facts are from the vendor's documents (github.com/TOAST-DOCS/SMS,
// June 2026); where they are silent the code says so.
package nhncloud

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
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// DefaultURL is the vendor's address.
const DefaultURL = "https://sms.api.nhncloudservice.com"

// Options configure one provider.
type Options struct {
	Name      string // default "nhncloud"
	BaseURL   string // default [DefaultURL]
	AppKey    string // part of every path
	SecretKey string // X-Secret-Key
	// From is the registered sender of commands that name none.
	From string
	// Connections kept at most; default 16.
	Connections int
	// Now is the clock for the times of searches; default time.Now.
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
		options.Name = "nhncloud"
	}
	if options.BaseURL == "" {
		options.BaseURL = DefaultURL
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	options.BaseURL = strings.TrimRight(options.BaseURL, "/")
	if options.AppKey == "" || options.SecretKey == "" {
		return nil, errors.New("nhncloud: api_key (the app key) and api_secret (the secret key) are required")
	}
	return &Driver{
		options: options,
		send:    providers.NewHTTPClient(true, options.Connections),
		ask:     providers.NewHTTPClient(false, options.Connections),
	}, nil
}

// Name implements [providers.Provider].
func (d *Driver) Name() string { return d.options.Name }

// Do sends one message. Failures arrive as HTTP 200 too, for the request and
// for the recipient in it.
func (d *Driver) Do(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	kind, body, err := d.message(call)
	if err != nil {
		return providers.Answer{}, err
	}
	answer, err := d.call(ctx, d.send, "send", http.MethodPost, "/sender/"+kind, nil, body)
	if err != nil {
		return providers.Answer{}, err
	}
	result, err := parseSent(answer.Body)
	if err != nil {
		return providers.Answer{}, d.send.Unreadable("send", err)
	}
	return result.accepted()
}

// Check asks whether the sender number is registered and not blocked, which
// shows address and keys to be right as well.
func (d *Driver) Check(ctx context.Context) error {
	from := smstext.Sender(d.options.From)
	query := url.Values{"pageSize": {"1"}}
	if from != "" {
		query.Set("sendNo", from)
	}
	answer, err := d.call(ctx, d.ask, "senders", http.MethodGet, "/sendNos", query, nil)
	if err != nil {
		return err
	}
	senders, err := parseSenders(answer.Body)
	if err != nil {
		return d.ask.Unreadable("senders", err)
	}
	if from == "" {
		return nil
	}
	for _, sender := range senders {
		if sender.Number == from && sender.Used != "N" && sender.Blocked != "Y" {
			return nil
		}
	}
	return fault.New(fault.Unauthorized, "senders", "the sender number of this provider is not registered with the vendor, or is blocked")
}

// Confirm looks the command up by the grouping key that carries our id, among
// the requests that were registered within the last 28 days: the vendor searches
// at most a month at once. Filter and answer are documented; how soon a request
// can be found is not.
func (d *Driver) Confirm(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	fitted, err := smstext.Fit(call.Request.Subject, call.Request.Text)
	if err != nil {
		return providers.Answer{}, providers.OfCall("list", err)
	}
	now := d.options.Now().In(smstext.Seoul())
	query := url.Values{
		"startCreateDate":      {now.Add(-searchWindow).Format(timeLayout)},
		"endCreateDate":        {now.Add(10 * time.Minute).Format(timeLayout)}, // their clock may be ahead
		"recipientGroupingKey": {call.ID.String()},
		"pageSize":             {"100"},
	}
	if number := smstext.Domestic(call.Request.To); number != "" {
		query.Set("recipientNo", number)
	}
	found, err := d.list(ctx, listKind(fitted.Long), query)
	if err != nil {
		return providers.Answer{}, err
	}
	var stopped error
	for _, item := range found {
		if item.Key != call.ID.String() {
			continue
		}
		if stopped = item.stopped(); stopped == nil {
			return providers.Answer{MessageID: item.RequestID}, nil
		}
	}
	if stopped != nil {
		return providers.Answer{}, stopped
	}
	return providers.Answer{}, fault.New(fault.NotFound, "list", "the vendor has no request with this id")
}

// Track asks what became of a request of one message: sent while the carrier
// has not reported, delivered, or undelivered with a reason. It is how a webhook,
// which anybody who once saw one can forge, is verified.
func (d *Driver) Track(ctx context.Context, messageID string) (delivery.Recipient, error) {
	item, err := d.listed(ctx, messageID)
	if err != nil {
		return delivery.Recipient{}, err
	}
	status, reason := State(string(item.Status), string(item.Code))
	return delivery.Recipient{Status: status, Reason: reason, MessageID: messageID}, nil
}

// Close drops the kept connections.
func (d *Driver) Close() {
	d.send.Close()
	d.ask.Close()
}

func (d *Driver) list(ctx context.Context, kind string, query url.Values) ([]listed, error) {
	answer, err := d.call(ctx, d.ask, "list", http.MethodGet, "/sender/"+kind, query, nil)
	if err != nil {
		return nil, err
	}
	found, err := parseList(answer.Body)
	if err != nil {
		return nil, d.ask.Unreadable("list", err)
	}
	return found, nil
}

// call makes one call and turns every answer into a fault that is not 200, or
// whose header says that the request failed.
func (d *Driver) call(ctx context.Context, client *providers.HTTPClient, endpoint, method, path string, query url.Values, body []byte) (providers.HTTPAnswer, error) {
	target := d.options.BaseURL + "/sms/v3.0/appKeys/" + url.PathEscape(d.options.AppKey) + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	header := http.Header{"X-Secret-Key": {d.options.SecretKey}, "Content-Type": {"application/json;charset=UTF-8"}}
	answer, err := client.Do(ctx, endpoint, method, target, header, body)
	if err != nil {
		return answer, err
	}
	if answer.Status != http.StatusOK {
		return answer, httpFault(endpoint, answer, d.options.Now(), client == d.send)
	}
	code, ok, err := parseHeader(answer.Body)
	if err != nil {
		return answer, client.Unreadable(endpoint, err)
	}
	if !ok {
		return answer, codeFault(endpoint, code)
	}
	return answer, nil
}

var (
	_ providers.Provider[providers.SMS]  = (*Driver)(nil)
	_ providers.Confirmer[providers.SMS] = (*Driver)(nil)
)
