package simulator

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// snsNamespace is the XML namespace of every answer.
const snsNamespace = "http://sns.amazonaws.com/doc/2010-03-31/"

// sns speaks the query protocol of Amazon SNS, as far as SMS needs it. It can
// neither be asked about a message nor reports one, just as the real service.
type sns struct{ sim *Simulator }

func (s *Simulator) sns() http.Handler { return &sns{sim: s} }

func (v *sns) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 256<<10))
	if err != nil {
		return
	}
	// Clients correct their clocks by it.
	w.Header().Set("Date", v.sim.options.Now().UTC().Format(http.TimeFormat))
	key, secret := Credentials("sns")
	if code, message := verifySigV4(r, body, key, secret, "sns", v.sim.options.Now()); code != "" {
		snsError(w, http.StatusForbidden, "Sender", code, message)
		return
	}
	form, err := url.ParseQuery(string(body))
	if r.Method != http.MethodPost || err != nil || form.Get("Version") != "2010-03-31" {
		snsError(w, http.StatusBadRequest, "Sender", "InvalidAction", "The action or version is not valid for this endpoint.")
		return
	}
	switch form.Get("Action") {
	case "Publish":
		v.publish(w, r, form)
	case "GetSMSAttributes":
		snsAnswer(w, "GetSMSAttributes", "<attributes><entry><key>DefaultSMSType</key><value>Transactional</value></entry></attributes>")
	default:
		snsError(w, http.StatusBadRequest, "Sender", "InvalidAction", "The action is not valid for this endpoint.")
	}
}

func (v *sns) publish(w http.ResponseWriter, r *http.Request, form url.Values) {
	to, text, attributes := form.Get("PhoneNumber"), form.Get("Message"), snsAttributes(form)
	outcome := v.sim.decide("sns", to, OfPhone(to))
	rest, plus := strings.CutPrefix(to, "+")
	switch {
	case outcome == Error:
		snsError(w, http.StatusInternalServerError, "Receiver", "InternalError", "Internal error")
		return
	case outcome == Throttle: // a limit that does not come as 429
		snsError(w, http.StatusBadRequest, "Sender", "Throttling", "Rate exceeded")
		return
	case outcome == Reject || !plus || len(rest) < 7 || onlyDigits(rest) != rest:
		snsError(w, http.StatusBadRequest, "Sender", "InvalidParameter",
			"Invalid parameter: PhoneNumber Reason: "+to+" is not valid to publish to")
		return
	case text == "" || len(text) > 1600:
		snsError(w, http.StatusBadRequest, "Sender", "InvalidParameter", "Invalid parameter: Message too long or empty")
		return
	case attributes["AWS.SNS.SMS.SMSType"] != "Transactional" && attributes["AWS.SNS.SMS.SMSType"] != "Promotional":
		// The real service would fall back to the account's default, which may be
		// Promotional; a client that relies on it is wrong.
		snsError(w, http.StatusBadRequest, "Sender", "InvalidParameterValue", "AWS.SNS.SMS.SMSType is not set")
		return
	}
	id := uuid.NewString()
	v.sim.received("sns", smsMessage{
		ID: id, From: attributes["AWS.SNS.SMS.SenderID"] + attributes["AWS.MM.SMS.OriginationNumber"], To: to, Type: "SMS",
		Text: text, At: v.sim.options.Now(), Outcome: outcome, Marketing: attributes["AWS.SNS.SMS.SMSType"] == "Promotional",
	})
	if v.sim.stall(w, r, outcome) {
		snsAnswer(w, "Publish", "<MessageId>"+id+"</MessageId>")
	}
}

// snsAttributes reads MessageAttributes.entry.N.Name and .Value.StringValue.
func snsAttributes(form url.Values) map[string]string {
	attributes := map[string]string{}
	for n := 1; ; n++ {
		entry := "MessageAttributes.entry." + strconv.Itoa(n)
		name := form.Get(entry + ".Name")
		if name == "" {
			return attributes
		}
		attributes[name] = form.Get(entry + ".Value.StringValue")
	}
}

func snsAnswer(w http.ResponseWriter, action, result string) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = io.WriteString(w, "<"+action+`Response xmlns="`+snsNamespace+`"><`+action+"Result>"+result+"</"+action+
		"Result><ResponseMetadata><RequestId>"+uuid.NewString()+"</RequestId></ResponseMetadata></"+action+"Response>")
}

func snsError(w http.ResponseWriter, status int, who, code, message string) {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(message))
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<ErrorResponse xmlns="`+snsNamespace+`"><Error><Type>`+who+"</Type><Code>"+code+"</Code><Message>"+
		escaped.String()+"</Message></Error><RequestId>"+uuid.NewString()+"</RequestId></ErrorResponse>")
}
