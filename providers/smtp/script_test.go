package smtp

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/providers"
)

// What a scripted answer may be besides a reply.
const (
	hang = "\x00hang" // nothing more, until the client goes
	cut  = "\x00cut"  // the connection ends
	raw  = "\x00raw"  // what follows is written as it is, then the connection ends
)

// scripted is a mail server whose every answer a test may replace.
type scripted struct {
	t           *testing.T
	listener    net.Listener
	certificate tls.Certificate
	roots       *x509.CertPool
	implicit    bool     // TLS from the first byte
	extensions  []string // after TLS
	plain       []string // before TLS
	users       func(mechanism, response string) bool
	// answer replaces the reply to a command; "" leaves it. "GREET" is the
	// greeting and "BODY" the final dot. n counts that verb over all connections.
	answer func(c *dialogue, verb, line string, n int) string

	seen chan string // verbs, as they are answered
	done sync.WaitGroup

	mu       sync.Mutex
	counts   map[string]int
	conns    []*dialogue
	messages []sent
	open     int
	mostOpen int
}

// dialogue is one connection.
type dialogue struct {
	number int // from 1
	conn   net.Conn
	text   *textproto.Reader
	out    *bufio.Writer
	secure bool
	verbs  []string
	from   string
	to     []string
}

// sent is one accepted message.
type sent struct {
	from    string
	to      []string
	content string
	conn    int
}

func serve(t *testing.T, change func(*scripted)) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{
		t: t, listener: listener, counts: map[string]int{}, seen: make(chan string, 4096),
		extensions: []string{"PIPELINING", "SIZE 52428800", "AUTH PLAIN LOGIN XOAUTH2", "8BITMIME", "SMTPUTF8"},
		plain:      []string{"PIPELINING", "STARTTLS"},
		users:      func(string, string) bool { return true },
	}
	s.certificate, s.roots = certify(t)
	if change != nil {
		change(s)
	}
	s.done.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

func certify(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, roots
}

func (s *scripted) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		c := &dialogue{number: len(s.conns) + 1, conn: conn}
		s.conns = append(s.conns, c)
		s.open++
		s.mostOpen = max(s.mostOpen, s.open)
		s.mu.Unlock()
		s.done.Go(func() {
			s.talk(c)
			_ = conn.Close()
			s.mu.Lock()
			s.open--
			s.mu.Unlock()
			s.signal("GONE")
		})
	}
}

func (s *scripted) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.conn.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

func (c *dialogue) over(stream net.Conn) {
	c.text = textproto.NewReader(bufio.NewReader(stream))
	c.out = bufio.NewWriter(stream)
}

// talk is the dialogue of one connection until it ends.
func (s *scripted) talk(c *dialogue) {
	stream := c.conn
	if s.implicit {
		stream, c.secure = tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{s.certificate}}), true
	}
	c.over(stream)
	if !s.reply(c, "GREET", "", "220 mail.example ESMTP") {
		return
	}
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if !s.command(c, verb, line) {
			return
		}
	}
}

func (s *scripted) command(c *dialogue, verb, line string) bool {
	switch verb {
	case "EHLO":
		extensions := s.extensions
		if !c.secure {
			extensions = s.plain
		}
		all := append([]string{"mail.example"}, extensions...)
		for i := range all {
			dash := "-"
			if i == len(all)-1 {
				dash = " "
			}
			all[i] = "250" + dash + all[i]
		}
		return s.reply(c, verb, line, strings.Join(all, "\r\n"))
	case "STARTTLS":
		if !s.reply(c, verb, line, "220 go ahead") {
			return false
		}
		c.secure = true
		c.over(tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{s.certificate}}))
		return true
	case "AUTH":
		return s.auth(c, line)
	case "MAIL":
		c.from, c.to = between(line), nil
		return s.reply(c, verb, line, "250 2.1.0 Ok")
	case "RCPT":
		c.to = append(c.to, between(line))
		return s.reply(c, verb, line, "250 2.1.5 Ok")
	case "DATA":
		return s.reply(c, verb, line, "354 End data with <CR><LF>.<CR><LF>")
	case "QUIT":
		s.reply(c, verb, line, "221 2.0.0 Bye")
		return false
	}
	return s.reply(c, verb, line, "250 2.0.0 Ok")
}

// auth takes the login; users decides about mechanism and response.
func (s *scripted) auth(c *dialogue, line string) bool {
	words := strings.Fields(line)
	response := strings.Join(words[2:], "")
	if words[1] == "LOGIN" {
		var answers []string
		for _, question := range []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"} {
			_, _ = fmt.Fprintf(c.out, "334 %s\r\n", question)
			_ = c.out.Flush()
			answer, err := c.text.ReadLine()
			if err != nil {
				return false
			}
			answers = append(answers, decode64(answer))
		}
		response = base64.StdEncoding.EncodeToString([]byte(strings.Join(answers, "\x00")))
	}
	if s.users(words[1], decode64(response)) {
		return s.reply(c, "AUTH", words[1], "235 2.7.0 Accepted")
	}
	if words[1] == "XOAUTH2" {
		_, _ = fmt.Fprintf(c.out, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte(`{"status":"401"}`)))
		_ = c.out.Flush()
		if empty, err := c.text.ReadLine(); err != nil || empty != "" {
			s.t.Errorf("after a refused token the client says %q, %v", empty, err)
		}
	}
	return s.reply(c, "AUTH", words[1], "535 5.7.8 Not accepted")
}

func decode64(text string) string {
	decoded, _ := base64.StdEncoding.DecodeString(text)
	return string(decoded)
}

// reply sends what the script says, and takes the content after 354.
func (s *scripted) reply(c *dialogue, verb, line, text string) bool {
	s.mu.Lock()
	s.counts[verb]++
	n := s.counts[verb]
	c.verbs = append(c.verbs, verb)
	s.mu.Unlock()
	if s.answer != nil {
		if scripted := s.answer(c, verb, line, n); scripted != "" {
			text = scripted
		}
	}
	s.signal(verb)
	switch {
	case text == cut:
		return false
	case text == hang:
		_, _ = io.Copy(io.Discard, c.text.R)
		return false
	case strings.HasPrefix(text, raw):
		_, _ = c.out.WriteString(strings.TrimPrefix(text, raw))
		_ = c.out.Flush()
		return false
	}
	_, _ = c.out.WriteString(text + "\r\n")
	_ = c.out.Flush()
	if verb != "DATA" || !strings.HasPrefix(text, "354") {
		return true
	}
	content, err := io.ReadAll(c.text.DotReader())
	if err != nil {
		return false
	}
	s.mu.Lock()
	s.messages = append(s.messages, sent{from: c.from, to: slices.Clone(c.to), content: string(content), conn: c.number})
	s.mu.Unlock()
	return s.reply(c, "BODY", "", "250 2.0.0 Ok: queued as Q-1")
}

func between(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	inner, _, _ := strings.Cut(rest, ">")
	return inner
}

// signal tells those who wait; nobody has to.
func (s *scripted) signal(verb string) {
	select {
	case s.seen <- verb:
	default:
	}
}

// until waits for a verb.
func (s *scripted) until(verb string) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case got := <-s.seen:
			if got == verb {
				return
			}
		case <-deadline:
			s.t.Fatalf("%s was not seen within 20 s", verb)
		}
	}
}

func (s *scripted) count(verb string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[verb]
}

func (s *scripted) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *scripted) received() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// driver returns a driver for the server, closed with the test.
func (s *scripted) driver(change func(*Options)) *Driver {
	s.t.Helper()
	o := Options{
		Host: "127.0.0.1", Port: s.listener.Addr().(*net.TCPAddr).Port, RootCAs: s.roots,
		Username: testUser, Password: Plain(testPassword), From: "portal@gangwon.example", Helo: "portal.example",
	}
	if change != nil {
		change(&o)
	}
	d, err := New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := d.Close(); err != nil {
			s.t.Errorf("Close: %v", err)
		}
	})
	return d
}

const (
	testUser     = "account-7"
	testPassword = "pass-77c1e0"
	testToken    = "token-5f1d"
)

func call(to ...string) providers.Call[providers.Email] {
	return providers.Call[providers.Email]{ID: uuid.New(), Attempt: 1, Request: providers.Email{
		MessageID: uuid.NewString() + "@gangwon.example", To: to, Subject: "subject", Text: "text",
	}}
}
