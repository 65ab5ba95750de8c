package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// member is one worker's part in a fleet, over a connection of its own.
type member struct {
	*resilience.Fleet
	conn  *broker.Conn
	state *broker.State
}

// join starts a member; edit may be nil.
func join(t testing.TB, url, name string, edit func(*resilience.FleetOptions)) *member {
	t.Helper()
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{url}, Name: name, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	state, err := broker.OpenState(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	options := resilience.FleetOptions{Worker: name, State: state}
	if edit != nil {
		edit(&options)
	}
	m := &member{Fleet: resilience.StartFleet(t.Context(), options), conn: conn, state: state}
	t.Cleanup(func() { m.Stop(); conn.Close() })
	return m
}

// dies takes a member away without a word: nothing is released, nothing renewed.
func (m *member) dies() { m.conn.NATS().Close() }

// four starts four members and waits until they know each other.
func four(t testing.TB, url string, edit func(i int, o *resilience.FleetOptions)) []*member {
	t.Helper()
	var members []*member
	for i := range 4 {
		members = append(members, join(t, url, fmt.Sprintf("w%d", i), func(o *resilience.FleetOptions) {
			if edit != nil {
				edit(i, o)
			}
		}))
	}
	for _, m := range members {
		testkit.Eventually(t, patience, func() bool { return m.Workers() == 4 }, "every worker knows the others")
	}
	return members
}

func lives(members []*member, settings resilience.Settings) []*resilience.Live {
	var lives []*resilience.Live
	for _, m := range members {
		lives = append(lives, m.Provider("ses", settings))
	}
	return lives
}

// call makes one call that ends with err, if it is let through.
func call(ctx context.Context, l *resilience.Live, err error) error {
	done, refused := l.Admit(ctx, uuid.New(), resilience.Usual, time.Second)
	if refused != nil {
		return refused
	}
	done(err, time.Millisecond)
	return err
}

func unavailable() error { return fault.New(fault.Unavailable, "ses", "503") }

func open(l *resilience.Live) bool { return l.Breaker().State() == resilience.Open }

func closed(l *resilience.Live) bool { return l.Breaker().State() == resilience.Closed }
