package solapi

import (
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// request is the body of POST /messages/v4/send-many/detail.
type request struct {
	Messages        []outgoing `json:"messages"`
	ShowMessageList bool       `json:"showMessageList"`
}

type outgoing struct {
	To           string            `json:"to"`
	From         string            `json:"from"`
	Type         string            `json:"type"`
	Country      string            `json:"country,omitzero"` // Korea when absent
	Subject      string            `json:"subject,omitzero"`
	Text         string            `json:"text"`
	CustomFields map[string]string `json:"customFields"`
}

// message builds the body of a send.
func (d *Driver) message(call providers.Call[providers.SMS]) ([]byte, error) {
	sms := call.Request
	fitted, err := smstext.Fit(sms.Subject, sms.Text)
	if err != nil {
		return nil, providers.OfCall("send", err)
	}
	from := smstext.Sender(sms.From)
	if from == "" {
		from = smstext.Sender(d.options.From)
	}
	if from == "" {
		return nil, providers.OfCall("send", fault.InvalidField("from", "is missing, and the provider has no sender of its own; name a registered one"))
	}
	country, to := smstext.Split(sms.To)
	out := outgoing{
		To: to, From: from, Type: fitted.Type(), Subject: fitted.Subject, Text: fitted.Text,
		CustomFields: map[string]string{commandField: call.ID.String()},
	}
	switch {
	case to == "":
		return nil, providers.OfCall("send", fault.InvalidField("to", "is no number in E.164"))
	case country != "82":
		if fitted.Long {
			return nil, providers.OfCall("send", fault.InvalidField("text", "is too long for a number outside Korea, or has a subject: only SMS goes there"))
		}
		out.Country = country
	}
	body, err := json.Marshal(request{Messages: []outgoing{out}, ShowMessageList: true})
	return body, fault.Wrap(fault.Internal, "send", err)
}

// sent is the answer to a send. It is 200 also when no message was accepted.
type sent struct {
	Failed []item `json:"failedMessageList"`
	Group  struct {
		ID    string `json:"groupId"`
		Count struct {
			Failed int `json:"registeredFailed"`
		} `json:"count"`
	} `json:"groupInfo"`
	// Messages is there because the request asked for it.
	Messages []item `json:"messageList"`
}

type item struct {
	MessageID  string `json:"messageId"`
	StatusCode string `json:"statusCode"`
}

// parseSent reads the answer to a send. An error means that nothing can be said
// about what the vendor did.
func parseSent(body []byte) (sent, error) {
	var answer sent
	if err := providers.Decode(body, &answer); err != nil {
		return sent{}, err
	}
	if answer.Group.ID == "" && len(answer.Messages) == 0 && len(answer.Failed) == 0 {
		return sent{}, errors.New("the answer to a send has neither a group nor messages")
	}
	return answer, nil
}

// accepted turns the answer about our one message into an id or a fault.
func (s sent) accepted() (providers.Answer, error) {
	if len(s.Failed) > 0 {
		return providers.Answer{}, statusFault("send", s.Failed[0].StatusCode)
	}
	if len(s.Messages) > 0 && refusedAtIntake(s.Messages[0].StatusCode) {
		return providers.Answer{}, statusFault("send", s.Messages[0].StatusCode)
	}
	if len(s.Messages) == 0 && s.Group.Count.Failed > 0 {
		return providers.Answer{}, statusFault("send", "")
	}
	if len(s.Messages) == 0 {
		return providers.Answer{}, nil // accepted; the webhook brings the id with our custom field
	}
	return providers.Answer{MessageID: s.Messages[0].MessageID}, nil
}

// parseBalance reads the answer about the account.
func parseBalance(body []byte) error {
	var answer struct {
		Balance *float64 `json:"balance"`
	}
	if err := providers.Decode(body, &answer); err != nil {
		return err
	}
	if answer.Balance == nil {
		return errors.New("the answer about the balance names none")
	}
	return nil
}
