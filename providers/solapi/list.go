package solapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

const (
	// listWindow is how far back a message is looked for. The vendor keeps lists
	// for six months; an outcome is unknown for minutes, or for as long as the
	// system was down.
	listWindow = 30 * 24 * time.Hour
	listLimit  = 100
	listPages  = 10
)

// listed is a message of GET /messages/v4/list, as far as it is needed.
type listed struct {
	MessageID  string `json:"messageId"`
	StatusCode string `json:"statusCode"`
	Fields     fields `json:"customFields"`
}

// fields are the customFields of a message, read with care: others who use the
// account may put anything there.
type fields struct{ command any }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom] with the leniency of the whole.
func (f *fields) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	var all any
	if err := json.UnmarshalDecode(in, &all); err != nil {
		return err
	}
	if members, ok := all.(map[string]any); ok {
		f.command = members[commandField]
	}
	return nil
}

// commandID is our id, "" where there is none.
func (f fields) commandID() string {
	id, _ := f.command.(string)
	return id
}

type page struct {
	NextKey string `json:"nextKey"`
	// Messages is an object keyed by message id; empty it has been seen as [].
	Messages jsontext.Value `json:"messageList"`
}

// find returns the message of the list that is wanted: a not_found fault when
// there is none, any other fault when that cannot be told.
//
// What the list filters by is documented: to, messageId and others by equality,
// startDate and endDate of the kind dateType CREATED (the SDKs' default), pages
// by startKey. It is not documented that customFields can be a filter, so that
// our id is looked for in the answer; that they come back there is documented and
// in the SDKs' types. How soon a message is listed is not documented: whoever
// asks should leave it some seconds, and ask again before believing not_found.
func (d *Driver) find(ctx context.Context, filter url.Values, wanted func(listed) bool) (listed, error) {
	now := d.options.Now()
	filter.Set("limit", strconv.Itoa(listLimit))
	filter.Set("dateType", "CREATED")
	filter.Set("startDate", now.Add(-listWindow).UTC().Format(time.RFC3339))
	filter.Set("endDate", now.Add(time.Hour).UTC().Format(time.RFC3339))
	var refused listed
	for range listPages {
		answer, err := d.call(ctx, d.ask, "list", http.MethodGet, "/messages/v4/list", filter, nil)
		if err != nil {
			return listed{}, err
		}
		messages, next, err := parseList(answer.Body)
		if err != nil {
			return listed{}, d.ask.Unreadable("list", err)
		}
		for _, message := range messages {
			if !wanted(message) {
				continue
			}
			if !refusedAtIntake(message.StatusCode) {
				return message, nil
			}
			refused = message // another attempt of the same command may have got through
		}
		if next == "" && refused.MessageID != "" {
			return refused, nil
		}
		if next == "" {
			return listed{}, fault.New(fault.NotFound, "list", "the vendor has no such message")
		}
		filter.Set("startKey", next)
	}
	return listed{}, fault.New(fault.Unavailable, "list", "the message is not among the first %d of the list, which goes on", listPages*listLimit)
}

// parseList reads one page and the key of the next, "" on the last.
func parseList(body []byte) (messages []listed, next string, err error) {
	var answer page
	if err := providers.Decode(body, &answer); err != nil {
		return nil, "", err
	}
	switch answer.Messages.Kind() {
	case '{':
		byID := map[string]listed{}
		if err := providers.Decode(answer.Messages, &byID); err != nil {
			return nil, "", err
		}
		for id, message := range byID {
			if message.MessageID == "" {
				message.MessageID = id
			}
			messages = append(messages, message)
		}
	case '[':
		if err := providers.Decode(answer.Messages, &messages); err != nil {
			return nil, "", err
		}
	default:
		return nil, "", errNoList
	}
	return messages, answer.NextKey, nil
}
