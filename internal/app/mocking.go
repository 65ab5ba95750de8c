package app

import (
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// mocking runs the simulator while providers are mocked. Once started it stays
// until the worker ends: what it has received may still be looked at.
type mocking struct {
	sim   *simulator.Simulator // nil when none runs
	given bool                 // it is another's, and not ours to close
	conn  *broker.Conn
	log   *zap.Logger
}

// start starts the simulator where a configuration needs one that is not there.
func (m *mocking) start(cfg *config.Live) (*simulator.Simulator, error) {
	if m.sim == nil && mocked(cfg) {
		sim, err := simulator.Start(simulator.Options{})
		if err != nil {
			return nil, err
		}
		m.sim = sim
	}
	return m.sim, nil
}

// announce says that mock mode has begun, and lets the inbox, which is in memory
// only, lose what went to people who are forgotten.
func (m *mocking) announce() {
	m.log.Warn("mock mode is active: the simulator answers for the providers and nothing is sent out")
	inbox := m.sim.Inbox()
	err := m.conn.OnForgotten(func(recipient string) {
		folded := foldRecipient(recipient)
		inbox.Forget(func(address string) bool { return foldRecipient(address) == folded })
	})
	if err != nil {
		m.log.Warn("the simulator's inbox will not hear of people who are forgotten", zap.Error(err))
	}
}

// prepare starts the simulator for another configuration.
func (m *mocking) prepare(next *config.Live) (change, error) {
	before := m.sim
	_, err := m.start(next)
	return change{
		commit: func() {
			if m.sim != before {
				m.announce()
			}
		},
		undo: func() {
			if m.sim != before {
				_ = m.sim.Close()
				m.sim = before
			}
		},
	}, err
}

func (m *mocking) close() error {
	if m.sim == nil || m.given {
		return nil
	}
	return m.sim.Close()
}

// mocked reports whether a provider is served by the simulator.
func mocked(cfg *config.Live) bool {
	for _, p := range cfg.Providers {
		if p.Mock() {
			return true
		}
	}
	return false
}
