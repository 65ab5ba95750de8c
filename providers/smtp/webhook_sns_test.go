package smtp

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 of SNS
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
)

const (
	topic   = "arn:aws:sns:ap-northeast-2:123456789012:portal-mail"
	certURL = "https://sns.ap-northeast-2.amazonaws.com/SimpleNotificationService-0123.pem"
)

// amazonHosts is a TLS server that is every host of Amazon's to its client: it has
// certificates and confirms subscriptions.
type amazonHosts struct {
	key      *rsa.PrivateKey
	client   *http.Client
	fetched  atomic.Int64
	asked    atomic.Int64
	answer   atomic.Pointer[http.HandlerFunc] // instead of the certificate
	validity time.Duration
}

func newAmazon(t *testing.T) *amazonHosts {
	t.Helper()
	a := &amazonHosts{validity: time.Hour}
	var err error
	if a.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Action") == "ConfirmSubscription" {
			a.asked.Add(1)
			fmt.Fprint(w, `<ConfirmSubscriptionResponse><ConfirmSubscriptionResult/></ConfirmSubscriptionResponse>`)
			return
		}
		a.fetched.Add(1)
		if answer := a.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		_, _ = w.Write(a.certificate(t))
	}))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	a.client = &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test's own server
		},
	}
	t.Cleanup(a.client.CloseIdleConnections)
	return a
}

func (a *amazonHosts) certificate(t testing.TB) []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(a.validity),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (a *amazonHosts) webhook() *SESWebhook {
	return NewSESWebhook(SESWebhookOptions{TopicARNs: []string{topic}, Tolerance: 75 * time.Minute, Client: a.client})
}

// message is a notification, signed unless change breaks that.
func (a *amazonHosts) message(t testing.TB, version string, change map[string]string) []byte {
	t.Helper()
	m := map[string]string{
		"Type": "Notification", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "TopicArn": topic, "Subject": "Amazon SES Email Event Notification",
		"Message": `{"eventType":"Delivery"}`, "Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"SignatureVersion": version, "SigningCertURL": certURL,
	}
	maps.Copy(m, change)
	for name, value := range m {
		if value == "-" {
			delete(m, name)
		}
	}
	if _, given := m["Signature"]; !given {
		m["Signature"] = sign(t, a.key, m)
	}
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// sign is the vendor's documented recipe, written a second time.
func sign(t testing.TB, key *rsa.PrivateKey, m map[string]string) string {
	t.Helper()
	names := []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	if m["Type"] == "Notification" {
		names = []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	}
	text := ""
	for _, name := range names {
		if value, ok := m[name]; ok {
			text += name + "\n" + value + "\n"
		}
	}
	sum := sha256.Sum256([]byte(text))
	hash, digest := crypto.SHA256, sum[:]
	if m["SignatureVersion"] == "1" {
		short := sha1.Sum([]byte(text)) //nolint:gosec // see above
		hash, digest = crypto.SHA1, short[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func TestSNSSignatures(t *testing.T) {
	a := newAmazon(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	subscribe := map[string]string{"Type": snsSubscribe, "Token": "t", "SubscribeURL": "https://sns.ap-northeast-2.amazonaws.com/?Action=ConfirmSubscription", "Subject": "-"}
	for _, test := range []struct {
		name    string
		version string
		change  map[string]string
		want    fault.Reason
	}{
		{"version 1", "1", nil, fault.None},
		{"version 2", "2", nil, fault.None},
		{"without a subject", "2", map[string]string{"Subject": "-"}, fault.None},
		{"an empty subject", "2", map[string]string{"Subject": ""}, fault.None},
		{"a subscription", "2", subscribe, fault.None},
		{"an unsubscription", "1", map[string]string{"Type": snsUnsubscribe, "Token": "t", "SubscribeURL": "https://x", "Subject": "-"}, fault.None},
		{"version 3", "3", nil, fault.Refused},
		{"no version", "-", nil, fault.Refused},
		{"another topic", "2", map[string]string{"TopicArn": topic + "2"}, fault.Refused},
		{"no topic", "2", map[string]string{"TopicArn": "-"}, fault.Refused},
		{"too old", "2", map[string]string{"Timestamp": time.Now().Add(-76 * time.Minute).UTC().Format(time.RFC3339)}, fault.Refused},
		{"an hour old", "2", map[string]string{"Timestamp": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, fault.None},
		{"from the future", "2", map[string]string{"Timestamp": time.Now().Add(76 * time.Minute).UTC().Format(time.RFC3339)}, fault.Refused},
		{"no time", "2", map[string]string{"Timestamp": "now"}, fault.Refused},
		{"not signed", "2", map[string]string{"Signature": ""}, fault.Unauthorized},
		{"no certificate", "2", map[string]string{"SigningCertURL": "-"}, fault.Unauthorized},
		{"not base64", "2", map[string]string{"Signature": "%"}, fault.Refused},
		{"signed by somebody else", "2", map[string]string{"Signature": sign(t, other, map[string]string{"Type": "Notification", "SignatureVersion": "2"})}, fault.Refused},
		{"another type", "2", map[string]string{"Type": "Other"}, fault.Invalid},
	} {
		if err := a.webhook().Verify(t.Context(), nil, a.message(t, test.version, test.change), time.Now()); fault.Of(err) != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	signed := a.message(t, "2", nil)
	for _, field := range []string{"Delivery", "165545c9", "Event Notification"} {
		if err := a.webhook().Verify(t.Context(), nil, []byte(strings.Replace(string(signed), field, "x", 1)), time.Now()); fault.Of(err) != fault.Refused {
			t.Errorf("with another %s: %v", field, err)
		}
	}
	for _, broken := range []string{"", "[]", `{"Type":1}`, "\xff"} {
		if err := a.webhook().Verify(t.Context(), nil, []byte(broken), time.Now()); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

// TestSNSHosts: only Amazon's own hosts are asked for a certificate, whatever a
// URL looks like to the eye.
func TestSNSHosts(t *testing.T) {
	a := newAmazon(t)
	for url, want := range map[string]fault.Reason{
		certURL: fault.None,
		"https://sns.cn-north-1.amazonaws.com.cn/x.pem":                                fault.None,
		"https://sns.us-gov-west-1.amazonaws.com/a/b.pem":                              fault.None,
		"http://sns.ap-northeast-2.amazonaws.com/x.pem":                                fault.Refused,
		"https://sns.ap-northeast-2.amazonaws.com@evil.example/x.pem":                  fault.Refused,
		"https://sns.ap-northeast-2.amazonaws.com.evil.example/x.pem":                  fault.Refused,
		"https://evil.example/sns.ap-northeast-2.amazonaws.com/x.pem":                  fault.Refused,
		"https://evil.example#sns.ap-northeast-2.amazonaws.com/x.pem":                  fault.Refused,
		"https://evil.example?sns.ap-northeast-2.amazonaws.com/x.pem":                  fault.Refused,
		"https://user@sns.ap-northeast-2.amazonaws.com/x.pem":                          fault.Refused,
		"https://sns.ap-northeast-2.amazonaws.com:8443/x.pem":                          fault.Refused,
		"https://sns.ap-northeast-2.amazonaws.com/x.pem?redirect=https://evil.example": fault.Refused,
		"https://sns.ap-northeast-2.amazonaws.com/x.txt":                               fault.Refused,
		"https://s3.ap-northeast-2.amazonaws.com/bucket/x.pem":                         fault.Refused,
		"https://sns.x.amazonaws.com/x.pem":                                            fault.Refused,
		"https://sns..amazonaws.com/x.pem":                                             fault.Refused,
		"https://sns.ap-northeast-2.amazonaws.comx/x.pem":                              fault.Refused,
		"https://SNS.ap-northeast-2.amazonaws.com\\@evil.example/x.pem":                fault.Refused,
		"//sns.ap-northeast-2.amazonaws.com/x.pem":                                     fault.Refused,
		"file:///etc/ssl/x.pem":                                                        fault.Refused,
	} {
		before := a.fetched.Load()
		err := a.webhook().Verify(t.Context(), nil, a.message(t, "2", map[string]string{"SigningCertURL": url}), time.Now())
		if fault.Of(err) != want || (want == fault.Refused) != (a.fetched.Load() == before) {
			t.Errorf("%s: %v, %d fetches", url, err, a.fetched.Load()-before)
		}
	}
}

func TestSNSCertificates(t *testing.T) {
	a := newAmazon(t)
	now := time.Now()
	w := NewSESWebhook(SESWebhookOptions{TopicARNs: []string{topic}, Tolerance: time.Hour, Client: a.client, Now: func() time.Time { return now }})
	verify := func() error { return w.Verify(t.Context(), nil, a.message(t, "2", nil), time.Now()) }

	away := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusServiceUnavailable) })
	a.answer.Store(&away)
	if err := verify(); fault.Of(err) != fault.Unavailable {
		t.Errorf("without an answer: %v", err)
	}
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example/x.pem", http.StatusFound)
	})
	a.answer.Store(&elsewhere)
	if err := verify(); fault.Of(err) != fault.Unavailable || a.fetched.Load() != 1 {
		t.Errorf("a failure is asked for again at once: %v, %d fetches", err, a.fetched.Load())
	}
	now = now.Add(certificateAgain)
	if err := verify(); fault.Of(err) != fault.Unavailable || a.fetched.Load() != 2 {
		t.Errorf("a redirect is followed: %v, %d fetches", err, a.fetched.Load())
	}
	a.answer.Store(nil)
	now = now.Add(certificateAgain)
	for range 3 {
		if err := verify(); err != nil {
			t.Errorf("with a certificate: %v", err)
		}
	}
	if a.fetched.Load() != 3 {
		t.Errorf("%d fetches, want 3", a.fetched.Load())
	}
	now = now.Add(2 * time.Hour) // the certificate has run out, and is fetched anew
	if err := verify(); err != nil || a.fetched.Load() != 4 {
		t.Errorf("later: %v, %d fetches", err, a.fetched.Load())
	}
	a.validity = -time.Minute
	if err := a.webhook().Verify(t.Context(), nil, a.message(t, "2", nil), time.Now()); fault.Of(err) != fault.Refused {
		t.Errorf("with an expired certificate: %v", err)
	}
}

// TestMockCertificates: what lies in a folder is trusted beside Amazon's hosts.
func TestMockCertificates(t *testing.T) {
	a := newAmazon(t)
	folder := t.TempDir()
	for name, content := range map[string][]byte{"mine.pem": a.certificate(t), "mine.key": []byte("-----BEGIN KEY-----\n"), "readme": []byte("x")} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := ReadCertificates(folder)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d certificates, %v", len(found), err)
	}
	w := NewSESWebhook(SESWebhookOptions{TopicARNs: []string{topic}, Tolerance: time.Hour, Certificates: found, Client: a.client})
	for _, version := range []string{"1", "2"} {
		if err := w.Verify(t.Context(), nil, a.message(t, version, map[string]string{"SigningCertURL": "https://localhost/x.pem"}), time.Now()); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
	}
	if a.fetched.Load() != 0 {
		t.Errorf("%d fetches", a.fetched.Load())
	}
	if _, err := ReadCertificates(filepath.Join(folder, "nowhere")); err == nil {
		t.Error("a folder that is not there is read")
	}
}

func TestSNSEnvelopes(t *testing.T) {
	a := newAmazon(t)
	w := a.webhook()
	notices, err := w.Split(nil, a.message(t, "2", nil))
	if err != nil || len(notices) != 1 || notices[0].EventID != "165545c9-2a5c-472c-8df2-7ff2be2b3b1b" || string(notices[0].Event) != `{"eventType":"Delivery"}` {
		t.Errorf("%+v, %v", notices, err)
	}
	// The one notice that is no event.
	plain := a.message(t, "2", map[string]string{"Message": "Successfully validated SNS topic for Amazon SES event publishing."})
	if notices, err := w.Split(nil, plain); err != nil || len(notices) != 0 {
		t.Errorf("plain text: %+v, %v", notices, err)
	}
}

func TestSNSSubscriptions(t *testing.T) {
	a := newAmazon(t)
	w := a.webhook()
	follow := func(change map[string]string) error {
		m := map[string]string{"Type": snsSubscribe, "Token": "t", "SubscribeURL": "https://sns.ap-northeast-2.amazonaws.com/?Action=ConfirmSubscription&Token=t", "Subject": "-"}
		maps.Copy(m, change)
		body := a.message(t, "2", m)
		notices, err := w.Split(nil, body)
		if err != nil || len(notices) != 1 {
			t.Fatalf("%+v, %v", notices, err)
		}
		if reports, err := w.Parse(notices[0].Event); err != nil || len(reports) != 0 {
			t.Errorf("a subscription reports %v, %v", reports, err)
		}
		followed, err := w.Follow(t.Context(), notices[0].Event)
		if !followed {
			t.Error("not followed")
		}
		return err
	}
	if err := follow(nil); err != nil || a.asked.Load() != 1 {
		t.Errorf("%v, %d confirmations", err, a.asked.Load())
	}
	for _, change := range []map[string]string{
		{"SubscribeURL": "https://evil.example/?Action=ConfirmSubscription"},
		{"SubscribeURL": "http://127.0.0.1:1/?Action=ConfirmSubscription"},
		{"TopicArn": topic + "2"},
	} {
		if err := follow(change); fault.Of(err) != fault.Refused || a.asked.Load() != 1 {
			t.Errorf("%v: %v", change, err)
		}
	}
	if err := follow(map[string]string{"Type": snsUnsubscribe}); err != nil || a.asked.Load() != 1 {
		t.Errorf("an unsubscription: %v", err)
	}
	if followed, err := w.Follow(t.Context(), []byte(`{"eventType":"Delivery"}`)); followed || err != nil {
		t.Errorf("an event is followed: %v", err)
	}
}

func FuzzSNS(f *testing.F) {
	f.Add([]byte(`{"Type":"Notification","MessageId":"x","TopicArn":"`+topic+`","Message":"{\"eventType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{}]}}","Timestamp":"2026-01-02T03:04:05Z","SignatureVersion":"1","Signature":"AAAA","SigningCertURL":"`+certURL+`"}`), []byte(`{"sns":"SubscriptionConfirmation"}`))
	f.Add([]byte(`{"Type":"SubscriptionConfirmation","SubscribeURL":"https://sns.x","Token":"t"}`), []byte(`{"eventType":"Complaint","mail":{"tags":{"gangway_id":[""]}}}`))
	nowhere := &http.Client{Transport: refusing{}}
	w := NewSESWebhook(SESWebhookOptions{TopicARNs: []string{topic}, Tolerance: 100 * 365 * 24 * time.Hour, Client: nowhere})
	f.Fuzz(func(t *testing.T, body, event []byte) {
		if err := w.Verify(t.Context(), nil, body, time.Now()); err == nil {
			t.Fatalf("%q is taken", body)
		}
		notices, err := w.Split(nil, body)
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Fatal(err)
		}
		for _, notice := range notices {
			_, _ = w.Follow(t.Context(), notice.Event)
			if reports, err := w.Parse(notice.Event); err == nil {
				saneReports(t, reports)
			}
		}
		if reports, err := w.Parse(event); err == nil {
			saneReports(t, reports)
		}
	})
}

// refusing is a network without an answer.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, net.ErrClosed }
