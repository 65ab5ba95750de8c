package nhncloud

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

const (
	timeLayout   = "2006-01-02 15:04:05" // in Korea's zone
	searchWindow = 28 * 24 * time.Hour
)

// request is the body of a send.
type request struct {
	Title     string      `json:"title,omitzero"`
	Body      string      `json:"body"`
	SendNo    string      `json:"sendNo"`
	SenderKey string      `json:"senderGroupingKey"`
	To        []recipient `json:"recipientList"`
}

type recipient struct {
	No            string `json:"recipientNo,omitzero"`
	International string `json:"internationalRecipientNo,omitzero"`
	// Key carries our id; it comes back in lists and webhooks.
	Key string `json:"recipientGroupingKey"`
}

// message builds the body of a send and names the path that takes it.
func (d *Driver) message(call providers.Call[providers.SMS]) (kind string, body []byte, err error) {
	sms := call.Request
	fitted, err := smstext.Fit(sms.Subject, sms.Text)
	if err != nil {
		return "", nil, providers.OfCall("send", err)
	}
	out := request{Body: fitted.Text, SendNo: smstext.Sender(sms.From), SenderKey: call.ID.String()}
	if out.SendNo == "" {
		out.SendNo = smstext.Sender(d.options.From)
	}
	if out.SendNo == "" {
		return "", nil, providers.OfCall("send", fault.InvalidField("from", "is missing, and the provider has no sender of its own; name a registered one"))
	}
	to := recipient{Key: call.ID.String()}
	switch country, number := smstext.Split(sms.To); {
	case number == "":
		return "", nil, providers.OfCall("send", fault.InvalidField("to", "is no number in E.164"))
	case country == "82":
		to.No = number
	case fitted.Long:
		return "", nil, providers.OfCall("send", fault.InvalidField("text", "is too long for a number outside Korea, or has a subject: only SMS goes there"))
	default:
		to.International = country + number
	}
	out.To = []recipient{to}
	kind = listKind(fitted.Long)
	if fitted.Long {
		out.Title = fitted.Title() // required
	}
	if sms.Marketing {
		kind = "ad-" + kind // checked for the marks that the law demands
	}
	body, err = json.Marshal(out)
	return kind, body, fault.Wrap(fault.Internal, "send", err)
}

// listKind is the path of plain messages; advertisements are listed there too.
func listKind(long bool) string {
	if long {
		return "mms"
	}
	return "sms"
}

// code is a number that some answers put into a string.
type code string

// UnmarshalJSON takes numbers, strings and null.
func (c *code) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "null" {
		text = ""
	}
	*c = code(text)
	return nil
}

// parseHeader reads what all answers begin with.
func parseHeader(body []byte) (result string, ok bool, err error) {
	var answer struct {
		Header *struct {
			OK   bool `json:"isSuccessful"`
			Code code `json:"resultCode"`
		} `json:"header"`
	}
	if err := providers.Decode(body, &answer); err != nil {
		return "", false, err
	}
	if answer.Header == nil {
		return "", false, errors.New("the answer has no header")
	}
	return string(answer.Header.Code), answer.Header.OK, nil
}

// sent is the answer to a send that succeeded as a request.
type sent struct {
	RequestID string `json:"requestId"`
	Status    code   `json:"statusCode"` // 1 requested, 2 done, 3 failed
	Results   []struct {
		Code code `json:"resultCode"`
	} `json:"sendResultList"`
}

// parseSent reads the answer to a send. An error means that nothing can be said
// about what the vendor did.
func parseSent(body []byte) (sent, error) {
	var answer struct {
		Body struct {
			Data sent `json:"data"`
		} `json:"body"`
	}
	if err := providers.Decode(body, &answer); err != nil {
		return sent{}, err
	}
	if answer.Body.Data.RequestID == "" {
		return sent{}, errors.New("the answer to a send has no request id")
	}
	return answer.Body.Data, nil
}

// accepted turns the answer about our one recipient into an id or a fault.
func (s sent) accepted() (providers.Answer, error) {
	for _, result := range s.Results {
		if result.Code != "0" && result.Code != "" {
			return providers.Answer{}, codeFault("send", string(result.Code))
		}
	}
	if s.Status == "3" {
		return providers.Answer{}, fault.New(fault.Unavailable, "send", "the vendor failed to take the request")
	}
	return providers.Answer{MessageID: s.RequestID}, nil
}

// listed is a message of a list, as far as it is needed.
type listed struct {
	RequestID string `json:"requestId"`
	Status    code   `json:"msgStatus"`
	Code      code   `json:"resultCode"`
	Key       string `json:"recipientGroupingKey"`
}

// stopped is the fault of a message that the vendor has but did not send.
func (l listed) stopped() error {
	if m, ok := stoppedStates[string(l.Status)]; ok {
		return &fault.Error{Reason: m.reason, Op: "list", Code: "msgStatus " + string(l.Status), Message: m.says}
	}
	return nil
}

func parseList(body []byte) ([]listed, error) {
	var answer struct {
		Body *struct {
			Data []listed `json:"data"`
		} `json:"body"`
	}
	if err := providers.Decode(body, &answer); err != nil {
		return nil, err
	}
	if answer.Body == nil {
		return nil, errors.New("the answer has no list")
	}
	return answer.Body.Data, nil
}

type sender struct {
	Number  string `json:"sendNo"`
	Used    string `json:"useYn"`
	Blocked string `json:"blockYn"`
}

func parseSenders(body []byte) ([]sender, error) {
	var answer struct {
		Body *struct {
			Data []sender `json:"data"`
		} `json:"body"`
	}
	if err := providers.Decode(body, &answer); err != nil {
		return nil, err
	}
	if answer.Body == nil {
		return nil, errors.New("the answer has no list of senders")
	}
	return answer.Body.Data, nil
}
