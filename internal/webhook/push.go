package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Target is an endpoint of the portal's systems that events are pushed to.
type Target struct {
	Name, URL string
	// Secrets sign, all of them: "whsec_…", newest first.
	Secrets []string
	Kinds   []string // of the commands whose events it gets
	// AllowTo are private networks that it may be in; public ones are allowed.
	AllowTo []netip.Prefix
	Timeout time.Duration // of one attempt
}

// subscriber is the target as people see it.
func (t Target) subscriber() delivery.Subscriber {
	shown := t.URL
	if u, err := url.Parse(t.URL); err == nil {
		shown = u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	return delivery.Subscriber{Name: t.Name, URL: shown, Kinds: t.Kinds}
}

// sender pushes events to one target.
type sender struct {
	target Target
	keys   []*standardwebhooks.Webhook
	client *http.Client
}

func newSender(t Target) (*sender, error) {
	s := &sender{target: t}
	for _, secret := range t.Secrets {
		key, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("webhook: a secret of %s: %w", t.Name, err)
		}
		s.keys = append(s.keys, key)
	}
	// The address is checked when it is connected to: what a name resolves to may
	// change between a check and a call.
	dialer := &net.Dialer{Timeout: t.Timeout, Control: guard(t.AllowTo).Safe}
	s.client = &http.Client{
		Timeout: t.Timeout,
		Transport: &http.Transport{
			// No proxy: it would be asked for the private addresses that we refuse.
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: t.Timeout,
			MaxIdleConnsPerHost: pushAtOnce, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
		// Another address is another endpoint: a redirect is no success.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// guard admits public addresses and the networks that are allowed beside them.
func guard(allowed []netip.Prefix) *ssrf.Guardian {
	var four, six []netip.Prefix
	for _, prefix := range allowed {
		if prefix.Addr().Is4() {
			four = append(four, prefix)
		} else {
			six = append(six, prefix)
		}
	}
	return ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(four...), ssrf.WithAllowedV6Prefixes(six...))
}

func (s *sender) close() { s.client.CloseIdleConnections() }

// answered is what a target made of an attempt.
type answered struct {
	status  int // 0 when no answer came
	after   time.Duration
	err     error // nil when it took the event
	useless bool  // no attempt will ever be better
}

func (a answered) gone() bool { return a.status == http.StatusGone }

// push makes one attempt.
func (s *sender) push(ctx context.Context, event []byte, now time.Time) answered {
	id, body, trace, err := outgoing(event)
	if err != nil {
		return answered{err: err, useless: true}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.target.URL, bytes.NewReader(body))
	if err != nil {
		return answered{err: errors.New("the URL cannot be read")}
	}
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		if signatures[i], err = key.Sign(id, now, body); err != nil {
			return answered{err: errors.New("the event cannot be signed")}
		}
	}
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"gangway"},
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {strings.Join(signatures, " ")},
	}
	if trace != "" {
		request.Header.Set("Traceparent", trace)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return answered{err: s.why(err)}
	}
	defer func() { _ = response.Body.Close() }()
	// A short answer is read, so that the connection serves again; nothing in it counts.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 16<<10))
	a := answered{status: response.StatusCode, after: retryAfter(response.Header.Get("Retry-After"), now)}
	if a.status < 200 || a.status > 299 {
		a.err = fmt.Errorf("answered %d %s", a.status, http.StatusText(a.status))
	}
	return a
}

// why says in short why no answer came, without the URL.
func (s *sender) why(err error) error {
	if errors.Is(err, ssrf.ErrProhibitedIP) {
		return fmt.Errorf("not connected: %s is at an address that is not public; webhooks_out.%s.allow_to admits a private network", hostOf(s.target.URL), s.target.Name)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		if wrapped.Timeout() {
			return fmt.Errorf("no answer within %s", s.target.Timeout)
		}
		return fmt.Errorf("no answer: %w", wrapped.Err)
	}
	return err
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "it"
	}
	return u.Hostname()
}

// retryAfter reads the header's two forms; 0 when it says nothing sensible.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 && seconds <= 86400 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), 24*time.Hour)
	}
	return 0
}

// outgoing turns a CloudEvent of the bus into the form of Standard Webhooks. Its id
// is the event's, so that each attempt carries the same; the scheme divides what it
// signs by dots, so that an id has none.
func outgoing(event []byte) (id string, body []byte, trace string, err error) {
	var in struct {
		ID          string         `json:"id"`
		Time        jsontext.Value `json:"time"`
		Sequence    string         `json:"sequence"`
		TraceParent string         `json:"traceparent"`
		Data        jsontext.Value `json:"data"`
	}
	var row struct {
		Kind   string `json:"kind"`
		Status string `json:"status"`
	}
	if err := errors.Join(json.Unmarshal(event, &in), json.Unmarshal(in.Data, &row)); err != nil || in.ID == "" || row.Kind == "" || row.Status == "" {
		return "", nil, "", errors.New("the event is none of a command")
	}
	body, err = json.Marshal(struct {
		Type      string         `json:"type"`
		Timestamp jsontext.Value `json:"timestamp"`
		Sequence  string         `json:"sequence"`
		Data      jsontext.Value `json:"data"`
	}{row.Kind + "." + row.Status, in.Time, in.Sequence, in.Data})
	return strings.ReplaceAll(in.ID, ".", "_"), body, in.TraceParent, err
}
