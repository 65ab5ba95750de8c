package sens

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// request is the body of a send.
type request struct {
	Type        string      `json:"type"`
	ContentType string      `json:"contentType"` // COMM, or AD for advertising
	Country     string      `json:"countryCode"`
	From        string      `json:"from"`
	Subject     string      `json:"subject,omitzero"`
	Content     string      `json:"content"`
	Messages    []recipient `json:"messages"`
}

type recipient struct {
	To string `json:"to"`
}

// message builds the body of a send. A text that is too long never gets this
// far: the vendor would cut it and say nothing.
func (d *Driver) message(sms providers.SMS) (request, error) {
	fitted, err := smstext.Fit(sms.Subject, sms.Text)
	if err != nil {
		return request{}, err
	}
	out := request{
		Type: fitted.Type(), ContentType: "COMM", From: smstext.Sender(sms.From), Subject: fitted.Subject, Content: fitted.Text,
	}
	if sms.Marketing {
		out.ContentType = "AD"
	}
	if out.From == "" {
		out.From = smstext.Sender(d.options.From)
	}
	if out.From == "" {
		return request{}, fault.InvalidField("from", "is missing, and the provider has no sender of its own; name a registered one")
	}
	country, to := smstext.Split(sms.To)
	switch {
	case to == "":
		return request{}, fault.InvalidField("to", "is no number in E.164")
	case country != "82" && fitted.Long:
		return request{}, fault.InvalidField("text", "is too long for a number outside Korea, or has a subject: only SMS goes there")
	}
	out.Country, out.Messages = country, []recipient{{To: to}}
	return out, nil
}

func encode(out request) ([]byte, error) {
	body, err := json.Marshal(out)
	return body, fault.Wrap(fault.Internal, "send", err)
}

// sent is the answer to a send.
type sent struct {
	RequestID string `json:"requestId"`
	Code      string `json:"statusCode"` // "202"
	Name      string `json:"statusName"` // success, fail
}

// parseSent reads the answer to a send. An error means that nothing can be said
// about what the vendor did.
func parseSent(body []byte) (sent, error) {
	var answer sent
	if err := providers.Decode(body, &answer); err != nil {
		return sent{}, err
	}
	if answer.Name != "fail" && answer.RequestID == "" {
		return sent{}, errors.New("the answer to a send has no request id")
	}
	return answer, nil
}

// item is a message of a list, or the message itself, which has a content.
type item struct {
	RequestID string `json:"requestId"`
	MessageID string `json:"messageId"`
	Content   string `json:"content"`
	From      string `json:"from"`
	To        string `json:"to"`
	Status    string `json:"status"`     // READY, PROCESSING, COMPLETED
	Code      string `json:"statusCode"` // "0" for delivered
}

// page is one page of a list.
type page struct {
	Next     string `json:"nextToken"`
	More     bool   `json:"hasMore"`
	Messages []item `json:"messages"`
}

// parsePage reads a page of messages, and a message itself, which has the form
// of a page of one.
func parsePage(body []byte) (page, error) {
	var answer struct {
		page
		Messages *[]item `json:"messages"`
	}
	if err := providers.Decode(body, &answer); err != nil {
		return page{}, err
	}
	if answer.Messages == nil {
		return page{}, errors.New("the answer has no messages")
	}
	answer.page.Messages = *answer.Messages
	return answer.page, nil
}

// number is a code that comes as a number or as a string.
type number string

// UnmarshalJSON takes both, and null.
func (n *number) UnmarshalJSON(data []byte) error {
	*n = number(strings.Trim(string(data), `"`))
	return nil
}
