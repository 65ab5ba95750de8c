package broker

import (
	"context"
	"fmt"
	"strconv"
	"time"
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

// Health publishes a change of health on event.provider.health. Its number counts
// the changes of this provider; with it a repetition is the same event.
func (o *Outlet) Health(ctx context.Context, health ProviderHealth, number int) error {
	health.Reason = oneLine(health.Reason, 300)
	message, err := cloudEvent{
		// The time tells this change from one of the same number before the state was lost.
		ID:      health.Provider + "." + strconv.Itoa(number) + "." + strconv.FormatInt(health.Since.UnixMilli(), 10) + ".health",
		Subject: health.Provider, Time: health.Since, Sequence: sequence(number), Data: health,
	}.on("provider.health", "provider.health")
	if err == nil {
		err = o.publisher.Send(ctx, message)
	}
	if err != nil {
		return fmt.Errorf("broker: health event of %s: %w", health.Provider, err)
	}
	return nil
}
