package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 of SNS
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// TopicARN is the SNS topic to which the simulated SES reports.
const TopicARN = "arn:aws:sns:" + Region + ":000000000000:gangway-simulator"

// WebhookSecret is what signs a vendor's webhooks, or stands in them: of Solapi
// and NHN Cloud the configured text, of all that report in the form of Standard
// Webhooks a secret of that form. It opens nothing but mock mode.
func WebhookSecret(vendor string) string {
	switch vendor {
	case "solapi":
		return "simulator-solapi-webhook-secret"
	case "nhncloud":
		return "simulator-nhncloud-webhook-text"
	}
	sum := sha256.Sum256([]byte("simulator webhook " + vendor))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:24])
}

// WebhookKey is the key that verifies the simulated SendGrid's webhooks, in the
// form of its console.
func (s *Simulator) WebhookKey() string {
	der, err := x509.MarshalPKIXPublicKey(&s.keys().sendGrid.PublicKey)
	if err != nil {
		return "" // a P-256 key always encodes
	}
	return base64.StdEncoding.EncodeToString(der)
}

// WebhookCertificate is what the simulated SNS signs with.
func (s *Simulator) WebhookCertificate() *x509.Certificate { return s.keys().certificate }

// webhookKeys sign as the vendors do. They are made when they are first needed: an
// RSA key takes a while.
type webhookKeys struct {
	sendGrid    *ecdsa.PrivateKey
	sns         *rsa.PrivateKey
	certificate *x509.Certificate
}

func newWebhookKeys() webhookKeys {
	var k webhookKeys
	var err error
	if k.sendGrid, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(fmt.Sprintf("simulator: no randomness: %v", err))
	}
	if k.sns, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(fmt.Sprintf("simulator: no randomness: %v", err))
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.simulator.example"},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.sns.PublicKey, k.sns)
	if err == nil {
		k.certificate, err = x509.ParseCertificate(der)
	}
	if err != nil {
		panic(fmt.Sprintf("simulator: certificate: %v", err))
	}
	return k
}

// snsRequest completes and signs a message of SNS. Both versions of the signature
// occur, as both do in the world.
func (s *Simulator) snsRequest(message map[string]string, forge bool) hookRequest {
	now := s.options.Now().UTC()
	message["TopicArn"], message["Timestamp"] = TopicARN, now.Format("2006-01-02T15:04:05.000Z")
	message["SignatureVersion"] = "2"
	if message["MessageId"] < "V" {
		message["SignatureVersion"] = "1"
	}
	message["SigningCertURL"] = "https://sns." + Region + ".amazonaws.com/SimpleNotificationService-simulator.pem"
	names := []string{"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	var text strings.Builder
	for _, name := range names {
		if value, ok := message[name]; ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash, sum := crypto.SHA256, slices.Clone(sum256(text.String()))
	if message["SignatureVersion"] == "1" {
		short := sha1.Sum([]byte(text.String())) //nolint:gosec // see above
		hash, sum = crypto.SHA1, short[:]
	}
	final := onlyServerErrors
	if forge {
		sum[0]++
		final = never
	}
	if signature, err := rsa.SignPKCS1v15(rand.Reader, s.keys().sns, hash, sum); err == nil {
		message["Signature"] = base64.StdEncoding.EncodeToString(signature)
	}
	body, _ := json.Marshal(message, json.Deterministic(true))
	return hookRequest{body: body, final: final, header: http.Header{
		"Content-Type": {"text/plain; charset=UTF-8"}, "User-Agent": {"Amazon Simple Notification Service Agent"},
		"X-Amz-Sns-Message-Type": {message["Type"]}, "X-Amz-Sns-Message-Id": {message["MessageId"]}, "X-Amz-Sns-Topic-Arn": {TopicARN},
	}}
}

func sum256(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// subscribe asks the receiver to confirm that it wants the topic's messages.
func (s *Simulator) subscribe() {
	id := eventID(report{what: "subscribe", at: s.options.Now()}, "")
	request := s.snsRequest(map[string]string{
		"Type": "SubscriptionConfirmation", "MessageId": id, "Token": id,
		"Message":      "You have chosen to subscribe to the topic " + TopicARN + ".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
		"SubscribeURL": s.URL("ses") + "/?Action=ConfirmSubscription&TopicArn=" + TopicARN + "&Token=" + id,
	}, false)
	s.tell("ses", report{raw: []hookRequest{request}})
}

// destinationMade sends the one message of SES that is no event, in words alone.
func (s *Simulator) destinationMade() {
	s.tell("ses", report{raw: []hookRequest{s.snsRequest(map[string]string{
		"Type": "Notification", "MessageId": eventID(report{what: "destination", at: s.options.Now()}, ""),
		"Message": "Successfully validated SNS topic for Amazon SES event publishing.",
	}, false)}})
}

// Host is host:port of the simulated HTTP APIs, among them that of SNS.
func (s *Simulator) Host() string { return strings.TrimPrefix(s.httpURL, "http://") }

// Subscribed reports whether the receiver of the simulated SES's reports has
// confirmed its subscription.
func (s *Simulator) Subscribed() bool { return s.subscribed.Load() }

// confirmations answers the SubscribeURL.
func (s *Simulator) confirmations() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("Action") != "ConfirmSubscription" || query.Get("TopicArn") != TopicARN || query.Get("Token") == "" {
			http.Error(w, "<ErrorResponse/>", http.StatusBadRequest)
			return
		}
		if !s.subscribed.Swap(true) {
			s.destinationMade()
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult><SubscriptionArn>%s:1</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>`, TopicARN)
	})
}
