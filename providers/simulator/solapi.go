package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// solapiSkew bounds how far a signed date may be off, and how long a signature
// is remembered.
const solapiSkew = 15 * time.Minute

// solapi speaks Solapi's message API v4.
type solapi struct {
	sim  *Simulator
	book *smsBook

	mu        sync.Mutex
	seen      map[string]bool // signatures of this quarter of an hour
	before    map[string]bool // and of the one before
	forgotten time.Time       // when seen began
}

func (s *Simulator) solapi() http.Handler {
	v := &solapi{sim: s, book: &smsBook{most: s.options.Keep}, seen: map[string]bool{}, before: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages/v4/send-many/detail", v.send)
	mux.HandleFunc("GET /messages/v4/list", v.list)
	mux.HandleFunc("GET /cash/v1/balance", v.balance)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		solapiError(w, http.StatusNotFound, "ResourceNotFound", "요청한 리소스를 찾을 수 없습니다.")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code, message := v.refuses(r.Header.Get("Authorization")); code != "" {
			solapiError(w, http.StatusForbidden, code, message)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// solapiMessage is a message as it is sent, listed and reported.
type solapiMessage struct {
	MessageID     string            `json:"messageId,omitzero"`
	GroupID       string            `json:"groupId,omitzero"`
	To            string            `json:"to"`
	From          string            `json:"from"`
	Type          string            `json:"type"`
	Country       string            `json:"country"`
	Subject       string            `json:"subject,omitzero"`
	Text          string            `json:"text,omitzero"`
	StatusCode    string            `json:"statusCode,omitzero"`
	StatusMessage string            `json:"statusMessage,omitzero"`
	CustomFields  map[string]string `json:"customFields"`
	DateCreated   string            `json:"dateCreated,omitzero"`
}

func (v *solapi) send(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Messages []solapiMessage `json:"messages"`
		Show     bool            `json:"showMessageList"`
	}
	if !readSMS(r, &body) || len(body.Messages) != 1 {
		solapiError(w, http.StatusBadRequest, "ValidationError", "messages는 1건의 배열이어야 합니다.")
		return
	}
	m := body.Messages[0]
	if m.Country == "" {
		m.Country = "82"
	}
	outcome := v.sim.decide("solapi", m.To, OfPhone(m.To))
	switch outcome {
	case Error:
		solapiError(w, http.StatusInternalServerError, "InternalError", "서버 오류가 발생했습니다.")
		return
	case Throttle:
		// The vendor documents no rate limit; this is the form that its errors have.
		w.Header().Set("Retry-After", "1")
		solapiError(w, http.StatusTooManyRequests, "TooManyRequests", "요청이 너무 많습니다.")
		return
	default: // taken in, or not
	}
	at := v.sim.options.Now()
	m.MessageID, m.GroupID = serial("M4V", at, 16), serial("G4V", at, 16)
	m.StatusCode, m.StatusMessage = solapiIntake(m, outcome)
	taken := smsMessage{
		ID: m.MessageID, Request: m.GroupID, CommandID: m.CustomFields["command_id"], Country: m.Country, From: m.From,
		To: m.To, Type: m.Type, Subject: m.Subject, Text: m.Text, At: at, Outcome: outcome,
		Marketing: strings.HasPrefix(m.Text, "(광고)"),
	}
	switch {
	case m.StatusCode != "2000":
	case outcome == Timeout:
		v.sim.received("solapi", taken)
	default:
		v.sim.take("solapi", v.book, taken)
	}
	if !v.sim.stall(w, r, outcome) {
		return
	}
	failed, accepted := []solapiMessage{}, []solapiMessage{}
	group := map[string]any{"groupId": m.GroupID, "status": "SENDING"}
	m.Text, m.Subject, m.GroupID = "", "", ""
	if m.StatusCode == "2000" {
		accepted = append(accepted, m)
	} else {
		failed = append(failed, m)
	}
	group["count"] = map[string]int{"total": 1, "registeredSuccess": len(accepted), "registeredFailed": len(failed)}
	answer := map[string]any{"failedMessageList": failed, "groupInfo": group}
	if body.Show {
		answer["messageList"] = accepted
	}
	writeSMS(w, http.StatusOK, answer)
}

// solapiIntake checks a message as the vendor does on arrival.
func solapiIntake(m solapiMessage, outcome Outcome) (code, message string) {
	size, ok := cp949(m.Text)
	most := map[string]int{"SMS": 90, "LMS": 2000}[m.Type]
	switch {
	case outcome == Reject:
		return "1060", "차단된 수신번호"
	case m.To == "" || m.From == "" || m.Text == "":
		return "1010", "필수 입력 값 미입력"
	case onlyDigits(m.To) != m.To || onlyDigits(m.From) != m.From:
		return "1011", "Format Error"
	case most == 0:
		return "1025", "잘못된 메시지 타입"
	case m.Type == "SMS" && m.Subject != "":
		return "1013", "제목은 문자 타입이 'SMS'일 경우 사용이 불가능합니다."
	case !ok:
		return "1029", "EUC-KR(완성형 한글) 범위 안에 있는 문자만 사용 합니다."
	case size > most:
		return "1031", "SMS는 90byte LMS, MMS는 2000byte까지 사용 가능 합니다."
	}
	return "2000", "정상 접수(이통사로 접수 예정) "
}

func (v *solapi) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	// Whoever asks about a message that never got an answer gets none either: it
	// stays unknown until a person settles it.
	if OfPhone(query.Get("to")) == Timeout {
		solapiError(w, http.StatusInternalServerError, "InternalError", "서버 오류가 발생했습니다.")
		return
	}
	limit, _ := strconv.Atoi(query.Get("limit"))
	if limit <= 0 || limit > 500 {
		limit = 20
	}
	found := v.book.find(func(m smsMessage) bool {
		return matches(query.Get("to"), m.To) && matches(query.Get("messageId"), m.ID) &&
			matches(query.Get("groupId"), m.Request) && m.ID > query.Get("startKey") &&
			within(m.At, query.Get("startDate"), query.Get("endDate"), time.RFC3339)
	})
	slices.SortFunc(found, func(a, b smsMessage) int { return strings.Compare(a.ID, b.ID) }) // startKey goes by id
	next := any(nil)
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	messages := map[string]solapiMessage{}
	for _, m := range found {
		code, says := "4000", "수신완료"
		if m.failed() {
			code, says = "3032", "미가입자"
		}
		messages[m.ID] = solapiMessage{
			MessageID: m.ID, GroupID: m.Request, To: m.To, From: m.From, Type: m.Type, Country: m.Country, Text: m.Text,
			Subject: m.Subject, StatusCode: code, StatusMessage: says, CustomFields: map[string]string{"command_id": m.CommandID},
			DateCreated: m.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		}
	}
	writeSMS(w, http.StatusOK, map[string]any{
		"startKey": query.Get("startKey"), "nextKey": next, "limit": limit, "messageList": messages,
	})
}

func (v *solapi) balance(w http.ResponseWriter, _ *http.Request) {
	writeSMS(w, http.StatusOK, map[string]any{"accountId": "00000000000000", "balance": 100000, "point": 0})
}

// refuses checks an Authorization header and remembers its signature. It
// returns the vendor's word for what is wrong.
func (v *solapi) refuses(authorization string) (code, message string) {
	method, rest, _ := strings.Cut(authorization, " ")
	part := map[string]string{}
	for _, pair := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		part[name] = value
	}
	key, secret := Credentials("solapi")
	if method != "HMAC-SHA256" || part["apiKey"] != key {
		return "InvalidAPIKey", "유효한 API Key가 아닙니다."
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(part["date"] + part["salt"]))
	wanted := hex.EncodeToString(mac.Sum(nil))
	if len(part["salt"]) < 12 || len(part["salt"]) > 64 || !hmac.Equal([]byte(wanted), []byte(part["signature"])) {
		return "SignatureDoesNotMatch", "생성한 Signature가 일치하지 않습니다."
	}
	now := v.sim.options.Now()
	date, err := time.Parse(time.RFC3339, part["date"])
	if off := now.Sub(date); err != nil || off > solapiSkew || off < -solapiSkew {
		return "RequestTimeTooSkewed", "서버 시간과 15분 이상 차이가 납니다."
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.forgotten) > solapiSkew {
		v.before, v.seen, v.forgotten = v.seen, map[string]bool{}, now
	}
	if v.seen[wanted] || v.before[wanted] {
		return "DuplicatedSignature", "중복된 Signature 입니다."
	}
	v.seen[wanted] = true
	return "", ""
}

func solapiError(w http.ResponseWriter, status int, code, message string) {
	writeSMS(w, status, map[string]string{"errorCode": code, "errorMessage": message})
}
