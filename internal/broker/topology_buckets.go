package broker

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// markerTTL is how long the marker of an expired key stays, for watchers to
// see. Without it the server ignores the time to live of single keys.
const markerTTL = time.Minute

func (p *provisioner) buckets(ctx context.Context) []step {
	steps := []step{{"bucket " + BucketAttachments, func() error { return p.attachments(ctx) }}}
	for _, config := range []jetstream.KeyValueConfig{
		{Bucket: BucketState, Description: "State that workers share: trips, pauses, leases, tokens"},
		{Bucket: BucketCache, Description: "Cached responses of providers", MaxBytes: orUnlimited(p.options.CacheMaxBytes)},
	} {
		steps = append(steps, step{"bucket " + config.Bucket, func() error { return p.keyValue(ctx, config) }})
	}
	return steps
}

func (p *provisioner) keyValue(ctx context.Context, config jetstream.KeyValueConfig) error {
	newer, err := p.newerStream(ctx, "KV_"+config.Bucket)
	if err != nil || newer {
		return err
	}
	config.History = 1
	config.Storage = jetstream.FileStorage
	config.Replicas = p.options.Replicas
	config.LimitMarkerTTL = markerTTL
	config.Metadata = p.options.metadata()
	_, err = p.js.CreateOrUpdateKeyValue(ctx, config)
	return err
}

func (p *provisioner) attachments(ctx context.Context) error {
	newer, err := p.newerStream(ctx, "OBJ_"+BucketAttachments)
	if err != nil || newer {
		return err
	}
	_, err = p.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket:      BucketAttachments,
		Description: "Attachments too large for a command's body",
		Storage:     jetstream.FileStorage,
		Replicas:    p.options.Replicas,
		Metadata:    p.options.metadata(),
	})
	if errors.Is(err, jetstream.ErrBucketExists) {
		return nil
	}
	return err
}
