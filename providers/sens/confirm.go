package sens

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

const (
	timeLayout = "2006-01-02 15:04:05" // in Korea's zone
	// longest is the period that one search may span.
	longest   = 30 * 24 * time.Hour
	pageSize  = 100
	mostPages = 5
	// mostAsked bounds how many messages are opened to compare their texts.
	mostAsked = 20
)

// Confirm looks for a message to this number, from this sender, with this text.
//
// The vendor carries no id of ours, so that this is the best that can be asked:
// an identical text that another command sent to the same number since this
// command was made would be taken for it. The person has got the text in either
// case; what could be wrong is which command counts as sent. Texts with a number
// or a name in them cannot be confused. How soon a message can be found is not
// documented.
func (d *Driver) Confirm(ctx context.Context, call providers.Call[providers.SMS]) (providers.Answer, error) {
	wanted, err := d.message(call.Request)
	if err != nil {
		return providers.Answer{}, providers.OfCall("list", err)
	}
	now := d.options.Now()
	query := period(madeAt(call.ID, now), now.Add(time.Minute), pageSize)
	query.Set("to", wanted.Messages[0].To)
	query.Set("from", wanted.From)
	asked := 0
	for range mostPages {
		found, err := d.page(ctx, query)
		if err != nil {
			return providers.Answer{}, err
		}
		for _, item := range found.Messages {
			if item.To != wanted.Messages[0].To || item.From != wanted.From {
				continue
			}
			if item.Content == "" {
				if asked++; asked > mostAsked {
					return providers.Answer{}, tooMany()
				}
				id := item.RequestID
				if item, err = d.one(ctx, item.MessageID); err != nil {
					return providers.Answer{}, err
				}
				item.RequestID = id
			}
			if item.Content == wanted.Content {
				return providers.Answer{MessageID: item.RequestID}, nil
			}
		}
		if !found.More && found.Next == "" {
			return providers.Answer{}, fault.New(fault.NotFound, "list", "the vendor has no such message to this number")
		}
		if found.Next == "" {
			break // there is more, and no way to it
		}
		query.Set("nextToken", found.Next)
	}
	return providers.Answer{}, tooMany()
}

// madeAt returns when a command was made, with some room for clocks: version 7
// ids say so, for others it is a day. The vendor searches 30 days at most.
func madeAt(id uuid.UUID, now time.Time) time.Time {
	made := now.Add(-24 * time.Hour)
	if id.Version() == 7 {
		seconds, nanoseconds := id.Time().UnixTime()
		made = time.Unix(seconds, nanoseconds).Add(-10 * time.Minute)
	}
	if oldest := now.Add(-longest + time.Hour); made.Before(oldest) {
		made = oldest
	}
	if latest := now.Add(-10 * time.Minute); made.After(latest) { // a producer's clock that is ahead
		made = latest
	}
	return made
}

func period(from, until time.Time, size int) url.Values {
	return url.Values{
		"requestStartTime": {from.In(smstext.Seoul()).Format(timeLayout)},
		"requestEndTime":   {until.In(smstext.Seoul()).Format(timeLayout)},
		"pageSize":         {strconv.Itoa(size)},
	}
}

func (d *Driver) page(ctx context.Context, query url.Values) (page, error) {
	answer, err := d.call(ctx, d.ask, "list", http.MethodGet, "/messages", query, nil)
	if err != nil {
		return page{}, err
	}
	found, err := parsePage(answer.Body)
	if err != nil {
		return page{}, d.ask.Unreadable("list", err)
	}
	return found, nil
}

// one opens a single message.
func (d *Driver) one(ctx context.Context, messageID string) (item, error) {
	answer, err := d.call(ctx, d.ask, "message", http.MethodGet, "/messages/"+url.PathEscape(messageID), nil, nil)
	if err != nil {
		return item{}, err
	}
	found, err := parsePage(answer.Body)
	if err != nil {
		return item{}, d.ask.Unreadable("message", err)
	}
	if len(found.Messages) == 0 {
		return item{}, fault.New(fault.Unavailable, "message", "the vendor listed a message that it does not have")
	}
	return found.Messages[0], nil
}

func tooMany() error {
	return fault.New(fault.Unavailable, "list", "too many messages to this number to tell which is ours")
}
