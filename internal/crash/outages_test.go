package crash

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// during publishes commands, to providers that take their time, for as long as
// away takes something away and brings it back, and at least n.
func (p *plant) during(away func()) {
	const n = 300
	p.t.Helper()
	slow := func(uuid.UUID, int) reaction {
		return reaction{accept: true, before: func() { <-time.After(20 * time.Millisecond) }}
	}
	p.first.reacts(slow)
	p.second.reacts(slow)
	done := make(chan struct{})
	begun, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < n || !isClosed(over); i++ {
			later := ""
			if i%10 == 0 { // its time comes during the outage, or soon after
				later = fmt.Sprintf(`,"send_at":%q`, time.Now().Add(3*time.Second).Format(time.RFC3339Nano))
			}
			p.mail(1, later)
			if i == n/4 {
				close(begun)
			}
			if i >= n/2 {
				p.pause(20 * time.Millisecond) // the rest is a steady load
			}
		}
	}()
	select {
	case <-begun:
	case <-time.After(time.Minute):
		p.t.Error("nothing could be published")
	}
	away()
	close(over)
	<-done
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestBrokerIsRestarted: NATS shuts down and comes back on the same files.
func TestBrokerIsRestarted(t *testing.T) {
	t.Parallel()
	server := testkit.NATS(t)
	p := newPlant(t, options{natsURL: server.URL()})
	p.worker("")
	p.worker("")
	p.during(func() {
		for range 2 {
			server.Stop()
			p.pause(time.Second)
			server.Start()
			p.pause(2 * time.Second)
		}
	})
	p.settled(90 * time.Second)
	p.verify()
}

// TestBrokerIsKilled: NATS dies as in a crash, twice, under load, and comes back
// with what it had acknowledged.
func TestBrokerIsKilled(t *testing.T) {
	t.Parallel()
	server := testkit.StartNATSProcess(t, 0)
	p := newPlant(t, options{natsURL: server.URL()})
	p.worker("")
	p.worker("")
	p.during(func() {
		for _, gone := range []time.Duration{100 * time.Millisecond, 3 * time.Second} {
			server.Kill()
			p.pause(gone)
			server.Start()
			p.pause(2 * time.Second)
		}
	})
	p.settled(90 * time.Second)
	p.verify()
}

// TestPostgresGoesAway: the database dies as in a crash and recovers, then it is
// restarted in order, which tells its clients to go.
func TestPostgresGoesAway(t *testing.T) {
	t.Parallel()
	server := testkit.OwnPostgres(t)
	if err := migrate(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	p := newPlant(t, options{pgURL: server.URL()})
	p.worker("")
	p.worker("")
	p.during(func() {
		for _, away := range []struct {
			end  func()
			gone time.Duration
		}{{server.Kill, 5 * time.Second}, {server.Stop, 500 * time.Millisecond}} {
			away.end()
			p.pause(away.gone)
			server.Start()
			p.pause(2 * time.Second)
		}
	})
	p.settled(90 * time.Second)
	p.verify()
}

// TestNetworkIsCut: one of two workers loses its way to NATS or to Postgres, for
// longer than its lease. The other one takes over what it had.
func TestNetworkIsCut(t *testing.T) {
	for _, c := range []struct {
		name     string
		postgres bool
		cut      func(*testkit.Proxy)
	}{
		{"NATS, connections refused", false, (*testkit.Proxy).Cut},
		{"NATS, packets lost", false, (*testkit.Proxy).Blackhole},
		{"Postgres, connections refused", true, (*testkit.Proxy).Cut},
		{"Postgres, packets lost", true, (*testkit.Proxy).Blackhole},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, options{})
			variable, url := "GANGWAY_NATS_URL=", p.natsURL
			if c.postgres {
				variable, url = "GANGWAY_POSTGRES_URL=", p.pgURL
			}
			proxy, through := testkit.NewProxyURL(t, url)
			p.worker("", variable+through)
			p.worker("")
			p.during(func() {
				c.cut(proxy)
				p.pause(6 * time.Second)
				proxy.Restore()
				p.pause(time.Second)
			})
			p.settled(2 * time.Minute)
			p.verify()
		})
	}
}

// pause lets time pass while workers go on.
func (p *plant) pause(d time.Duration) {
	ctx, cancel := context.WithTimeout(p.t.Context(), d)
	defer cancel()
	<-ctx.Done()
}
