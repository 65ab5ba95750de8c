package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/bounce"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/webhook"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smtp"
)

// mailbox adds the mailbox of a provider that has one: the configured one, or in
// mock mode the simulator's.
func (r *reporting) mailbox(p config.Provider, d drivers) error {
	m, closer, err := d.mailbox(p)
	if err != nil || m.Host == "" {
		return err
	}
	r.mailboxes[p.Name] = m
	if closer != nil {
		r.closers = append(r.closers, closer)
	}
	return nil
}

// mailbox is where bounces of a provider come back to; without a host for none.
// The returned function, if any, lets go of what gets its tokens.
func (d drivers) mailbox(p config.Provider) (bounce.Mailbox, func(), error) {
	b := p.Bounces
	if p.Mock() {
		return d.mockMailbox(p), nil, nil
	}
	m := bounce.Mailbox{Host: b.Host, Port: b.Port, TLS: b.TLS, Username: p.BouncesUser(), Folder: b.Folder, Done: b.Done, Password: p.Password.Reveal}
	if m.Host == "" {
		return m, nil, nil
	}
	var err error
	if m.RootCAs, err = authorities(p); err != nil {
		return m, nil, err
	}
	if !b.Password.IsZero() {
		m.Password = b.Password.Reveal
	}
	if p.Auth != smtp.AuthXOAuth2 || !b.Password.IsZero() {
		return m, nil, nil
	}
	tokens, err := smtp.NewTokenSource(vendorOf(p), oauthOptions(p))
	if err != nil {
		return m, nil, fmt.Errorf("app: provider %s: %w", p.Name, err)
	}
	m.Token, m.Forget = tokens.Token, tokens.Forget
	return m, tokens.Close, nil
}

func (d drivers) mockMailbox(p config.Provider) (m bounce.Mailbox) {
	if d.simulator == nil || p.Driver != "smtp" {
		return m
	}
	host, port, err := net.SplitHostPort(d.simulator.Mailbox(vendorOf(p)))
	if err != nil {
		return m // the vendor posts webhooks
	}
	user, secret := simulator.Credentials(vendorOf(p))
	m = bounce.Mailbox{Host: host, RootCAs: d.simulator.RootCAs(), Username: user, Password: func() string { return secret }}
	m.Port, _ = strconv.Atoi(port)
	return m
}

// mailboxes are those in force, by provider.
func (w *webhooks) mailboxes() map[string]bounce.Mailbox { return w.endpoints.Load().mailboxes }

// readBounces reads every mailbox until ctx ends. One worker of the fleet does.
func (w *webhooks) readBounces(ctx context.Context, publisher *broker.Publisher) error {
	reporting := w.endpoints.Load()
	var reading sync.WaitGroup
	for provider, mailbox := range reporting.mailboxes {
		reading.Go(func() {
			defer w.observer.Metrics.NoMailbox(provider)
			_ = w.bounceReader(provider, mailbox, reporting.cfg.Providers[provider].Bounces.Every, publisher).Run(ctx)
		})
	}
	reading.Wait()
	<-ctx.Done()
	return nil
}

// bounceReader reads one mailbox into the bus.
func (w *webhooks) bounceReader(provider string, mailbox bounce.Mailbox, every time.Duration, publisher *broker.Publisher) *bounce.Reader {
	log, known, up := w.observer.Provider(provider), false, false
	return bounce.NewReader(bounce.Options{
		Mailbox: mailbox, Every: every,
		Store: func(ctx context.Context, notices []delivery.Notice) error {
			var messages []webhook.Message
			for _, notice := range notices {
				m, err := webhook.NewMessage(provider, notice, nil, time.Now().UTC().Format(time.RFC3339Nano))
				if err != nil {
					return err
				}
				messages = append(messages, m)
			}
			return webhookBus{publisher}.Store(ctx, messages)
		},
		Observe: func(outcome bounce.Outcome) {
			level, counted := zapcore.InfoLevel, webhook.Accepted
			switch outcome {
			case bounce.Unreadable:
				level, counted = zapcore.WarnLevel, webhook.Refused
			case bounce.Failed:
				level, counted = zapcore.ErrorLevel, webhook.Failed
			default:
			}
			w.observer.Metrics.Webhook(provider, string(counted))
			log.Log(level, "bounce", zap.String("provider", provider), zap.String("outcome", string(outcome)))
		},
		State: func(err error) {
			w.observer.Metrics.Mailbox(provider, err == nil)
			switch {
			case err != nil:
				log.Warn("the mailbox for bounces cannot be read; it is tried again", zap.String("provider", provider), zap.Error(err))
			case !known || !up:
				log.Info("the mailbox for bounces is read", zap.String("provider", provider), zap.String("folder", cmp.Or(mailbox.Folder, "INBOX")))
			}
			known, up = true, err == nil
		},
	})
}
