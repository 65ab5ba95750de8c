package app

import (
	"context"
	"slices"
	"time"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/webhook"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/nhncloud"
	"github.com/gangwon-portal/gangway/providers/sens"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smtp"
	"github.com/gangwon-portal/gangway/providers/solapi"
)

// sources makes what verifies the webhooks of a provider. In mock mode the
// simulator's signatures are believed as well, beside what is configured.
type sources struct {
	drivers
	observer *observer
}

// vendorOf names the vendor behind a provider: for mail it is the preset.
func vendorOf(p config.Provider) string {
	if p.Driver != "smtp" {
		return p.Driver
	}
	if _, known := smtp.Presets()[p.Name]; known {
		return p.Name
	}
	return "smtp"
}

func (s sources) mocked(p config.Provider) bool { return p.Mock() && s.simulator != nil }

// secrets are those of the configuration, newest first, and the simulator's.
func (s sources) secrets(p config.Provider) []string {
	var all []string
	for _, secret := range p.Webhook.Secrets {
		all = append(all, secret.Reveal())
	}
	if s.mocked(p) {
		all = append(all, simulator.WebhookSecret(vendorOf(p)))
	}
	return all
}

func (s sources) standard(p config.Provider) webhook.Source {
	return webhook.NewStandard(s.secrets(p), p.Webhook.Tolerance)
}

func (s sources) sendGrid(p config.Provider) (webhook.Source, error) {
	keys := list(p.Webhook.PublicKey)
	if s.mocked(p) {
		keys = append(keys, s.simulator.WebhookKey())
	}
	return smtp.NewSendGridWebhook(keys, p.Webhook.Tolerance)
}

func (s sources) ses(p config.Provider) (webhook.Source, error) {
	o := smtp.SESWebhookOptions{TopicARNs: slices.Clone(p.Webhook.TopicARNs), Tolerance: p.Webhook.Tolerance}
	if s.mocked(p) {
		o.TopicARNs = append(o.TopicARNs, simulator.TopicARN)
		o.Certificates = append(o.Certificates, s.simulator.WebhookCertificate())
		o.Confirm = []string{s.simulator.Host()}
	}
	if p.Webhook.Certificates != "" && p.Mock() {
		found, err := smtp.ReadCertificates(p.Webhook.Certificates)
		if err != nil {
			return nil, err
		}
		o.Certificates = append(o.Certificates, found...)
	}
	return smtp.NewSESWebhook(o), nil
}

// solapi asks the vendor about every report; without a configured secret there
// are none, and it is polled.
func (s sources) solapi(r *reporting, p config.Provider) (webhook.Source, error) {
	provider, err := s.sms(p)
	if err != nil {
		return nil, err
	}
	driver := provider.(*solapi.Driver)
	r.closers = append(r.closers, driver.Close)
	secrets := s.secrets(p)
	if len(secrets) == 0 {
		r.trackers[p.Name] = s.tracker(p, driver.Track)
	}
	return s.hinted(p, solapi.NewWebhook(driver, secrets, p.Options["webhook_secret"] == "plain")), nil
}

func (s sources) nhncloud(r *reporting, p config.Provider) (webhook.Source, error) {
	provider, err := s.sms(p)
	if err != nil {
		return nil, err
	}
	driver := provider.(*nhncloud.Driver)
	r.closers = append(r.closers, driver.Close)
	secrets := s.secrets(p)
	if len(secrets) == 0 {
		r.trackers[p.Name] = s.tracker(p, driver.Track)
	}
	return s.hinted(p, nhncloud.NewWebhook(driver, secrets)), nil
}

// sens reports nothing: it is polled.
func (s sources) sens(r *reporting, p config.Provider) error {
	provider, err := s.sms(p)
	if err != nil {
		return err
	}
	driver := provider.(*sens.Driver)
	r.closers = append(r.closers, driver.Close)
	r.trackers[p.Name] = s.tracker(p, driver.Track)
	return nil
}

// hint is a source whose reports the provider has to confirm.
type hint interface {
	webhook.Source
	webhook.Confirmer
}

// hintedSource makes each confirmation a call like any other: bounded, logged and
// counted.
type hintedSource struct {
	hint
	ask asking
}

func (s sources) hinted(p config.Provider, source hint) webhook.Source {
	return hintedSource{source, asking{p, s.observer}}
}

// Confirm implements [webhook.Confirmer].
func (h hintedSource) Confirm(ctx context.Context, reports []delivery.Report) (confirmed []delivery.Report, err error) {
	err = h.ask.call(ctx, func(ctx context.Context) error {
		confirmed, err = h.hint.Confirm(ctx, reports)
		return err
	})
	return confirmed, err
}

func (s sources) tracker(p config.Provider, track webhook.Tracker) webhook.Tracker {
	ask := asking{p, s.observer}
	return func(ctx context.Context, messageID string) (state delivery.Recipient, err error) {
		err = ask.call(ctx, func(ctx context.Context) error {
			state, err = track(ctx, messageID)
			return err
		})
		return state, err
	}
}

// asking makes calls to a provider that send nothing.
type asking struct {
	provider config.Provider
	observer *observer
}

func (a asking) call(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.provider.Timeout)
	defer cancel()
	ctx, exchange := providers.WithExchange(ctx)
	started := time.Now()
	err := call(ctx)
	a.observer.Called(ctx, providers.Report{
		Provider: a.provider.Name, Mock: a.provider.Mock(), Started: started, Took: time.Since(started), Exchange: exchange, Err: err,
	})
	if err != nil && fault.Of(err) == fault.Cancelled && ctx.Err() == nil {
		return fault.Wrap(fault.Unavailable, a.provider.Name, err)
	}
	return err
}
