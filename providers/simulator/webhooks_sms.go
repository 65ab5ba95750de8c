package simulator

import (
	"crypto/sha1" //nolint:gosec // the vendor's own form
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// reportSMS tells what the carrier made of a message.
func (s *Simulator) reportSMS(vendor string, message smsMessage) {
	s.tell(vendor, report{what: message.Outcome, sms: message, at: s.options.Now()})
}

func (s *Simulator) solapiReports(reports []report, forge bool) []hookRequest {
	items := []map[string]any{}
	for _, r := range reports {
		at := r.at.UTC().Format("2006-01-02T15:04:05.000Z")
		code, says := "4000", "수신완료"
		if r.sms.failed() {
			code, says = "3032", "미가입자"
		}
		items = append(items, map[string]any{
			"messageId": r.sms.ID, "groupId": r.sms.Request, "type": r.sms.Type, "to": r.sms.To, "from": r.sms.From,
			"statusCode": code, "statusMessage": says, "customFields": map[string]string{"command_id": r.sms.CommandID},
			"dateProcessed": at, "dateReported": at, "dateReceived": at,
		})
	}
	sum := sha1.Sum([]byte(WebhookSecret("solapi"))) //nolint:gosec // see above
	return []hookRequest{fixedText(items, "X-Solapi-Secret", hex.EncodeToString(sum[:]), forge, http.Header{
		"X-Solapi-Event-Name": {"SINGLE-REPORT"},
	})}
}

func (s *Simulator) nhnReports(reports []report, forge bool) []hookRequest {
	hooks := []map[string]any{}
	for _, r := range reports {
		status, code := "COMPLETED", "1000"
		if r.sms.failed() {
			status, code = "FAILED", "3001"
		}
		hooks = append(hooks, map[string]any{
			"hookId": eventID(r, ""), "messageType": r.sms.Type, "requestId": r.sms.Request, "recipientSeq": 1,
			"requestDate": r.sms.At.In(kst()).Format(nhnTime), "receivedDate": r.at.In(kst()).Format("2006-01-02T15:04:05.000-07:00"),
			"messageStatus": status, "resultCode": code, "messageCount": 1,
		})
	}
	appKey, _ := Credentials("nhncloud")
	body := map[string]any{
		"hooksId": eventID(reports[0], "hooks"), "webhookConfigId": "simulator", "productName": "Sms", "appKey": appKey,
		"event": "MESSAGE_RESULT_UPDATE", "hooks": hooks,
	}
	return []hookRequest{fixedText(body, "X-Toast-Webhook-Signature", WebhookSecret("nhncloud"), forge, nil)}
}

// fixedText is a request that proves itself by a text that never changes.
func fixedText(body any, name, text string, forge bool, more http.Header) hookRequest {
	request := hookRequest{final: onlySuccess, header: http.Header{"Content-Type": {"application/json"}}}
	if forge {
		text, request.final = "not-"+text, never
	}
	request.header[http.CanonicalHeaderKey(name)] = []string{text}
	for key, values := range more {
		request.header[key] = values
	}
	request.body, _ = json.Marshal(body, json.Deterministic(true))
	return request
}

// standardVendor stands for everybody who reports in the form of Standard
// Webhooks.
const standardVendor = "standard"

// Notify sends a webhook in the form of Standard Webhooks to url, signed with the
// [WebhookSecret] of vendor, and sends it again until it is taken. data must
// encode as JSON.
func (s *Simulator) Notify(vendor, url, kind string, data any) {
	now := s.options.Now()
	id := "msg_" + serial("", now, 12)
	body, err := json.Marshal(map[string]any{"type": kind, "timestamp": now.UTC().Format(time.RFC3339Nano), "data": data}, json.Deterministic(true))
	if err != nil {
		return
	}
	key, err := standardwebhooks.NewWebhook(WebhookSecret(vendor))
	if err != nil {
		return
	}
	signature, err := key.Sign(id, now, body)
	if err != nil {
		return
	}
	s.tell(standardVendor, report{raw: []hookRequest{{body: body, final: onlySuccess, header: http.Header{
		"Content-Type": {"application/json"}, headerTo: {url},
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
	}}}})
}
