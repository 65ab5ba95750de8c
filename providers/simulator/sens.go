package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// sensSkew bounds how far a signed timestamp may be off.
const sensSkew = 5 * time.Minute

// sens speaks Naver Cloud's SENS SMS API v2. It has no place for our id and no
// webhook: what became of a message is asked for.
type sens struct {
	sim  *Simulator
	book *smsBook
}

func (s *Simulator) sens() http.Handler {
	v := &sens{sim: s, book: &smsBook{most: s.options.Keep}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sms/v2/services/{service}/messages", v.signed(v.send))
	mux.HandleFunc("GET /sms/v2/services/{service}/messages", v.signed(v.list))
	mux.HandleFunc("GET /sms/v2/services/{service}/messages/{message}", v.signed(v.one))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		sensError(w, http.StatusNotFound, "300", "Not Found Exception")
	})
	return mux
}

// signed lets a call with the right signature for the right project through.
func (v *sens) signed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, secret := Credentials("sens")
		stamp := r.Header.Get("x-ncp-apigw-timestamp")
		mac := hmac.New(sha256.New, []byte(secret))
		// What was sent is signed, whatever router was in between.
		mac.Write([]byte(r.Method + " " + r.RequestURI + "\n" + stamp + "\n" + key))
		wanted := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		ms, err := strconv.ParseInt(stamp, 10, 64)
		off := v.sim.options.Now().Sub(time.UnixMilli(ms))
		switch {
		case err != nil || off > sensSkew || off < -sensSkew || r.Header.Get("x-ncp-iam-access-key") != key ||
			!hmac.Equal([]byte(wanted), []byte(r.Header.Get("x-ncp-apigw-signature-v2"))):
			sensError(w, http.StatusUnauthorized, "200", "Authentication Failed")
		case r.PathValue("service") != ServiceID:
			sensError(w, http.StatusNotFound, "300", "Not Found Exception")
		default:
			next(w, r)
		}
	}
}

func (v *sens) send(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Type        string `json:"type"`
		ContentType string `json:"contentType"`
		Country     string `json:"countryCode"`
		From        string `json:"from"`
		Subject     string `json:"subject"`
		Content     string `json:"content"`
		Messages    []struct {
			To string `json:"to"`
		} `json:"messages"`
	}
	if !readSMS(r, &body) || len(body.Messages) != 1 || (body.Type != "SMS" && body.Type != "LMS") || body.Content == "" {
		sensBad(w, "request body is malformed")
		return
	}
	to := body.Messages[0].To
	outcome := v.sim.decide("sens", to, OfPhone(to))
	subject, ok := cp949(body.Subject)
	switch {
	case outcome == Error:
		sensError(w, http.StatusInternalServerError, "900", "Unexpected Error")
		return
	case outcome == Throttle:
		w.Header().Set("Retry-After", "1")
		sensError(w, http.StatusTooManyRequests, "420", "Rate Limited")
		return
	case outcome == Reject || to == "" || onlyDigits(to) != to || body.From == "" || onlyDigits(body.From) != body.From || subject > 40 || !ok:
		sensBad(w, "messages.to is not valid")
		return
	}
	at := v.sim.options.Now()
	taken := smsMessage{
		ID: uuid.NewString(), Request: serial("RSSA-", at, 16), Country: body.Country, From: body.From, To: to, Type: body.Type,
		Subject: body.Subject, Text: body.Content, At: at, Outcome: outcome, Marketing: body.ContentType == "AD",
	}
	if outcome == Timeout {
		v.sim.received("sens", taken)
	} else {
		v.sim.take("sens", v.book, taken)
	}
	if !v.sim.stall(w, r, outcome) {
		return
	}
	writeSMS(w, http.StatusAccepted, map[string]string{
		"requestId": taken.Request, "requestTime": at.In(kst()).Format("2006-01-02T15:04:05.000"),
		"statusCode": "202", "statusName": "success",
	})
}

func (v *sens) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	from, until := query.Get("requestStartTime"), query.Get("requestEndTime")
	if query.Get("requestId") == "" && (from == "" || until == "") {
		sensBad(w, "requestId or requestStartTime and requestEndTime are required")
		return
	}
	start, _ := time.Parse(nhnTime, from)
	if end, err := time.Parse(nhnTime, until); err == nil && end.After(start.AddDate(0, 0, 30)) {
		sensBad(w, "the period must be within 30 days")
		return
	}
	if OfPhone(query.Get("to")) == Timeout { // see solapi.list
		sensError(w, http.StatusInternalServerError, "900", "Unexpected Error")
		return
	}
	found := v.book.find(func(m smsMessage) bool {
		return matches(query.Get("requestId"), m.Request) && matches(query.Get("to"), m.To) &&
			matches(query.Get("from"), m.From) && within(m.At, from, until, nhnTime)
	})
	size, _ := strconv.Atoi(query.Get("pageSize"))
	if size <= 0 || size > 100 {
		size = 20
	}
	at, _ := strconv.Atoi(query.Get("nextToken"))
	rest := found[min(at, len(found)):]
	answer := map[string]any{"statusCode": "202", "statusName": "success", "pageSize": size, "itemCount": min(size, len(rest)), "hasMore": len(rest) > size}
	if len(rest) > size {
		rest = rest[:size]
		answer["nextToken"] = strconv.Itoa(at + size)
	}
	items := []map[string]string{}
	for _, m := range rest {
		item := sensItem(m)
		delete(item, "content") // only the single message has it
		delete(item, "subject")
		items = append(items, item)
	}
	answer["messages"] = items
	writeSMS(w, http.StatusOK, answer)
}

func (v *sens) one(w http.ResponseWriter, r *http.Request) {
	found := v.book.find(func(m smsMessage) bool { return m.ID == r.PathValue("message") })
	if len(found) == 0 {
		sensError(w, http.StatusNotFound, "300", "Not Found Exception")
		return
	}
	writeSMS(w, http.StatusOK, map[string]any{
		"statusCode": "200", "statusName": "success", "messages": []map[string]string{sensItem(found[0])},
	})
}

func sensItem(m smsMessage) map[string]string {
	code, name, says := "0", "success", "성공"
	if m.failed() {
		code, name, says = "3001", "fail", "가입자 없음"
	}
	at := m.At.In(kst()).Format(nhnTime)
	return map[string]string{
		"requestId": m.Request, "messageId": m.ID, "requestTime": at, "completeTime": at, "type": m.Type,
		"contentType": map[bool]string{true: "AD", false: "COMM"}[m.Marketing], "countryCode": m.Country, "from": m.From,
		"to": m.To, "subject": m.Subject, "content": m.Text, "status": "COMPLETED", "statusCode": code, "statusName": name,
		"statusMessage": says, "telcoCode": "ETC",
	}
}

// sensError is an error of the API gateway.
func sensError(w http.ResponseWriter, status int, code, message string) {
	writeSMS(w, status, map[string]any{"error": map[string]string{"errorCode": code, "message": message, "details": message}})
}

// sensBad is a refusal of the service behind it.
func sensBad(w http.ResponseWriter, why string) {
	writeSMS(w, http.StatusBadRequest, map[string]any{
		"status": http.StatusBadRequest, "error": "Bad Request", "errors": []string{strings.TrimSpace(why)},
	})
}
