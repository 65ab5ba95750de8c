package bounce_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/gangwon-portal/gangway/internal/bounce"
)

// office is a real IMAP server with one account, over TLS.
type office struct {
	t      *testing.T
	user   *imapmemserver.User
	addr   *net.TCPAddr
	roots  *x509.CertPool
	server *imapserver.Server
	sent   atomic.Int64 // bytes to clients
	deaf   atomic.Bool  // the next mark is not heard: the connection ends instead

	mu    sync.Mutex
	conns []net.Conn
}

const login, password = "portal@gangwon.kr", "app-password-7391"

// newOffice serves until the test ends. plain is without TLS until the client asks
// for it.
func newOffice(t *testing.T, plain bool) *office {
	t.Helper()
	o := &office{t: t, user: imapmemserver.NewUser(login, password)}
	for _, folder := range []string{"INBOX", "Done"} {
		o.check(o.user.Create(folder, nil))
	}
	certificate := o.certify()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	o.check(err)
	o.addr = listener.Addr().(*net.TCPAddr)
	encryption := &tls.Config{Certificates: []tls.Certificate{certificate}}
	options := &imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &desk{office: o}, nil, nil
		},
		Caps:   imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapMove: {}, imap.CapUIDPlus: {}},
		Logger: log.New(io.Discard, "", 0), InsecureAuth: !plain,
	}
	var accept net.Listener = counted{listener, o}
	if plain {
		options.TLSConfig = encryption
	} else {
		accept = tls.NewListener(accept, encryption)
	}
	o.server = imapserver.New(options)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = o.server.Serve(accept)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		o.cut()
		_ = o.server.Close()
		<-served
	})
	return o
}

func (o *office) certify() tls.Certificate {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	o.check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	o.check(err)
	leaf, err := x509.ParseCertificate(der)
	o.check(err)
	o.roots = x509.NewCertPool()
	o.roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// mailbox is how the account is read.
func (o *office) mailbox() bounce.Mailbox {
	return bounce.Mailbox{Host: "127.0.0.1", Port: o.addr.Port, RootCAs: o.roots, Username: login, Password: func() string { return password }}
}

// deliver puts a message into the inbox.
func (o *office) deliver(message []byte) {
	o.t.Helper()
	_, err := o.user.Append("INBOX", literal{bytes.NewReader(message)}, new(imap.AppendOptions))
	o.check(err)
}

// count is how many messages a folder has, and how many of them are unseen.
func (o *office) count(folder string) (all, unseen int) {
	o.t.Helper()
	status, err := o.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true})
	o.check(err)
	return int(*status.NumMessages), int(*status.NumUnseen)
}

// cut ends every connection.
func (o *office) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, conn := range o.conns {
		_ = conn.Close()
	}
	o.conns = nil
}

func (o *office) check(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// desk is one session.
type desk struct {
	*imapmemserver.UserSession
	office *office
}

func (d *desk) Login(user, secret string) error {
	if err := d.office.user.Login(user, secret); err != nil {
		// As chatty as servers are.
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "no " + user + " with " + secret}
	}
	d.UserSession = imapmemserver.NewUserSession(d.office.user)
	return nil
}

func (d *desk) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	if d.office.deaf.Swap(false) {
		d.office.cut()
		return io.ErrUnexpectedEOF
	}
	return d.UserSession.Store(w, set, flags, options)
}

// counted counts what goes to clients and knows their connections.
type counted struct {
	net.Listener
	office *office
}

func (l counted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.office.mu.Lock()
	l.office.conns = append(l.office.conns, conn)
	l.office.mu.Unlock()
	return countedConn{conn, l.office}, nil
}

type countedConn struct {
	net.Conn
	office *office
}

func (c countedConn) Write(p []byte) (int, error) {
	c.office.sent.Add(int64(len(p)))
	return c.Conn.Write(p)
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// about is a notification about our message to an address.
func about(t *testing.T, address string) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(string(sample(t, "gmail.eml")), "nobody@example.kr", address),
		"6925b2d1.", address+"."))
}
