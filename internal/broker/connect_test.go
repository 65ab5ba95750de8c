package broker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// A server that is not there yet is waited for, aloud but without passwords.
func TestConnectWaitsForTheServer(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	url := strings.Replace(server.URL(), "nats://", "nats://worker:hush@", 1)
	server.Stop()
	waiting := make(chan string, 100)
	connected := make(chan *broker.Conn, 1)
	go func() {
		conn, err := broker.Connect(t.Context(), broker.ConnectOptions{
			URLs: []string{url},
			OnWaiting: func(urls string, err error, pause time.Duration) {
				waiting <- urls + " " + err.Error() + " " + pause.String()
			},
		})
		if err != nil {
			t.Error(err)
		}
		connected <- conn
	}()
	if line := <-waiting; !contains(line, strings.TrimPrefix(server.URL(), "nats://")) || strings.Contains(line, "hush") {
		t.Errorf("said %q", line)
	}
	server.Start()
	conn := <-connected
	defer conn.Close()
	if !conn.Connected() || !strings.HasPrefix(conn.ServerVersion(), "2.") {
		t.Errorf("connected %v to version %q", conn.Connected(), conn.ServerVersion())
	}
}

func TestConnectObeysItsContext(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := broker.Connect(ctx, broker.ConnectOptions{URLs: []string{server.URL()}}); fault.Of(err) != fault.Timeout || !contains(err.Error(), "127.0.0.1") {
		t.Errorf("error %v", err)
	}
}

// Mistakes that waiting cannot mend are reported at once, and a URL is not
// repeated: it may hold a password.
func TestConnectReportsMistakes(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for name, options := range map[string]broker.ConnectOptions{
		"credentials": {CredsFile: missing},
		"CA":          {CAFile: missing},
		"certificate": {CertFile: missing, KeyFile: missing},
	} {
		if _, err := broker.Connect(t.Context(), options); !errors.Is(err, fs.ErrNotExist) || !contains(err.Error(), missing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{"nats://user:hush@ho st:4222", "nats://", "%zz:hush", "http://user:hush@host:8080"} {
		if _, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{"nats://ok", url}}); err == nil || strings.Contains(err.Error(), "hush") || !contains(err.Error(), "URL 2 of 2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// An established connection that breaks is reported, and comes back by itself.
func TestConnectionIsRestored(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	lost, restored := make(chan error, 10), make(chan string, 10)
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{
		URLs: []string{server.URL()}, OnLost: func(err error) { lost <- err }, OnRestored: func(url string) { restored <- url },
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	<-lost //nolint:errcheck // that it is lost is what is waited for
	server.Start()
	if url := <-restored; url != server.URL() {
		t.Errorf("restored to %s", url)
	}
	closed := make(chan struct{})
	conn.NATS().SetClosedHandler(func(*nats.Conn) { close(closed) })
	conn.Close()
	<-closed // is told last
	if len(lost) > 0 {
		t.Errorf("a connection that was closed is told as lost: %v", <-lost)
	}
}

func TestConnectWithTLSBothWays(t *testing.T) {
	dir := t.TempDir()
	certificate, key := selfSigned(t, dir)
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	pemBytes, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pemBytes)
	server, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, TLS: true, TLSVerify: true,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	defer server.WaitForShutdown()
	defer server.Shutdown()
	if !server.ReadyForConnections(patience) {
		t.Fatal("no server")
	}
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{
		URLs: []string{server.ClientURL()}, CAFile: certificate, CertFile: certificate, KeyFile: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if conn, err := broker.Connect(ctx, broker.ConnectOptions{URLs: []string{server.ClientURL()}, CAFile: certificate}); err == nil {
		conn.Close()
		t.Error("connected without a certificate of our own")
	}
}

func selfSigned(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret)
}

func TestZapLogger(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	log := broker.NewZapLogger(zap.New(core)).With(watermill.LogFields{"topic": "t"})
	log.Trace("trace", watermill.LogFields{"a": 1})
	log.Debug("debug", nil)
	log.Info("info", watermill.LogFields{"a": 1})
	log.Error("error", errors.New("cause"), nil)
	entries := logs.All()
	if len(entries) != 2 || entries[0].Level != zapcore.DebugLevel || entries[1].Level != zapcore.ErrorLevel {
		t.Fatalf("logged %+v", entries)
	}
	if fields := entries[0].ContextMap(); fields["topic"] != "t" || fields["a"] != int64(1) {
		t.Errorf("fields %v", fields)
	}
	if fields := entries[1].ContextMap(); fields["topic"] != "t" || fields["error"] != "cause" {
		t.Errorf("fields %v", fields)
	}
}
