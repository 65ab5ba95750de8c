package postgres

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// TestConnectRepeatsNoPassword: wherever a password stands in a connection string
// that cannot be read, the error does not repeat it.
func TestConnectRepeatsNoPassword(t *testing.T) {
	for url, says := range map[string]string{
		"postgres://kim:p@ss:hush%rd@host/db":   "invalid percent-encoded token",
		"postgres://kim:hu%zzsh@host/db":        "invalid percent-encoded token",
		"postgres://kim:hush pw@host/db":        "unexpected spaces found in password",
		"host=h password=hush port=abc":         "invalid port",
		"host=h password = 'hush' port=abc":     "invalid port",
		"postgres://h/db?password=hush&port=x":  "invalid port",
		"postgres://kim:hush@h/db?sslmode=none": "sslmode is invalid",
		"hush":                                  "neither a URL",
		"kim:hush@h/db":                         "neither a URL",
	} {
		_, err := Connect(t.Context(), url, 1, func(error) { t.Errorf("%s: it is waited for", url) })
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "postgres.url cannot be read: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
		for _, part := range []string{"hush", "hu%zz", "w%rd", "%rd"} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error repeats the password: %v", url, err)
			}
		}
	}
}

// TestConnectToSomethingElse: a port that takes connections and says nothing, as a
// web server's does, holds nobody for ever.
func TestConnectToSomethingElse(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }()
	waited := make(chan error, 1)
	go func() {
		pool, err := Connect(t.Context(), "postgres://kim@"+mute.Addr().String()+"/db?sslmode=disable", 1, func(err error) {
			select {
			case waited <- err:
			default:
			}
		})
		if err == nil {
			pool.Close()
		}
	}()
	select {
	case err := <-waited:
		if err == nil {
			t.Error("what it is told of is no error")
		}
	case <-time.After(10 * connectTimeout):
		t.Fatal("nobody is told that the port says nothing")
	}
}
