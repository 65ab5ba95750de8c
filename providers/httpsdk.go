package providers

import (
	"bytes"
	"io"
	"net/http"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// SDKCall makes one HTTP call of a vendor's SDK by an [HTTPClient], so that the
// call is bounded, described in the exchange and classified as any other. It has
// the one method that SDKs want of an HTTP client, and keeps what became of the
// call: SDKs replace network errors by their own when the context has ended.
type SDKCall struct {
	client   *HTTPClient
	endpoint string
	called   bool

	// Answer is what the vendor said; its Status is 0 when nothing was read.
	Answer HTTPAnswer
	// Err is the classified error of the call.
	Err error
}

// SDKCall returns the HTTP client for one call of an SDK. endpoint is the
// driver's stable name of the call.
func (c *HTTPClient) SDKCall(endpoint string) *SDKCall {
	return &SDKCall{client: c, endpoint: endpoint}
}

// Do makes the call. A second one is refused when the client's calls reach
// people: no SDK may send twice, however it is configured.
func (s *SDKCall) Do(req *http.Request) (*http.Response, error) {
	if s.called && s.client.send {
		return nil, fault.New(fault.Internal, s.endpoint, "the SDK wants to call again")
	}
	s.called = true
	var body []byte
	if req.Body != nil {
		read, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			s.Err = fault.New(fault.Internal, s.endpoint, "request cannot be read")
			return nil, s.Err
		}
		body = read
	}
	s.Answer, s.Err = s.client.Do(req.Context(), s.endpoint, req.Method, req.URL.String(), req.Header, body)
	if s.Err != nil {
		return nil, s.Err
	}
	return &http.Response{
		Status: http.StatusText(s.Answer.Status), StatusCode: s.Answer.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.Answer.Header, ContentLength: int64(len(s.Answer.Body)),
		Body: io.NopCloser(bytes.NewReader(s.Answer.Body)), Request: req,
	}, nil
}
