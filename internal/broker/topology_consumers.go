package broker

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
)

const (
	// maxDeliver ends a crash loop. It is no retry counter: a message given up on
	// stays in its stream and is turned into a dead letter by its advisory.
	maxDeliver = 20
	// maxAckPending must hold what the whole fleet has in hand and every delayed
	// nak: each keeps its place.
	maxAckPending = 65536
)

// consumers brings the durable consumers of stream up to date. One for each
// kind and lane lets a lane be drained first and a kind be held back alone.
// BackOff stays empty: with it the server miscounts the delay of a nak.
func (p *provisioner) consumers(ctx context.Context, stream jetstream.Stream, newer bool) error {
	var steps []step
	for _, config := range consumerConfigs(stream.CachedInfo().Config.Name, p.options) {
		steps = append(steps, step{"consumer " + config.Durable, func() error { return p.consumer(ctx, stream, config, newer) }})
	}
	return p.together(ctx, steps)
}

func (p *provisioner) consumer(ctx context.Context, stream jetstream.Stream, config jetstream.ConsumerConfig, newer bool) error {
	if newer {
		_, err := stream.Consumer(ctx, config.Durable)
		if !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	_, err := stream.CreateOrUpdateConsumer(ctx, config)
	return err
}

func consumerConfigs(stream string, o TopologyOptions) []jetstream.ConsumerConfig {
	var configs []jetstream.ConsumerConfig
	add := func(name, subject string) {
		configs = append(configs, jetstream.ConsumerConfig{
			Durable:       name,
			FilterSubject: subject,
			AckPolicy:     jetstream.AckExplicitPolicy,
			DeliverPolicy: jetstream.DeliverAllPolicy,
			AckWait:       o.AckWait,
			MaxDeliver:    maxDeliver,
			MaxAckPending: maxAckPending,
			Metadata:      o.metadata(),
		})
	}
	for _, kind := range command.Kinds() {
		for _, lane := range lanesOf(kind) {
			switch stream {
			case StreamCommands:
				add(ConsumerName(kind, lane), kind.Subject(lane))
			case StreamScheduled:
				// Kinds without lanes are postponed too, once short naks are used up:
				// a target that nobody consumes would lose them.
				add(DueConsumerName(kind, lane), scheduledDue(kind, lane))
			}
		}
	}
	return configs
}
