package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestBodyLimits(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		if body, ok := ReadBody(w, r, 10); ok {
			_, _ = w.Write(body)
		}
	})
	mux.Handle("/limited", LimitBody(10, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			WriteProblem(w, BodyProblem(err))
			return
		}
		_, _ = w.Write(body)
	})))
	s, _ := start(t, Options{Handler: mux})
	const tooLarge = `{"title":"Request Entity Too Large","status":413,"detail":"The body is larger than 10 bytes.","code":"invalid"}`
	for _, path := range []string{"/read", "/limited"} {
		for _, test := range []struct {
			name   string
			body   io.Reader
			status int
			answer string
		}{
			{"fits", strings.NewReader("0123456789"), 200, "0123456789"},
			{"declared too large", strings.NewReader("0123456789x"), 413, tooLarge},
			{"turns out too large", struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 100_000))}, 413, tooLarge},
			{"empty", http.NoBody, 200, ""},
		} {
			request, err := http.NewRequest(http.MethodPost, s.URL()+path, test.body)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client(t).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode != test.status || string(body) != test.answer {
				t.Errorf("%s %s: %s %s", path, test.name, answer.Status, body)
			}
		}
	}
	// A body that breaks off is the client's fault.
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if answer, _ := io.ReadAll(conn); !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%s", answer)
	}
}

// TestClientBehindProxies sends X-Forwarded-For through a real connection from
// loopback.
func TestClientBehindProxies(t *testing.T) {
	s, _ := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, host)
	})})
	for _, test := range []struct {
		name    string
		trusted []string
		headers []string
		want    string
	}{
		{"nobody is trusted", nil, []string{"198.51.100.7"}, "127.0.0.1"},
		{"another is trusted", []string{"10.0.0.0/8"}, []string{"198.51.100.7"}, "127.0.0.1"},
		{"the peer is trusted", []string{"127.0.0.1"}, []string{"198.51.100.7"}, "198.51.100.7"},
		{"no header", []string{"127.0.0.1"}, nil, "127.0.0.1"},
		{"the client lies", []string{"127.0.0.0/8"}, []string{"203.0.113.66, 198.51.100.7"}, "198.51.100.7"},
		{"two proxies", []string{"127.0.0.1", "10.0.0.0/8"}, []string{"203.0.113.66, 198.51.100.7, 10.1.2.3"}, "198.51.100.7"},
		{"two headers", []string{"127.0.0.1", "10.0.0.0/8"}, []string{"198.51.100.7", "10.1.2.3"}, "198.51.100.7"},
		{"trusted all the way", []string{"127.0.0.1", "10.0.0.0/8"}, []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
		{"nonsense ends the chain", []string{"127.0.0.1", "10.0.0.0/8"}, []string{"198.51.100.7, nonsense, 10.1.2.3"}, "10.1.2.3"},
		{"only nonsense", []string{"127.0.0.1"}, []string{"nonsense"}, "127.0.0.1"},
		{"IPv6 with a port", []string{"127.0.0.1"}, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"IPv6 without", []string{"127.0.0.1"}, []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv4 in IPv6", []string{"127.0.0.1"}, []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
	} {
		if err := s.SetTrustedProxies(test.trusted...); err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequest(http.MethodGet, s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range test.headers {
			request.Header.Add("X-Forwarded-For", header)
		}
		answer, err := client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if string(body) != test.want {
			t.Errorf("%s: %s, want %s", test.name, body, test.want)
		}
	}
	if s.SetTrustedProxies("here") == nil {
		t.Error("a proxy that is no address is taken")
	}
}

// certify writes a self-signed certificate for 127.0.0.1.
func certify(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// FuzzForwardedFor: whatever stands in the header, the client is an address or
// the connection's own.
func FuzzForwardedFor(f *testing.F) {
	for _, header := range []string{"198.51.100.7, 10.1.2.3", "[2001:db8::7]:4711", "fe80::1%eth0", ",,", "::ffff:1.2.3.4", "nonsense, 10.0.0.1:x"} {
		f.Add(header, "10.0.0.0/8")
	}
	f.Fuzz(func(t *testing.T, header, trusted string) {
		s := &Server{}
		if err := s.SetTrustedProxies("127.0.0.1", trusted); err != nil {
			return
		}
		r := &http.Request{RemoteAddr: "127.0.0.1:4711", Header: http.Header{"X-Forwarded-For": {header}}}
		client := s.client(r)
		if client == "" {
			return
		}
		if _, err := netip.ParseAddrPort(client); err != nil {
			t.Fatalf("%q names the client %q", header, client)
		}
	})
}

// TestCertificatesFollowTheirFiles replaces them under a running server, once
// with nonsense.
func TestCertificatesFollowTheirFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, "first")
	core, logged := observer.New(zapcore.ErrorLevel)
	s, _ := start(t, Options{Cert: cert, Key: key, Log: zap.New(core), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})})
	transport := &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	name := func() string {
		got := get(t, c, s.URL())
		if got.body != "HTTP/2.0" || got.header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%+v", got)
		}
		return got.peer
	}
	if got := name(); got != "first" || !strings.HasPrefix(s.URL(), "https://") {
		t.Errorf("%s at %s", got, s.URL())
	}
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the broken certificate is noticed", func() bool {
		if got := name(); got != "first" {
			t.Fatalf("certificate is %s", got)
		}
		return logged.Len() > 0
	})
	certify(t, dir, "second")
	eventually(t, "the second certificate is served", func() bool { return name() == "second" })

	if _, err := Listen(t.Context(), Options{Addr: "127.0.0.1:0", Cert: cert, Key: filepath.Join(dir, "nowhere")}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error is %v", err)
	}
}

func TestProblemsThatCannotBeWritten(t *testing.T) {
	s, _ := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, Problem{Status: 404, Code: "not_found", Detail: "\xff"})
	})})
	got := get(t, client(t), s.URL())
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body, `"code":"internal"`) {
		t.Errorf("%+v", got)
	}
}
