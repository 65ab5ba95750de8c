package simulator

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// reportMail tells what became of each recipient of an accepted message, by
// webhook or, of bounces alone, by a mail to the sender. A complaint follows a
// delivery.
func (s *Simulator) reportMail(message Received) {
	var delivered, bounced, complained []string
	for _, to := range message.To {
		switch OfEmail(to) {
		case Bounce:
			bounced = append(bounced, to)
		case Complaint:
			delivered, complained = append(delivered, to), append(complained, to)
		default:
			delivered = append(delivered, to)
		}
	}
	if len(bounced) > 0 {
		s.bounceBack(message, bounced)
	}
	var reports []report
	for _, part := range []struct {
		what Outcome
		to   []string
	}{{Success, delivered}, {Bounce, bounced}, {Complaint, complained}} {
		if len(part.to) > 0 {
			reports = append(reports, report{what: part.what, message: message, recipients: part.to, at: s.options.Now()})
		}
	}
	s.tell(message.Provider, reports...)
}

// sendGridReports makes one signed batch: an event for each recipient.
func (s *Simulator) sendGridReports(reports []report, forge bool) []hookRequest {
	events := []map[string]any{}
	for _, r := range reports {
		for _, to := range r.recipients {
			event := map[string]any{
				"email": to, "timestamp": r.at.Unix(), "event": "delivered", "response": "250 OK",
				"smtp-id": r.message.Header["Message-Id"], "sg_message_id": r.message.ID + ".recvd-simulator-1-0",
				"sg_event_id": eventID(r, to), "category": []string{"portal"}, "gangway_id": r.message.CommandID,
			}
			switch r.what {
			case Bounce:
				event["event"], event["type"], event["status"] = "bounce", "bounce", "5.1.1"
				event["reason"], event["bounce_classification"] = "550 5.1.1 The email account that you tried to reach does not exist", "Invalid Address"
			case Complaint:
				event["event"] = "spamreport"
			default: // delivered
			}
			events = append(events, event)
		}
	}
	body, _ := json.Marshal(events, json.Deterministic(true))
	body = append(body, '\r', '\n') // as the vendor's own bodies end; it is signed too
	stamp := strconv.FormatInt(s.options.Now().Unix(), 10)
	digest := sha256.Sum256(append([]byte(stamp), body...))
	final := onlySuccess
	if forge {
		digest[0]++
		final = never
	}
	signature, err := ecdsa.SignASN1(rand.Reader, s.keys().sendGrid, digest[:])
	if err != nil {
		return nil
	}
	return []hookRequest{{body: body, final: final, header: http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"SendGrid Event API"},
		"X-Twilio-Email-Event-Webhook-Signature": {base64.StdEncoding.EncodeToString(signature)},
		"X-Twilio-Email-Event-Webhook-Timestamp": {stamp},
	}}}
}

// sesReports makes a signed SNS notification for each report.
func (s *Simulator) sesReports(reports []report, forge bool) (requests []hookRequest) {
	for _, r := range reports {
		message, err := json.Marshal(sesReport(r), json.Deterministic(true))
		if err != nil {
			continue
		}
		requests = append(requests, s.snsRequest(map[string]string{
			"Type": "Notification", "MessageId": eventID(r, ""), "Subject": "Amazon SES Email Event Notification", "Message": string(message),
		}, forge))
	}
	return requests
}

func sesReport(r report) map[string]any {
	at := r.at.UTC().Format("2006-01-02T15:04:05.000Z")
	headers := []map[string]string{}
	for _, name := range []string{"From", "To", "Subject", "Message-Id"} {
		if value := r.message.Header[name]; value != "" {
			headers = append(headers, map[string]string{"name": name, "value": value})
		}
	}
	tags := map[string][]string{"ses:configuration-set": {"simulator"}}
	for tag := range strings.SplitSeq(r.message.Header["X-Ses-Message-Tags"], ",") {
		if name, value, ok := strings.Cut(strings.TrimSpace(tag), "="); ok {
			tags[name] = []string{value}
		}
	}
	event := map[string]any{
		"eventType": "Delivery",
		"mail": map[string]any{
			"timestamp": r.message.At.UTC().Format("2006-01-02T15:04:05.000Z"), "messageId": r.message.ID, "source": r.message.From,
			"sendingAccountId": "000000000000", "destination": r.message.To, "headersTruncated": false, "headers": headers, "tags": tags,
			"commonHeaders": map[string]any{"from": []string{r.message.From}, "to": r.message.To, "messageId": r.message.ID, "subject": r.message.Subject},
		},
	}
	affected := []map[string]string{}
	for _, to := range r.recipients {
		affected = append(affected, map[string]string{"emailAddress": to})
	}
	switch r.what {
	case Bounce:
		for _, one := range affected {
			one["action"], one["status"], one["diagnosticCode"] = "failed", "5.1.1", "smtp; 550 5.1.1 user unknown"
		}
		event["eventType"] = "Bounce"
		event["bounce"] = map[string]any{
			"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": affected, "timestamp": at,
			"feedbackId": eventID(r, "feedback"), "reportingMTA": "dsn; a1-23.smtp-out.amazonses.com",
		}
	case Complaint:
		event["eventType"] = "Complaint"
		event["complaint"] = map[string]any{
			"complainedRecipients": affected, "timestamp": at, "feedbackId": eventID(r, "feedback"),
			"complaintFeedbackType": "abuse", "userAgent": "Simulator/1.0",
		}
	default:
		event["delivery"] = map[string]any{
			"timestamp": at, "processingTimeMillis": max(r.at.Sub(r.message.At), 0).Milliseconds(), "recipients": slices.Clone(r.recipients),
			"smtpResponse": "250 2.6.0 Message received", "reportingMTA": "a1-23.smtp-out.amazonses.com",
		}
	}
	return event
}

// eventID is the vendor's id of an event, the same when it is sent again.
func eventID(r report, part string) string {
	sum := sha256.Sum256([]byte(r.message.Provider + r.message.ID + r.sms.ID + string(r.what) + part + r.at.Format(time.RFC3339Nano)))
	text := base64.RawURLEncoding.EncodeToString(sum[:18])
	return strings.ReplaceAll(text, "_", "-")
}
