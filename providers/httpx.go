package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// MaxAnswer bounds what is read of a vendor's answer, in bytes.
const MaxAnswer = 4 << 20

// HTTPClient makes one vendor's HTTP calls: bounded, described in the exchange,
// and with network failures already classified. Drivers judge the answer.
type HTTPClient struct {
	client *http.Client
	// send reports whether an unanswered request may have reached a person.
	send bool
}

// HTTPAnswer is a vendor's answer, read whole.
type HTTPAnswer struct {
	Status int
	Header http.Header
	Body   []byte
}

// NewHTTPClient returns a client for one provider. send says that its calls
// reach people: an unanswered one is then unknown_outcome, not timeout. At most
// conns connections are kept; 0 means 16.
func NewHTTPClient(send bool, conns int) *HTTPClient {
	if conns <= 0 {
		conns = 16
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   conns,
		MaxConnsPerHost:       conns,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	return &HTTPClient{send: send, client: &http.Client{
		Transport: transport,
		// A redirect of an API call is a misconfiguration; following it would carry
		// credentials to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do makes one call and reads the answer. endpoint is the driver's stable name
// of the call. body may be nil. The error is classified: unavailable when
// nothing left, unknown_outcome (sends) or timeout (look-ups) when the answer
// is missing, cut or too large.
func (c *HTTPClient) Do(ctx context.Context, endpoint, method, url string, header http.Header, body []byte) (HTTPAnswer, error) {
	exchange := ExchangeFrom(ctx)
	*exchange = Exchange{Endpoint: endpoint, Method: method, URL: url, RequestHeader: header, Request: body}

	// The transport repeats a request on a fresh connection when a kept one turns
	// out dead before anything was answered, unless it cannot rewind the body.
	// For sends it must not: the first copy may have been read.
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
		if c.send {
			reader = io.NopCloser(reader)
		}
	}
	var left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { left.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return HTTPAnswer{}, fault.New(fault.Internal, endpoint, "request cannot be built")
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if body != nil {
		req.ContentLength = int64(len(body))
	}
	res, err := c.client.Do(req)
	exchange.Left = left.Load()
	if err != nil {
		return HTTPAnswer{}, c.broken(endpoint, exchange.Left, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer := HTTPAnswer{Status: res.StatusCode, Header: res.Header}
	answer.Body, err = io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	exchange.Status, exchange.ResponseHeader, exchange.Response = strconv.Itoa(res.StatusCode), res.Header, answer.Body
	if err != nil {
		return answer, c.broken(endpoint, true, err)
	}
	if len(answer.Body) > MaxAnswer {
		return answer, c.broken(endpoint, true, fmt.Errorf("answer is larger than %d bytes", MaxAnswer))
	}
	return answer, nil
}

// Unreadable is the fault of an answer that makes no sense: a wrong content
// type, truncated JSON. The vendor may have acted on the request all the same.
func (c *HTTPClient) Unreadable(endpoint string, err error) error {
	reason := fault.Unavailable
	if c.send {
		reason = fault.UnknownOutcome
	}
	return &fault.Error{Reason: reason, Op: endpoint, Message: "answer cannot be read", Err: err}
}

// Close drops the kept connections.
func (c *HTTPClient) Close() { c.client.CloseIdleConnections() }

// broken classifies a failure of the network. The cause is stripped of the URL,
// which may carry a key.
func (c *HTTPClient) broken(endpoint string, left bool, err error) error {
	cause := err
	var urlError interface{ Unwrap() error }
	if errors.As(err, &urlError) && urlError.Unwrap() != nil {
		cause = urlError.Unwrap()
	}
	timeout := errors.Is(err, context.DeadlineExceeded)
	if netError, ok := errors.AsType[net.Error](err); ok && netError.Timeout() {
		timeout = true
	}
	reason, message := fault.Unavailable, "connection failed"
	switch {
	case left && c.send:
		reason, message = fault.UnknownOutcome, "the request left and no whole answer came"
	case errors.Is(err, context.Canceled):
		reason, message = fault.Cancelled, "the call was cancelled"
	case timeout:
		reason, message = fault.Timeout, "no answer in time"
	case left:
		message = "connection was cut"
	}
	return &fault.Error{Reason: reason, Op: endpoint, Message: message, Err: cause}
}

// RetryAfter reads a Retry-After header: seconds, or an HTTP date. It returns
// zero when there is none, and bounds what it believes to 24 hours.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), 24*time.Hour)
}
