package simulator

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// nhnTime is how NHN Cloud writes times, in Korea's zone.
const nhnTime = "2006-01-02 15:04:05"

// nhncloud speaks NHN Cloud's SMS API v3.0. Everything but a limit of the
// gateway before it is answered with HTTP 200.
type nhncloud struct {
	sim  *Simulator
	book *smsBook
}

func (s *Simulator) nhncloud() http.Handler {
	v := &nhncloud{sim: s, book: &smsBook{most: s.options.Keep}}
	mux := http.NewServeMux()
	for kind, long := range map[string]bool{"sms": false, "ad-sms": false, "mms": true, "ad-mms": true} {
		mux.HandleFunc("POST /sms/v3.0/appKeys/{appKey}/sender/"+kind, v.signed(v.send(long, strings.HasPrefix(kind, "ad-"))))
	}
	for kind, long := range map[string]bool{"sms": false, "mms": true} {
		mux.HandleFunc("GET /sms/v3.0/appKeys/{appKey}/sender/"+kind, v.signed(v.list(long)))
		mux.HandleFunc("GET /sms/v3.0/appKeys/{appKey}/sender/"+kind+"/{requestId}", v.signed(v.one(long)))
	}
	mux.HandleFunc("GET /sms/v3.0/appKeys/{appKey}/sendNos", v.signed(v.senders))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { nhnError(w, -9998, "Not exist API.") })
	return mux
}

// signed lets a call with the right keys through.
func (v *nhncloud) signed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		appKey, secret := Credentials("nhncloud")
		switch {
		case r.PathValue("appKey") != appKey:
			nhnError(w, -1000, "Invalid appKey.")
		case subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Secret-Key")), []byte(secret)) != 1:
			nhnError(w, -1000, "Invalid secretKey.") // the documents name no code of its own for it
		default:
			next(w, r)
		}
	}
}

type nhnSend struct {
	Title     string `json:"title"`
	Body      string `json:"body"`
	SendNo    string `json:"sendNo"`
	SenderKey string `json:"senderGroupingKey"`
	To        []struct {
		No            string `json:"recipientNo"`
		International string `json:"internationalRecipientNo"`
		Key           string `json:"recipientGroupingKey"`
	} `json:"recipientList"`
}

func (v *nhncloud) send(long, ad bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body nhnSend
		if !readSMS(r, &body) {
			nhnError(w, -9997, "Invalid API parameters.")
			return
		}
		if len(body.To) != 1 {
			nhnError(w, -2001, "RecipientList can not be null.")
			return
		}
		to := body.To[0]
		number := to.No
		if number == "" {
			number = to.International
		}
		outcome := v.sim.decide("nhncloud", number, OfPhone(number))
		switch outcome {
		case Error:
			nhnError(w, -9999, "System error. Please inquire at support@toast.com.")
			return
		case Throttle:
			// The documents of the API name no limit; its gateway answers like others.
			w.Header().Set("Retry-After", "1")
			writeSMS(w, http.StatusTooManyRequests, nhnHeader(-1, "Too many requests."))
			return
		default: // taken in, or not
		}
		if code, says := nhnIntake(body, number, long, ad); code != 0 {
			nhnError(w, code, says)
			return
		}
		at := v.sim.options.Now()
		taken := smsMessage{
			Request: serial("", at, 11), CommandID: to.Key, From: body.SendNo, To: number, Type: "SMS",
			Subject: body.Title, Text: body.Body, At: at, Outcome: outcome, Marketing: ad,
		}
		taken.ID = taken.Request
		if long {
			taken.Type = "LMS"
		}
		switch outcome {
		case Reject:
		case Timeout:
			v.sim.received("nhncloud", taken)
		default:
			v.sim.take("nhncloud", v.book, taken)
		}
		if !v.sim.stall(w, r, outcome) {
			return
		}
		// A refusal of one recipient comes inside a request that succeeded.
		code, says := 0, "SUCCESS"
		if outcome == Reject {
			code, says = -6001, "Recipient Number is refused."
		}
		answer := nhnHeader(0, "SUCCESS")
		answer["body"] = map[string]any{"data": map[string]any{
			"requestId": taken.Request, "statusCode": "2", "senderGroupingKey": body.SenderKey,
			"sendResultList": []map[string]any{{
				"recipientNo": number, "resultCode": code, "resultMessage": says, "recipientSeq": 1, "recipientGroupingKey": to.Key,
			}},
		}}
		writeSMS(w, http.StatusOK, answer)
	}
}

// nhnIntake checks a request as the vendor does on arrival.
func nhnIntake(body nhnSend, number string, long, ad bool) (code int, message string) {
	_, ok := cp949(body.Title + body.Body)
	most := map[bool]int{false: 255, true: 4000}[long] // characters: stored so, and cut by carriers
	switch {
	case body.SendNo == "" || onlyDigits(body.SendNo) != body.SendNo:
		return -2312, "Not regist sendno."
	case number == "":
		return -2018, "RecipientNo can not be empty."
	case onlyDigits(number) != number:
		return -2019, "RecipientNo is invalid."
	case body.Body == "" || long && body.Title == "":
		return -2014, "The recipient can not be empty."
	case !ok:
		return -2023, "Unacceptable characters in title and body."
	case len([]rune(body.Body)) > most || len([]rune(body.Title)) > 120:
		return -2015, "Title or Body exceed maximum byte."
	case ad && (!strings.HasPrefix(body.Body, "(광고)") || !strings.Contains(body.Body, "거부")):
		return -6003, "The body must contain block guide ment."
	}
	return 0, ""
}

func (v *nhncloud) list(long bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("requestId") == "" && (query.Get("startCreateDate") == "" || query.Get("endCreateDate") == "") &&
			(query.Get("startRequestDate") == "" || query.Get("endRequestDate") == "") {
			nhnError(w, -2011, "RequestId or start/endRequestDate or start/endCreateDate is required.")
			return
		}
		start, _ := time.Parse(nhnTime, query.Get("startCreateDate"))
		if end, err := time.Parse(nhnTime, query.Get("endCreateDate")); err == nil && end.After(start.AddDate(0, 1, 0)) {
			nhnError(w, -4000, "Search is possible within one month.")
			return
		}
		if OfPhone(query.Get("recipientNo")) == Timeout { // see solapi.list
			nhnError(w, -9999, "System error. Please inquire at support@toast.com.")
			return
		}
		found := v.book.find(func(m smsMessage) bool {
			return (m.Type == "LMS") == long && matches(query.Get("requestId"), m.Request) &&
				matches(query.Get("recipientNo"), m.To) && matches(query.Get("recipientGroupingKey"), m.CommandID) &&
				within(m.At, query.Get("startCreateDate"), query.Get("endCreateDate"), nhnTime)
		})
		size, _ := strconv.Atoi(query.Get("pageSize"))
		if size <= 0 || size > 1000 {
			size = 15
		}
		data := []map[string]any{}
		for _, m := range found[:min(size, len(found))] {
			data = append(data, nhnItem(m))
		}
		answer := nhnHeader(0, "SUCCESS")
		answer["body"] = map[string]any{"pageNum": 1, "pageSize": size, "totalCount": len(found), "data": data}
		writeSMS(w, http.StatusOK, answer)
	}
}

func (v *nhncloud) one(long bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		found := v.book.find(func(m smsMessage) bool {
			return (m.Type == "LMS") == long && m.Request == r.PathValue("requestId")
		})
		if len(found) == 0 || r.URL.Query().Get("recipientSeq") != "1" {
			nhnError(w, -2012, "Search parameter is invalid.(requestId and mtPr).")
			return
		}
		answer := nhnHeader(0, "SUCCESS")
		answer["body"] = map[string]any{"data": nhnItem(found[0])}
		writeSMS(w, http.StatusOK, answer)
	}
}

func nhnItem(m smsMessage) map[string]any {
	status, name, code := "3", "성공", "1000"
	if m.failed() {
		status, name, code = "0", "실패", "3001"
	}
	at := m.At.In(kst()).Format(nhnTime) + ".0"
	return map[string]any{
		"requestId": m.Request, "requestDate": at, "resultDate": at, "body": m.Text, "sendNo": m.From, "countryCode": "82",
		"recipientNo": m.To, "msgStatus": status, "msgStatusName": name, "resultCode": code, "resultCodeName": name,
		"recipientSeq": 1, "messageType": m.Type, "messageCount": 1, "adYn": map[bool]string{true: "Y", false: "N"}[m.Marketing],
		"senderGroupingKey": m.CommandID, "recipientGroupingKey": m.CommandID,
	}
}

// senders knows every number of digits as registered.
func (v *nhncloud) senders(w http.ResponseWriter, r *http.Request) {
	data := []map[string]any{}
	if number := r.URL.Query().Get("sendNo"); onlyDigits(number) == number {
		data = append(data, map[string]any{"sendNo": number, "useYn": "Y", "blockYn": "N", "blockReason": nil})
	}
	answer := nhnHeader(0, "SUCCESS")
	answer["body"] = map[string]any{"pageNum": 1, "pageSize": 15, "totalCount": len(data), "data": data}
	writeSMS(w, http.StatusOK, answer)
}

func nhnHeader(code int, message string) map[string]any {
	return map[string]any{"header": map[string]any{"isSuccessful": code == 0, "resultCode": code, "resultMessage": message}}
}

func nhnError(w http.ResponseWriter, code int, message string) {
	writeSMS(w, http.StatusOK, nhnHeader(code, message))
}
