package app

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/outbox"
)

// letterSeals encrypts the bodies of dead letters with the secrets key, as the
// configuration in force says. What is sealed opens also when no more is to be.
type letterSeals struct{ current atomic.Pointer[letterKeys] }

type letterKeys struct {
	sealer *resilience.Sealer // nil without a key
	on     bool               // new letters are sealed
}

func newLetterSeals(cfg *config.Live) (*letterSeals, error) {
	l := new(letterSeals)
	c, err := l.prepare(cfg)
	if err != nil {
		return nil, err
	}
	c.commit()
	return l, nil
}

func (l *letterSeals) prepare(cfg *config.Live) (change, error) {
	sealer, err := newSealer(cfg, "letters v1")
	if err != nil {
		return change{}, err
	}
	next := &letterKeys{sealer, cfg.Postgres.Seal && sealer != nil}
	return change{commit: func() { l.current.Store(next) }}, nil
}

// Seal implements [postgres.Sealer].
func (l *letterSeals) Seal(body []byte, place string) (sealed []byte, key string) {
	keys := l.current.Load()
	if !keys.on {
		return body, ""
	}
	return keys.sealer.Seal(nil, body, place), keys.sealer.Newest()
}

// Knows implements [postgres.Sealer].
func (l *letterSeals) Knows(key string) bool {
	keys := l.current.Load()
	return keys.sealer != nil && keys.sealer.Knows(key)
}

// Open implements [postgres.Sealer].
func (l *letterSeals) Open(sealed []byte, place string) ([]byte, error) {
	if keys := l.current.Load(); keys.sealer != nil {
		return keys.sealer.Open(sealed, place)
	}
	return nil, resilience.ErrSealed
}

// opened is a row of the outbox as it is published: a body that a replay took over
// sealed leaves as it once came.
func (l *letterSeals) opened(row outbox.Message) (outbox.Message, error) {
	key, sealed := row.Headers[delivery.HeaderSealed]
	if !sealed {
		return row, nil
	}
	id, err := uuid.Parse(row.Headers[broker.HeaderID])
	if err == nil {
		row.Payload, err = l.Open(row.Payload, postgres.SealedPlace(id))
	}
	if err != nil {
		return row, fault.New(fault.Invalid, "app: outbox", "the body is sealed under key %s, which does not open it here; it waits for a worker that has the key", key)
	}
	row.Headers = maps.Clone(row.Headers)
	delete(row.Headers, delivery.HeaderSealed)
	return row, nil
}

// sealedOutlet leaves the bodies out of the dead letters on the bus while the
// database keeps them sealed.
type sealedOutlet struct {
	pipeline.Outlet
	seals *letterSeals
}

// DeadLetter implements [pipeline.Outlet].
func (o sealedOutlet) DeadLetter(ctx context.Context, letter delivery.Letter) error {
	headers := maps.Clone(letter.Headers)
	delete(headers, delivery.HeaderSealed) // one that came with the message is not ours
	if o.seals.current.Load().on && len(letter.Body) > 0 {
		if headers == nil {
			headers = map[string][]string{}
		}
		headers[broker.HeaderBodyLength] = []string{strconv.Itoa(len(letter.Body))}
		letter.Body = nil
	}
	letter.Headers = headers
	return o.Outlet.DeadLetter(ctx, letter)
}

// sealed returns an operator that opens what the secrets key of the publisher's
// own configuration opens.
func (c *connections) sealed(pool *pgxpool.Pool) (*postgres.Operator, error) {
	seals, err := newLetterSeals(&c.cfg.Live)
	if err != nil {
		return nil, err
	}
	return newOperator(pool).Sealed(seals), nil
}

// newSealer derives keys for a purpose from the secrets key; nil without one.
func newSealer(cfg *config.Live, purpose string) (*resilience.Sealer, error) {
	identities, _ := config.Identities(cfg.SecretsKey) // the configuration has been validated
	if len(identities) == 0 {
		return nil, nil
	}
	var secrets []string // newest first
	for _, identity := range identities {
		secrets = append(secrets, identity.Reveal())
	}
	sealer, err := resilience.NewSealer(purpose, secrets...)
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", purpose, err)
	}
	return sealer, nil
}

var _ postgres.Sealer = (*letterSeals)(nil)
