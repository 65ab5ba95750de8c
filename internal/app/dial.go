package app

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// A worker waits for its servers as long as it takes. A person waits at a terminal,
// and is told soon that nobody answers.
const (
	dialWithin  = 5 * time.Second
	mostDialled = 3 // attempts, when each is refused at once
)

// dialNATS is [broker.Connect] for somebody who waits.
func dialNATS(ctx context.Context, options broker.ConnectOptions) (*broker.Conn, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	began, tries := time.Now(), 0
	options.OnWaiting = func(urls string, err error, _ time.Duration) {
		if tries++; tries == mostDialled || time.Since(began) >= dialWithin {
			fail(fault.New(fault.Unavailable, "", "%s does not answer (%v): is the server running, is nats.url right?", urls, err))
		}
	}
	conn, err := broker.Connect(ctx, options)
	if cause, told := errors.AsType[*fault.Error](err); told {
		return nil, cause // the sentence alone
	}
	return conn, err
}

// dialPostgres is [postgres.Connect] for somebody who waits: at most so many
// attempts, and no longer than within.
func dialPostgres(ctx context.Context, url string, conns, attempts int, within time.Duration) (*pgxpool.Pool, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	silent := fault.New(fault.Unavailable, "", "%s does not answer: is the server running, is postgres.url right?", config.NewDSN(url))
	defer time.AfterFunc(within, func() { fail(silent) }).Stop()
	tries := 0
	pool, err := postgres.Connect(ctx, url, conns, func(error) {
		if tries++; tries == attempts {
			fail(silent)
		}
	})
	if err != nil && context.Cause(ctx) != nil {
		return nil, context.Cause(ctx)
	}
	return pool, err
}
