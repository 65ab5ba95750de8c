// Package app wires everything: it is the only package that may know all others.
package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/telemetry"
)

// Engine moves commands: from the bus through the pipeline to a committed
// status. It is what a worker is about; listeners and singletons stand around it.
type Engine struct {
	options    EngineOptions
	store      *postgres.Store
	publisher  *broker.Publisher
	subscriber *broker.Subscriber
	path       *pipeline.Pipeline
	router     *message.Router
	running    chan error
	stopAlive  context.CancelFunc
	alive      chan error
}

// EngineOptions are the parts that an engine is made of.
type EngineOptions struct {
	Worker  uuid.UUID
	Version string
	Conn    *broker.Conn
	Pool    *pgxpool.Pool
	// Store is used and closed by the engine; nil for one of its own.
	Store *postgres.Store
	// Seals say whether dead letters go to the bus without their body; nil for never.
	Seals    *letterSeals
	Handlers map[command.Kind]pipeline.Handler
	Observer pipeline.Observer
	// Tracing exports spans; nil for none.
	Tracing *telemetry.Tracing
	Retry   func(command.Kind) pipeline.Retry
	// InFlight is how many commands of a kind are executed at once.
	InFlight func(kind string) int
	// Lease is how long the worker counts as alive without a sign of life, which
	// it gives every Heartbeat; default a third of the lease.
	Lease, Heartbeat time.Duration
	// Grace is how long commands in flight may take to finish on Stop.
	Grace time.Duration
	// Now is the clock of the pipeline; nil for the database's.
	Now func() time.Time
	Log *zap.Logger
}

// StartEngine begins to consume. The streams and the schema must exist.
func StartEngine(ctx context.Context, o EngineOptions) (*Engine, error) {
	if o.Heartbeat <= 0 {
		o.Heartbeat = o.Lease / 3
	}
	e := &Engine{options: o, store: o.Store, running: make(chan error, 1), alive: make(chan error, 1)}
	if e.store == nil {
		e.store = postgres.NewStore(o.Pool, postgres.Options{Worker: o.Worker, Log: o.Log})
	}
	if err := e.store.Register(ctx, o.Version, o.Lease); err != nil {
		e.store.Close()
		return nil, err
	}
	var err error
	if e.publisher, err = broker.NewPublisher(o.Conn, broker.PublisherOptions{}); err != nil {
		e.store.Close()
		return nil, err
	}
	if o.Now == nil {
		o.Now = e.store.Now
	}
	reached := failpoint(o.Conn)
	e.subscriber = broker.NewSubscriber(o.Conn, broker.SubscriberOptions{Pool: o.InFlight, Grace: o.Grace, Reached: reached, Log: o.Log})
	var store pipeline.Store = e.store
	var outlet pipeline.Outlet = broker.NewOutlet(o.Conn, e.publisher).OverflowTo(newOperator(o.Pool))
	if o.Seals != nil {
		outlet = sealedOutlet{outlet, o.Seals}
	}
	if o.Tracing != nil {
		store, outlet = tracedStore{store, o.Tracing}, tracedOutlet{outlet, o.Tracing}
	}
	e.path = pipeline.New(store, outlet, o.Handlers, pipeline.Options{
		Worker: o.Worker, Observer: o.Observer, Retry: o.Retry, Enter: enter, Now: o.Now, Reached: reached,
	})
	if e.router, err = e.route(); err != nil {
		return nil, errors.Join(err, e.close())
	}
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stopAlive = stop
	go func() { e.alive <- e.store.Alive(alive, o.Heartbeat, o.Lease, e.path.Working) }()
	// Only Stop ends the router: it must drain before anything beneath it goes.
	go func() { e.running <- e.router.Run(context.WithoutCancel(ctx)) }()
	select {
	case <-e.router.Running():
		return e, nil
	case err := <-e.running:
		e.running <- nil
		return nil, errors.Join(fmt.Errorf("app: start consuming: %w", err), e.Stop())
	}
}

// route gives each kind a handler of watermill's router.
func (e *Engine) route() (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: e.options.Grace + 10*time.Second},
		broker.NewZapLogger(e.options.Log))
	if err != nil {
		return nil, fmt.Errorf("app: router: %w", err)
	}
	router.AddMiddleware(middleware.Recoverer)
	process := consumes(e.options.Tracing, func(ctx context.Context, d *broker.Delivery) error { return e.path.Process(ctx, d) })
	for kind := range e.options.Handlers {
		router.AddConsumerHandler(string(kind), string(kind), e.subscriber, func(m *message.Message) error {
			delivery, ok := broker.DeliveryFrom(m.Context())
			if !ok {
				return fmt.Errorf("app: message %s did not come through the broker", m.UUID)
			}
			growStack(false)
			// The router logs an error, and the subscriber hands the message out again.
			return process(m.Context(), delivery)
		})
	}
	return router, nil
}

// Store is the engine's store, for queries.
func (e *Engine) Store() *postgres.Store { return e.store }

// Publisher is the engine's publisher, to be shared.
func (e *Engine) Publisher() *broker.Publisher { return e.publisher }

// Subscriber is the engine's subscriber.
func (e *Engine) Subscriber() *broker.Subscriber { return e.subscriber }

// Stop ends in the order that loses nothing: stop pulling, let handlers finish
// and acknowledge, flush the store, withdraw the liveness row, flush the
// publisher. The connection and the pool stay open; they are the caller's.
func (e *Engine) Stop() error {
	err := e.router.Close()
	e.stopAlive()
	return errors.Join(err, <-e.running, <-e.alive, e.close())
}

func (e *Engine) close() error {
	err := e.subscriber.Close()
	e.store.Close()
	return errors.Join(err, e.publisher.Close())
}
