package app

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

// newPusher returns what pushes events to the portal's systems.
func newPusher(cfg *config.Live, conn *broker.Conn, pool *pgxpool.Pool, log *zap.Logger) *webhook.Pusher {
	feeds := func(ctx context.Context, t webhook.Target) (webhook.Feed, error) {
		kinds := make([]command.Kind, len(t.Kinds))
		for i, kind := range t.Kinds {
			kinds[i] = command.Kind(kind)
		}
		feed, err := broker.OpenEventFeed(ctx, conn, t.Name, kinds)
		return pushFeed{feed}, err
	}
	pusher := webhook.NewPusher(feeds, postgres.NewSubscribers(pool), webhook.PusherOptions{
		Pushed: func(_ context.Context, p webhook.Pushed) { logPushed(log, p) },
		Trouble: func(target string, err error) {
			log.Warn("events wait to be pushed", zap.String("target", target), zap.Error(err))
		},
	})
	pusher.Set(pushTargets(cfg))
	return pusher
}

// pushesFollow takes over whom events are pushed to.
func pushesFollow(pusher *webhook.Pusher) func(*config.Live) (change, error) {
	return func(next *config.Live) (change, error) {
		return change{commit: func() { pusher.Set(pushTargets(next)) }}, nil
	}
}

// pushTargets are the endpoints of the configuration, by name.
func pushTargets(cfg *config.Live) []webhook.Target {
	var targets []webhook.Target
	for _, name := range slices.Sorted(maps.Keys(cfg.WebhooksOut)) {
		out := cfg.WebhooksOut[name]
		t := webhook.Target{Name: name, URL: out.URL, Kinds: out.Kinds, Timeout: out.Timeout}
		for _, secret := range out.Secrets {
			t.Secrets = append(t.Secrets, secret.Reveal())
		}
		for _, text := range out.AllowTo {
			if prefix, err := network(text); err == nil { // the configuration has been validated
				t.AllowTo = append(t.AllowTo, prefix)
			}
		}
		targets = append(targets, t)
	}
	return targets
}

// network reads an address or a network.
func network(text string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked(), nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
}

// logPushed writes the one line of each attempt.
func logPushed(log *zap.Logger, p webhook.Pushed) {
	fields := []zap.Field{
		zap.String("target", p.Target), zap.String("event", p.Event), zap.Int("attempt", p.Attempt), zap.Int("status", p.Status),
		zap.String("outcome", string(p.Outcome)), zap.Duration("duration", p.Took),
	}
	if p.Err != nil {
		fields = append(fields, zap.Error(p.Err))
	}
	switch p.Outcome {
	case webhook.PushTaken:
		log.Info("event pushed", fields...)
	case webhook.PushAgain:
		log.Warn("event not taken; it is pushed again later", fields...)
	case webhook.PushGivenUp:
		log.Error("event not taken; it is given up", fields...)
	case webhook.PushGone:
		log.Error("the target is gone (410) and gets nothing more until publisher webhooks enable", fields...)
	}
}

// pushFeed is a place in the event stream as the pusher reads it.
type pushFeed struct{ *broker.EventFeed }

// Fetch implements [webhook.Feed].
func (f pushFeed) Fetch(ctx context.Context, most int) ([]webhook.Event, error) {
	fetched, err := f.EventFeed.Fetch(ctx, most)
	events := make([]webhook.Event, len(fetched))
	for i, event := range fetched {
		events[i] = event
	}
	return events, err
}

var _ webhook.Ledger = (*postgres.Subscribers)(nil)
