package testkit

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestProxyFails(t *testing.T) {
	proxy := NewProxy(t, echo(t))

	conn := dialProxy(t, proxy)
	if err := roundTrip(conn, 20*time.Second); err != nil {
		t.Fatalf("a sound network: %v", err)
	}

	const delay = time.Second // far more than a busy machine adds
	proxy.Delay(delay)
	start := time.Now()
	if err := roundTrip(conn, 20*time.Second); err != nil || time.Since(start) < delay {
		t.Errorf("delayed: %v after %v", err, time.Since(start))
	}
	proxy.Restore()
	start = time.Now()
	if err := roundTrip(conn, 20*time.Second); err != nil || time.Since(start) >= delay {
		t.Errorf("no longer delayed: %v after %v", err, time.Since(start))
	}

	proxy.Cut()
	if err := roundTrip(conn, time.Second); err == nil {
		t.Error("cut: an open connection still works")
	}
	if conn, err := net.Dial("tcp", proxy.Addr()); err == nil {
		conn.Close()
		t.Error("cut: a new connection is accepted")
	}
	proxy.Restore()
	conn = dialProxy(t, proxy)
	if err := roundTrip(conn, 20*time.Second); err != nil {
		t.Errorf("restored: %v", err)
	}

	proxy.Blackhole()
	for what, conn := range map[string]net.Conn{"open": conn, "new": dialProxy(t, proxy)} {
		if err := roundTrip(conn, 50*time.Millisecond); !isTimeout(err) {
			t.Errorf("blackhole, %s connection: %v, want no answer", what, err)
		}
	}
	proxy.Restore()
	if err := roundTrip(dialProxy(t, proxy), 20*time.Second); err != nil {
		t.Errorf("restored: %v", err)
	}
}

func TestProxyURL(t *testing.T) {
	server := NATS(t)
	proxy, url := NewProxyURL(t, server.URL())
	conn := connect(t, url)
	proxy.Cut()
	Eventually(t, 5*time.Second, func() bool { return !conn.IsConnected() })
	proxy.Restore()
	Eventually(t, 5*time.Second, conn.IsConnected)
}

func echo(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn) // until either side is gone
			}()
		}
	}()
	return listener.Addr().String()
}

func dialProxy(t *testing.T, proxy *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func roundTrip(conn net.Conn, patience time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "ping\n"); err != nil {
		return err
	}
	_, err := bufio.NewReader(conn).ReadString('\n')
	return err
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
