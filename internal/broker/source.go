package broker

import (
	"context"
	"fmt"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Source is one durable pull consumer that feeds a topic.
type Source struct {
	Stream, Consumer string
	// Lane sets its priority and its share of the room for waiting messages.
	Lane command.Lane
}

// KindSources is the production resolver: a topic is a kind, fed by the
// consumers of its lanes and of its fired schedules.
func KindSources(_ context.Context, topic string) ([]Source, error) {
	kind := command.Kind(topic)
	if !kind.Valid() {
		return nil, fmt.Errorf("%q is not a kind of command", topic)
	}
	var sources []Source
	for _, lane := range lanesOf(kind) {
		sources = append(sources,
			Source{Stream: StreamCommands, Consumer: ConsumerName(kind, lane), Lane: lane},
			Source{Stream: StreamScheduled, Consumer: DueConsumerName(kind, lane), Lane: lane})
	}
	return sources, nil
}

// Indexes of lanes, most urgent first.
const (
	laneAlerts = iota
	laneHigh
	laneNormal
	laneBulk
	laneCount
)

func laneIndex(lane command.Lane) int {
	switch lane {
	case command.Alerts:
		return laneAlerts
	case command.High:
		return laneHigh
	case command.Bulk:
		return laneBulk
	default:
		return laneNormal
	}
}
