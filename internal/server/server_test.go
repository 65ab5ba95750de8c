package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server and returns it with a function that ends it and returns
// what Run said.
func start(t *testing.T, options Options) (*Server, func() error) {
	t.Helper()
	options.Name = "test"
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	s, err := Listen(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

// client makes requests without keeping connections.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
	peer   string // name of the server's certificate
}

func get(t *testing.T, c *http.Client, url string) answer {
	t.Helper()
	response, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if response.TLS != nil {
		a.peer = response.TLS.PeerCertificates[0].Subject.CommonName
	}
	return a
}

func TestFreePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	addr := taken.Addr().String()

	_, err = Listen(t.Context(), Options{Name: "admin", Addr: addr})
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "another program has it") {
		t.Errorf("error is %v", err)
	}
	s, err := Listen(t.Context(), Options{Name: "admin", Addr: addr, FreePort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if !s.Moved() || s.Addr() == addr || !strings.HasPrefix(s.Addr(), "127.0.0.1:") {
		t.Errorf("moved %v to %s", s.Moved(), s.Addr())
	}
	for _, bad := range []string{"nowhere", "127.0.0.1:99999", "192.0.2.1:0"} {
		if s, err := Listen(t.Context(), Options{Name: "admin", Addr: bad, FreePort: true}); err == nil {
			_ = s.Close()
			t.Errorf("%s is listened on", bad)
		}
	}
	everywhere, err := Listen(t.Context(), Options{Addr: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = everywhere.Close() }()
	if !strings.HasPrefix(everywhere.URL(), "http://127.0.0.1:") {
		t.Errorf("URL is %s", everywhere.URL())
	}
}

// TestEndFinishesWhatHasBegun stops the server while a request is answered.
func TestEndFinishesWhatHasBegun(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, stop := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-Draining(r.Context()) // the end has begun
		<-release
		if r.Context().Err() != nil {
			t.Error("the context of a request in flight was cancelled")
		}
		_, _ = io.WriteString(w, "whole")
	})})
	answers := make(chan string, 1)
	c := client(t)
	go func() {
		answer, err := c.Get(s.URL())
		if err != nil {
			answers <- err.Error()
			return
		}
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body)
		answers <- string(body)
	}()
	receive(t, entered, "the request")
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	eventually(t, "new connections are refused", func() bool {
		conn, err := net.Dial("tcp", s.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(release)
	if answer := receive(t, answers, "the answer"); answer != "whole" {
		t.Errorf("answer is %q", answer)
	}
	if err := receive(t, ended, "the end"); err != nil {
		t.Error(err)
	}
}

// TestEndCutsOffWhatTakesTooLong gives a handler less grace than it wants.
func TestEndCutsOffWhatTakesTooLong(t *testing.T) {
	entered, cut := make(chan struct{}), make(chan struct{})
	s, stop := start(t, Options{Grace: 20 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(cut)
	})})
	c := client(t)
	go func() {
		answer, err := c.Get(s.URL())
		if err == nil {
			_ = answer.Body.Close()
		}
	}()
	receive(t, entered, "the request")
	if err := stop(); err == nil || !strings.Contains(err.Error(), "cut off after 20ms") {
		t.Errorf("error is %v", err)
	}
	select {
	case <-cut:
	default:
		t.Error("Run returned before the handler did")
	}
}

// TestStreamsEndWithTheServer keeps a stream open that ends when told.
func TestStreamsEndWithTheServer(t *testing.T) {
	s, stop := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		<-Draining(r.Context())
		_, _ = io.WriteString(w, "data: end\n\n")
	})})
	answer, err := client(t).Get(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	reader := bufio.NewReader(answer.Body)
	if line, err := reader.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(reader); err != nil || !strings.Contains(string(rest), "data: end") {
		t.Errorf("%q, %v", rest, err)
	}
	if Draining(context.Background()) != nil {
		t.Error("a context of nobody drains")
	}
}

func TestPanics(t *testing.T) {
	core, logged := observer.New(zapcore.DebugLevel)
	s, _ := start(t, Options{Log: zap.New(core), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", "5")
		switch r.URL.Path {
		case "/begun":
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "ha")
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
		case "/abort":
			panic(http.ErrAbortHandler)
		}
		panic("hush: " + r.URL.Path)
	})})
	for _, path := range []string{"/", "/early"} {
		got := get(t, client(t), s.URL()+path)
		want := `{"title":"Internal Server Error","status":500,"detail":"The request could not be answered. Try again later.","code":"internal"}`
		if got.status != http.StatusInternalServerError || got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Content-Encoding") != "" || got.body != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
	for _, path := range []string{"/begun", "/abort"} {
		answer, err := client(t).Get(s.URL() + path)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: half an answer looks whole", path)
		}
	}
	panics := logged.FilterMessage("handler panicked").All()
	if len(panics) != 3 {
		t.Fatalf("%d panics in the log, want 3", len(panics))
	}
	fields := panics[0].ContextMap()
	if fields["panic"] != "hush: /" || fields["path"] != "/" || !strings.Contains(fmt.Sprint(fields["stack"]), "server_test.go") {
		t.Errorf("%v", fields)
	}
}

func TestStrictHeaders(t *testing.T) {
	s, _ := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
		}
	})})
	for path, policy := range map[string]string{"/": "default-src 'none'; frame-ancestors 'none'", "/page": "default-src 'self'"} {
		header := get(t, client(t), s.URL()+path).header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Content-Security-Policy": policy, "Strict-Transport-Security": ""} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestSlowClientsAreCutOff sends a body and a header that never end.
func TestSlowClientsAreCutOff(t *testing.T) {
	s, _ := start(t, Options{ReadTimeout: 100 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := ReadBody(w, r, 1000); ok {
			t.Error("a body that never ends was read whole")
		}
	})})
	for name, text := range map[string]string{
		"body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow",
		"header": "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
	} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil { // until the server closes
			t.Errorf("%s: the server waits on: %v", name, err)
		}
		_ = conn.Close()
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	s, _ := start(t, Options{Handler: http.NotFoundHandler()})
	request, err := http.NewRequest(http.MethodGet, s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Large", strings.Repeat("x", 2*maxHeaderBytes))
	answer, err := client(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(answer.Status)
	}
}

func TestRunSaysWhyItCannotServe(t *testing.T) {
	s, err := Listen(t.Context(), Options{Name: "public", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "public") {
		t.Error(err)
	}
}

// receive waits for a value, but not for ever.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(10 * time.Second):
		t.Fatalf("%s never came", what)
		panic("unreachable")
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("it never came to this: %s", what)
		case <-tick.C:
		}
	}
}
