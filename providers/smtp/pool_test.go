package smtp

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

func send(t *testing.T, d *Driver) error {
	t.Helper()
	_, err := d.Do(t.Context(), call(recipient))
	return err
}

// TestReuse: one connection and one login serve message after message.
func TestReuse(t *testing.T) {
	s := serve(t, nil)
	d := s.driver(nil)
	for range 20 {
		if err := send(t, d); err != nil {
			t.Fatal(err)
		}
	}
	if s.connections() != 1 || s.count("AUTH") != 1 || s.count("RSET") != 0 || s.count("NOOP") != 0 {
		t.Errorf("%d connections, %d logins, %d RSET, %d NOOP for 20 messages", s.connections(), s.count("AUTH"), s.count("RSET"), s.count("NOOP"))
	}
}

// TestReuseAfterRefusal: a refused recipient costs a RSET, not a connection.
func TestReuseAfterRefusal(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA", "BODY"} {
		t.Run(verb, func(t *testing.T) {
			s := serve(t, func(s *scripted) {
				s.answer = func(_ *dialogue, got, _ string, n int) string {
					if got == verb && n == 1 {
						return "554 5.0.0 no"
					}
					return ""
				}
			})
			d := s.driver(nil)
			if err := send(t, d); err == nil {
				t.Fatal("no error")
			}
			if err := send(t, d); err != nil {
				t.Fatal(err)
			}
			if s.connections() != 1 || len(s.received()) < 1 {
				t.Errorf("%d connections, %d messages", s.connections(), len(s.received()))
			}
		})
	}
}

// TestStale: a kept connection that the server has closed, or is closing, is
// replaced within the same call.
func TestStale(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		for _, answer := range []string{cut, "421 4.4.2 idle, closing"} {
			t.Run(verb+" "+strings.Trim(answer, "\x00"), func(t *testing.T) {
				s := serve(t, func(s *scripted) {
					s.answer = func(c *dialogue, got, _ string, n int) string {
						if got == verb && n == 2 {
							return answer
						}
						return ""
					}
				})
				d := s.driver(nil)
				for i := range 2 {
					if err := send(t, d); err != nil {
						t.Fatalf("message %d: %v", i+1, err)
					}
				}
				if s.connections() != 2 || len(s.received()) != 2 {
					t.Errorf("%d connections, %d messages, want 2 and 2", s.connections(), len(s.received()))
				}
			})
		}
	}
	t.Run("once", func(t *testing.T) {
		s := serve(t, func(s *scripted) {
			s.answer = func(_ *dialogue, got, _ string, n int) string {
				if got == "MAIL" && n > 1 {
					return cut
				}
				return ""
			}
		})
		d := s.driver(nil)
		_ = send(t, d)
		if err := send(t, d); fault.Of(err) != fault.Unavailable {
			t.Errorf("a fresh connection that is cut too: %v", err)
		}
		if s.connections() != 2 {
			t.Errorf("%d connections, want 2", s.connections())
		}
	})
	t.Run("closed while idle", func(t *testing.T) {
		s := serve(t, nil)
		d := s.driver(nil)
		_ = send(t, d)
		s.mu.Lock()
		_ = s.conns[0].conn.Close()
		s.mu.Unlock()
		s.until("GONE")
		if err := send(t, d); err != nil || s.connections() != 2 {
			t.Errorf("%v, %d connections", err, s.connections())
		}
	})
}

// TestIdleCheck: after a while a kept connection is tried before it is trusted;
// one that does not answer, as behind a firewall that forgot it, is replaced.
func TestIdleCheck(t *testing.T) {
	for name, answer := range map[string]string{"alive": "250 2.0.0 Ok", "forgotten": hang, "refusing": "421 4.4.2 bye"} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, at("NOOP", answer))
			d := s.driver(func(o *Options) { o.CheckAfter = time.Nanosecond })
			d.healthWait = 50 * time.Millisecond
			for range 2 {
				if err := send(t, d); err != nil {
					t.Fatal(err)
				}
			}
			want := 2
			if name == "alive" {
				want = 1
			}
			if s.connections() != want || s.count("NOOP") != 1 {
				t.Errorf("%d connections, want %d; %d NOOP", s.connections(), want, s.count("NOOP"))
			}
		})
	}
}

// TestIdleTimeout: connections do not outlive their use.
func TestIdleTimeout(t *testing.T) {
	s := serve(t, nil)
	d := s.driver(func(o *Options) { o.IdleTimeout = 20 * time.Millisecond })
	for i := range 2 {
		if err := send(t, d); err != nil {
			t.Fatal(err)
		}
		s.until("GONE")
		if s.count("QUIT") != i+1 {
			t.Errorf("%d QUIT after %d idle ends", s.count("QUIT"), i+1)
		}
	}
}

// TestMaxConns: never more connections than allowed, and a call that waits for
// one obeys its context.
func TestMaxConns(t *testing.T) {
	hold := make(chan struct{})
	s := serve(t, func(s *scripted) {
		s.answer = func(_ *dialogue, verb, _ string, _ int) string {
			if verb == "BODY" {
				<-hold
			}
			return ""
		}
	})
	d := s.driver(func(o *Options) { o.Preset = Outlook; o.Auth = AuthPlain }) // 3 connections
	var done sync.WaitGroup
	for range 12 {
		done.Go(func() {
			if err := send(t, d); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		s.until("DATA")
	}
	for cause, want := range map[error]fault.Reason{context.Canceled: fault.Cancelled, context.DeadlineExceeded: fault.Timeout} {
		ctx := providertest.NewExpiring(cause)
		result := make(chan error, 1)
		go func() {
			_, err := d.Do(ctx, call(recipient))
			result <- err
		}()
		ctx.Expire()
		if err := <-result; fault.Of(err) != want {
			t.Errorf("waiting for a connection: %v, want %s", err, want)
		}
	}
	close(hold)
	done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mostOpen != 3 || len(s.messages) != 12 {
		t.Errorf("%d connections at once, want 3; %d messages, want 12", s.mostOpen, len(s.messages))
	}
}

// TestNewPassword: a changed secret takes effect with the next message, on a
// connection that logged in with it.
func TestNewPassword(t *testing.T) {
	var password atomic.Value
	password.Store("old")
	s := serve(t, func(s *scripted) {
		s.users = func(_, response string) bool {
			return response == "\x00"+testUser+"\x00"+password.Load().(string)
		}
	})
	d := s.driver(func(o *Options) { o.Password = func() string { return password.Load().(string) } })
	if err := send(t, d); err != nil {
		t.Fatal(err)
	}
	password.Store("new")
	if err := send(t, d); err != nil {
		t.Fatal(err)
	}
	if s.count("AUTH") != 2 || s.connections() != 2 || s.count("QUIT") != 1 {
		t.Errorf("%d logins, %d connections, %d QUIT", s.count("AUTH"), s.connections(), s.count("QUIT"))
	}
	password.Store("")
	if err := send(t, d); fault.Of(err) != fault.Unauthorized {
		t.Errorf("empty password: %v", err)
	}
}

// TestClose waits for the message in hand and refuses later ones.
func TestClose(t *testing.T) {
	hold := make(chan struct{})
	s := serve(t, func(s *scripted) {
		s.answer = func(_ *dialogue, verb, _ string, _ int) string {
			if verb == "BODY" {
				<-hold
			}
			return ""
		}
	})
	d := s.driver(func(o *Options) { o.MaxConns = 1 })
	first, second, closed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { first <- send(t, d) }()
	s.until("DATA")
	go func() { second <- send(t, d) }() // waits for the connection
	go func() { closed <- d.Close() }()
	select {
	case err := <-closed:
		t.Errorf("Close did not wait for the message in hand: %v", err)
	default:
	}
	close(hold)
	if err := <-first; err != nil {
		t.Errorf("the message in hand: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-second; err != nil && fault.Of(err) != fault.Unavailable {
		t.Errorf("the message behind it: %v", err)
	}
	if err := send(t, d); fault.Of(err) != fault.Unavailable {
		t.Errorf("after Close: %v", err)
	}
	s.until("GONE")
}

// TestEncryption: no way of TLS is skipped, and none is needed on this machine.
func TestEncryption(t *testing.T) {
	t.Run("implicit", func(t *testing.T) {
		s := serve(t, func(s *scripted) { s.implicit = true })
		d := s.driver(func(o *Options) { o.TLS = TLS })
		if err := send(t, d); err != nil || s.count("STARTTLS") != 0 || !strings.HasPrefix(d.URL(), "smtps://127.0.0.1:") {
			t.Errorf("%v, %s", err, d.URL())
		}
	})
	t.Run("not offered", func(t *testing.T) {
		s := serve(t, func(s *scripted) { s.plain = s.extensions })
		if err := send(t, s.driver(nil)); fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), "STARTTLS") {
			t.Error(err)
		}
		if s.count("AUTH")+s.count("MAIL") != 0 {
			t.Error("something was said without TLS")
		}
	})
	t.Run("none", func(t *testing.T) {
		s := serve(t, func(s *scripted) { s.plain = s.extensions })
		if err := send(t, s.driver(func(o *Options) { o.TLS = NoTLS })); err != nil {
			t.Error(err)
		}
	})
	t.Run("untrusted", func(t *testing.T) {
		s := serve(t, nil)
		if err := send(t, s.driver(func(o *Options) { o.RootCAs = nil })); fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), "certificate") {
			t.Error(err)
		}
	})
}

// TestMechanisms: auto takes what the server offers.
func TestMechanisms(t *testing.T) {
	for offered, want := range map[string]string{"AUTH PLAIN LOGIN": "PLAIN", "AUTH LOGIN XOAUTH2": "LOGIN", "AUTH CRAM-MD5": "", "HELP": ""} {
		var got atomic.Value
		got.Store("")
		s := serve(t, func(s *scripted) {
			s.extensions = []string{offered}
			s.users = func(mechanism, response string) bool {
				got.Store(mechanism)
				return strings.TrimPrefix(response, "\x00") == testUser+"\x00"+testPassword
			}
		})
		err := send(t, s.driver(nil))
		if got.Load() != want || (err == nil) != (want != "") || want == "" && fault.Of(err) != fault.Unauthorized {
			t.Errorf("%s: %q, %v", offered, got.Load(), err)
		}
	}
	s := serve(t, nil)
	if err := send(t, s.driver(func(o *Options) { o.Username, o.Password = "", nil })); err != nil || s.count("AUTH") != 0 {
		t.Errorf("without credentials: %v, %d logins", err, s.count("AUTH"))
	}
}
