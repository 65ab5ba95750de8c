package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	mailsmtp "github.com/wneessen/go-mail/smtp"

	"github.com/gangwon-portal/gangway/internal/fault"
)

const (
	// mostReply bounds what is read in answer to what was written last, in bytes.
	mostReply = 256 << 10
	// stall ends a call whose context has no deadline and whose server is silent.
	stall = 5 * time.Minute
)

var errFlood = errors.New("the answer is larger than 256 KiB")

// conn is one logged-in connection, used by one call at a time.
type conn struct {
	wire      *wire
	client    *mailsmtp.Client
	login     credential
	pipelines bool
	utf8      bool
	dsn       bool
	most      int64 // bytes of one message, 0 for no bound
	sized     bool
	reused    bool
	idleSince time.Time
}

// wire is the TCP connection under TLS. It bounds answers: the protocol reader
// above it would take a line of any length.
type wire struct {
	net.Conn
	left int
}

func (w *wire) Write(p []byte) (int, error) {
	w.left = mostReply
	return w.Conn.Write(p)
}

func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errFlood
	}
	n, err := w.Conn.Read(p[:min(len(p), w.left)])
	w.left -= n
	return n, err
}

// connect opens a connection and logs in.
func (d *Driver) connect(ctx context.Context, login credential) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.ConnectTimeout)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address())
	if err != nil {
		return nil, broken(ctx, atConnect, err)
	}
	c := &conn{wire: &wire{Conn: tcp, left: mostReply}, login: login}
	// Closing is the one interruption that every layer above obeys.
	stop := context.AfterFunc(ctx, c.cut)
	at, err := d.greet(c)
	if !stop() || err != nil {
		c.cut()
		if err == nil {
			err = context.Cause(ctx)
		}
		return nil, d.failed(ctx, at, err)
	}
	return c, nil
}

// greet goes through greeting, encryption and login, and tells how far it came.
func (d *Driver) greet(c *conn) (stage, error) {
	stream := net.Conn(c.wire)
	if d.options.TLS == TLS {
		stream = tls.Client(stream, d.tls)
	}
	client, err := mailsmtp.NewClient(stream, d.options.Host)
	if err != nil {
		return atConnect, err
	}
	c.client = client
	if err := client.Hello(d.options.Helo); err != nil {
		return atConnect, err
	}
	if d.options.TLS == StartTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return atConnect, fault.New(fault.Unavailable, "smtp: connect", "the server does not offer STARTTLS: nothing is sent unencrypted")
		}
		if err := client.StartTLS(d.tls); err != nil {
			return atConnect, err
		}
	}
	c.pipelines, _ = client.Extension("PIPELINING")
	c.utf8, _ = client.Extension("SMTPUTF8")
	c.dsn, _ = client.Extension("DSN")
	var size string
	if c.sized, size = client.Extension("SIZE"); c.sized {
		c.most, _ = strconv.ParseInt(strings.TrimSpace(size), 10, 64)
	}
	if c.login.login == AuthNone {
		return atLogin, nil
	}
	_, offered := client.Extension("AUTH")
	mechanism, err := c.login.mechanism(d.options.Host, offered)
	if err != nil {
		return atLogin, err
	}
	return atLogin, client.Auth(mechanism)
}

// write sends commands in one packet.
func (c *conn) write(commands ...string) error {
	for _, command := range commands {
		if _, err := c.client.Text.W.WriteString(command + "\r\n"); err != nil {
			return err
		}
	}
	return c.client.Text.W.Flush()
}

// read takes one reply of any code.
func (c *conn) read() (reply, error) { return readReply(c.client.Text.R) }

// ask sends one command and takes its reply.
func (c *conn) ask(command string) (reply, error) {
	if err := c.write(command); err != nil {
		return reply{}, err
	}
	return c.read()
}

// cut ends the connection at once.
func (c *conn) cut() { _ = c.wire.Close() }

// quit says goodbye without waiting for an answer.
func (c *conn) quit() {
	_ = c.wire.SetDeadline(time.Now().Add(time.Second))
	_ = c.write("QUIT")
	_ = c.client.Close() // sends TLS' own goodbye
	c.cut()
}

// failed is the fault of a stage: the server's reply when there is one, else
// the broken connection.
func (d *Driver) failed(ctx context.Context, at stage, err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return d.classify(at, parseReply(e.Code, e.Msg))
	}
	return broken(ctx, at, err)
}

// broken is the fault of a connection that failed before the content was
// complete: nothing was sent.
func broken(ctx context.Context, at stage, err error) error {
	op := "smtp: " + string(at)
	if ctx.Err() != nil {
		return ended(ctx, op)
	}
	if netError, ok := errors.AsType[net.Error](err); ok && netError.Timeout() {
		return &fault.Error{Reason: fault.Timeout, Op: op, Message: "no answer in time", Err: cause(err)}
	}
	return &fault.Error{Reason: fault.Unavailable, Op: op, Message: "connection failed", Err: cause(err)}
}

// cause keeps errors of the network and of TLS, and drops those that quote what
// the server said.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Errorf("tls: %s", e.Msg)
	}
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, errFlood, net.ErrClosed} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errNonsense
}
