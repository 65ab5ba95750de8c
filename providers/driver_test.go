package providers_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// vendor is a small real driver against a real server whose answers a test
// scripts: a status code, 0 to hang up without an answer.
type vendor struct {
	name   string
	client *providers.HTTPClient
	server *httptest.Server
	calls  atomic.Int32
	answer atomic.Int32
	delay  atomic.Int64
	heal   atomic.Int32 // the call from which on it answers 200; 0 for never
}

func newVendor(t *testing.T, name string, sends bool) *vendor {
	v := &vendor{name: name, client: providers.NewHTTPClient(sends, 0)}
	v.answer.Store(http.StatusOK)
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := v.heal.Load(); v.calls.Add(1) > n && n > 0 {
			v.heal.Store(0)
			v.answer.Store(http.StatusOK)
		}
		// Only a read body lets the server notice that the client is gone.
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(time.Duration(v.delay.Load())):
		case <-r.Context().Done():
			return
		}
		if v.answer.Load() == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(int(v.answer.Load()))
	}))
	t.Cleanup(func() {
		v.client.Close()
		v.server.CloseClientConnections()
		v.server.Close()
	})
	return v
}

func (v *vendor) Name() string { return v.name }

func (v *vendor) Do(ctx context.Context, call providers.Call[string]) (providers.Answer, error) {
	if call.Request == "crash" {
		panic("bug in the driver")
	}
	answer, err := v.client.Do(ctx, "say", http.MethodPost, v.server.URL, nil, []byte(call.Request))
	if err != nil {
		return providers.Answer{}, err
	}
	reason := map[int]fault.Reason{
		200: fault.None, 400: fault.Refused, 401: fault.Unauthorized, 402: fault.QuotaExhausted,
		429: fault.RateLimited, 503: fault.Unavailable,
	}[answer.Status]
	if reason != fault.None {
		return providers.Answer{}, fault.New(reason, "say", "answered %d", answer.Status)
	}
	return providers.Answer{MessageID: v.name + "-" + strconv.Itoa(call.Attempt)}, nil
}

func (v *vendor) Check(ctx context.Context) error {
	_, err := v.client.Do(ctx, "check", http.MethodGet, v.server.URL, nil, nil)
	return err
}
