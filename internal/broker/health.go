package broker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	subjectHealth   = subjectEvent + "provider.health"
	eventTypeHealth = "kr.gangwon.gangway.provider.health"
)

// ProviderHealth tells that a provider's health has changed; it is the data of
// its event.
type ProviderHealth struct {
	Provider  string    `json:"provider"`
	Status    string    `json:"status"`
	Previous  string    `json:"previous,omitzero"`
	Since     time.Time `json:"since"`
	CheckedAt time.Time `json:"checked_at,omitzero"`
	LatencyMS int64     `json:"latency_ms"`
	Reason    string    `json:"reason,omitzero"`
}

type healthEvent struct {
	SpecVersion     string         `json:"specversion"`
	ID              string         `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         string         `json:"subject"`
	Time            time.Time      `json:"time"`
	Sequence        string         `json:"sequence"`
	DataContentType string         `json:"datacontenttype"`
	Data            ProviderHealth `json:"data"`
}

// Health publishes a change of health on event.provider.health. Its number counts
// the changes of this provider; with it a repetition is the same event.
func (o *Outlet) Health(ctx context.Context, health ProviderHealth, number int) error {
	health.Reason = oneLine(health.Reason, 300)
	event := healthEvent{
		SpecVersion: "1.0", Source: eventSource, Type: eventTypeHealth, Subject: health.Provider, Time: health.Since.UTC(),
		// The time tells this change from one of the same number before the state was lost.
		ID:       health.Provider + "." + strconv.Itoa(number) + "." + strconv.FormatInt(health.Since.UnixMilli(), 10) + ".health",
		Sequence: fmt.Sprintf("%010d", number), DataContentType: "application/json", Data: health,
	}
	body, err := json.Marshal(&event)
	if err == nil {
		err = o.publisher.Send(ctx, Outgoing{
			Subject: subjectHealth, Headers: map[string][]string{"Content-Type": {eventContentType}}, Body: body, MsgID: event.ID,
		})
	}
	if err != nil {
		return fmt.Errorf("broker: health event of %s: %w", health.Provider, err)
	}
	return nil
}
