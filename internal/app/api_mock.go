package app

import (
	"context"
	"slices"
	"time"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// mocks steers the simulator of this worker.
type mocks struct {
	cfg      func() *config.Live // in force
	sim      *simulator.Simulator
	operator *postgres.Operator
}

// Providers implements [api.Simulator].
func (m mocks) Providers() (names []string) {
	for name, p := range m.cfg().Providers {
		if p.Mock() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Fault implements [api.Simulator].
func (m mocks) Fault(provider string) api.Fault {
	f := m.sim.Faults()[provider]
	return api.Fault{Outcome: string(f.Outcome), Rate: f.Rate, Until: f.Until}
}

// SetFault implements [api.Simulator].
func (m mocks) SetFault(provider string, f api.Fault) {
	m.sim.SetFault(provider, simulator.Fault{Outcome: simulator.Outcome(f.Outcome), Rate: f.Rate, Until: f.Until})
}

// Received implements [api.Simulator].
func (m mocks) Received() []any {
	received := m.sim.Inbox().List()
	list := make([]any, len(received))
	for i, message := range received {
		list[len(received)-1-i] = message
	}
	return list
}

// Rendered implements [api.Simulator].
func (m mocks) Rendered(id string) (html, text string, ok bool) {
	for _, message := range m.sim.Inbox().List() {
		if message.ID == id {
			return message.HTML, message.Text, true
		}
	}
	return "", "", false
}

// Clear implements [api.Simulator].
func (m mocks) Clear() { m.sim.Inbox().Clear() }

// Steered implements [api.Simulator].
func (m mocks) Steered(ctx context.Context, by, action, target string, detail any) error {
	return m.operator.Audit(ctx, by, action, target, detail)
}

// ReportFault implements [api.Simulator].
func (m mocks) ReportFault(provider string) (api.ReportFault, bool) {
	f, sends := m.sim.WebhookFault(vendorOf(m.cfg().Providers[provider]))
	return api.ReportFault{Delay: f.Delay.String(), Repeat: f.Repeat, Shuffle: f.Shuffle, Forge: f.Forge}, sends
}

// SetReportFault implements [api.Simulator]; the API has checked the delay.
func (m mocks) SetReportFault(provider string, f api.ReportFault) {
	delay, _ := time.ParseDuration(f.Delay)
	m.sim.SetWebhookFault(vendorOf(m.cfg().Providers[provider]), simulator.WebhookFault{Delay: delay, Repeat: f.Repeat, Shuffle: f.Shuffle, Forge: f.Forge})
}
