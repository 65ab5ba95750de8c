package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// TopologyVersion counts changes to what [Provision] creates. A worker updates
// nothing that a newer one has provisioned: during a rolling upgrade the older
// workers start too.
const TopologyVersion = 2

// metadataVersion is the key under which streams and buckets carry it.
const metadataVersion = "gangway-topology"

// TopologyOptions are the knobs of [Provision]; zero values mean the defaults.
type TopologyOptions struct {
	// Replicas of every stream and bucket: 1 (default), or 3 in a cluster.
	Replicas int
	// AckWait is how long the server waits for an acknowledgement or a sign of
	// life before it hands a message out again; default 30 s.
	AckWait time.Duration
	// CommandsMaxBytes bounds GANGWAY_COMMANDS; a full stream refuses its
	// publishers. 0 means as much as the server has.
	CommandsMaxBytes int64
	// EventsMaxAge and EventsMaxBytes bound GANGWAY_EVENTS; default 7 days, no
	// bound in bytes. The oldest go first.
	EventsMaxAge   time.Duration
	EventsMaxBytes int64
	// DeadLettersMaxAge bounds GANGWAY_DEADLETTERS; 0 keeps them for ever.
	DeadLettersMaxAge time.Duration
	// CacheMaxBytes bounds the bucket of cached responses; 0 means unbounded.
	CacheMaxBytes int64
	// Version stands for [TopologyVersion]; other values are for tests of rolling
	// upgrades.
	Version int
	// Log is told what was created or left alone.
	Log *zap.Logger
}

// Defaults of [TopologyOptions].
const (
	DefaultAckWait      = 30 * time.Second
	defaultEventsMaxAge = 7 * 24 * time.Hour
	advisoriesMaxAge    = 30 * 24 * time.Hour
)

func (o TopologyOptions) withDefaults() TopologyOptions {
	o.Replicas = max(o.Replicas, 1)
	if o.AckWait <= 0 {
		o.AckWait = DefaultAckWait
	}
	if o.EventsMaxAge <= 0 {
		o.EventsMaxAge = defaultEventsMaxAge
	}
	if o.DeadLettersMaxAge > 0 { // the server keeps nothing for less than its ids
		o.DeadLettersMaxAge = max(o.DeadLettersMaxAge, settleDuplicates)
	}
	if o.Version <= 0 {
		o.Version = TopologyVersion
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// Provision creates what is missing and updates what differs; it never deletes.
// It may run in every worker at every start.
func Provision(ctx context.Context, conn *Conn, options TopologyOptions) error {
	options = options.withDefaults()
	p := &provisioner{js: conn.js, options: options}
	if err := p.awaitJetStream(ctx); err != nil {
		return fmt.Errorf("broker: provision: %w", err)
	}
	var steps []step
	for _, config := range streams(options) {
		steps = append(steps, step{"stream " + config.Name, func() error { return p.stream(ctx, config) }})
	}
	if err := p.together(ctx, append(steps, p.buckets(ctx)...)); err != nil {
		return fmt.Errorf("broker: provision: %w", err)
	}
	return nil
}

type provisioner struct {
	js      jetstream.JetStream
	options TopologyOptions
}

// awaitJetStream rides out the seconds in which a starting cluster has no
// leader: JetStream then looks as if it were switched off.
func (p *provisioner) awaitJetStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("JetStream did not answer; is it enabled for this account?"))
	defer cancel()
	for {
		_, err := p.js.AccountInfo(ctx)
		if err == nil || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			return err
		}
		if stopped := sleep(ctx, 250*time.Millisecond); stopped != nil {
			return fmt.Errorf("%w (%w)", stopped, err)
		}
	}
}

// stream brings one stream and its consumers up to date, unless a newer worker
// owns its shape; what is missing is created in any case.
func (p *provisioner) stream(ctx context.Context, config jetstream.StreamConfig) error {
	newer, err := p.newerStream(ctx, config.Name)
	if err != nil {
		return err
	}
	var stream jetstream.Stream
	if newer {
		p.options.Log.Info("stream was provisioned by a newer worker and is left alone", zap.String("stream", config.Name))
		stream, err = p.js.Stream(ctx, config.Name)
	} else {
		stream, err = p.js.CreateOrUpdateStream(ctx, config)
	}
	if err != nil {
		return err
	}
	return p.consumers(ctx, stream, newer)
}

func (p *provisioner) newerStream(ctx context.Context, name string) (bool, error) {
	stream, err := p.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return p.newer(stream.CachedInfo().Config.Metadata), nil
}

// newer reports whether metadata was written by a worker above our version.
func (p *provisioner) newer(metadata map[string]string) bool {
	version, err := strconv.Atoi(metadata[metadataVersion])
	return err == nil && version > p.options.Version
}

func (o TopologyOptions) metadata() map[string]string {
	return map[string]string{metadataVersion: strconv.Itoa(o.Version)}
}
