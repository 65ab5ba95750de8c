package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Objects reads the bucket of attachments. Producers write it; nothing here does.
type Objects struct {
	conn *Conn

	mu    sync.Mutex
	store jetstream.ObjectStore // found at the first use
}

// NewObjects returns a reader of [BucketAttachments].
func NewObjects(conn *Conn) *Objects { return &Objects{conn: conn} }

// Size returns how many bytes an object has; a not_found fault when there is none.
func (o *Objects) Size(ctx context.Context, name string) (int64, error) {
	store, err := o.open(ctx)
	if err != nil {
		return 0, err
	}
	info, err := store.GetInfo(ctx, name)
	if err != nil {
		return 0, objectFault(name, err)
	}
	return int64(min(info.Size, 1<<62)), nil
}

// Read returns an object of at most that many bytes, its digest checked; a larger
// one is an invalid fault.
func (o *Objects) Read(ctx context.Context, name string, most int64) ([]byte, error) {
	store, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	object, err := store.Get(ctx, name)
	if err != nil {
		return nil, objectFault(name, err)
	}
	defer func() { _ = object.Close() }()
	content, err := io.ReadAll(io.LimitReader(object, most+1))
	if err != nil {
		return nil, objectFault(name, err)
	}
	if int64(len(content)) > most {
		return nil, fault.New(fault.Invalid, "broker: object", "%q has more than %d bytes", name, most)
	}
	return content, nil
}

func (o *Objects) open(ctx context.Context) (jetstream.ObjectStore, error) {
	o.mu.Lock()
	store := o.store
	o.mu.Unlock()
	if store != nil {
		return store, nil
	}
	store, err := o.conn.js.ObjectStore(ctx, BucketAttachments)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "broker: bucket "+BucketAttachments, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.store = store
	return store, nil
}

func objectFault(name string, err error) error {
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return fault.New(fault.NotFound, "broker: object", "%q is not in %s", name, BucketAttachments)
	}
	return fault.Wrap(fault.Unavailable, fmt.Sprintf("broker: object %q", name), err)
}
