package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
)

// statsSubject asks every worker's micro service what it counts.
const statsSubject = "$SRV.STATS.gangway"

// Nobody knows how many workers there are: the answers are over when none has
// come for a while.
const (
	statsFirst = time.Second
	statsNext  = 150 * time.Millisecond
)

// ServiceStats asks all workers what their micro services show beside the
// requests: one T for each endpoint of each worker that answers.
func ServiceStats[T any](ctx context.Context, conn *Conn) ([]T, error) {
	inbox := conn.nc.NewRespInbox()
	sub, err := conn.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("broker: service stats: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := conn.nc.PublishRequest(statsSubject, inbox, nil); err != nil {
		return nil, fmt.Errorf("broker: service stats: %w", err)
	}
	var all []T
	for wait := statsFirst; ; wait = statsNext {
		limited, cancel := context.WithTimeout(ctx, wait)
		msg, err := sub.NextMsgWithContext(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrNoResponders):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("broker: service stats: %w", err)
		}
		var answer struct {
			Endpoints []struct {
				Data jsontext.Value `json:"data"`
			} `json:"endpoints"`
		}
		if json.Unmarshal(msg.Data, &answer) != nil {
			continue // a service of somebody else under our name
		}
		for _, endpoint := range answer.Endpoints {
			var told T
			if len(endpoint.Data) > 0 && json.Unmarshal(endpoint.Data, &told) == nil {
				all = append(all, told)
			}
		}
	}
}
