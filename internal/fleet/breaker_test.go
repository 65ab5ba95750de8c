package fleet

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func breaker(cooldown, probe time.Duration) resilience.Settings {
	return resilience.Settings{Breaker: resilience.BreakerOptions{Failures: 5, Cooldown: cooldown, ProbeFor: probe}}
}

// trip opens the breaker by five failures of one worker and returns how long it
// took until the last of the others obeyed.
func trip(t *testing.T, by *resilience.Live, others []*resilience.Live) time.Duration {
	t.Helper()
	for range 5 {
		_ = call(t.Context(), by, unavailable())
	}
	began := time.Now()
	for _, l := range others {
		for fault.Of(call(t.Context(), l, nil)) != fault.CircuitOpen {
			if time.Since(began) > patience {
				t.Fatal("a worker goes on calling")
			}
		}
	}
	return time.Since(began)
}

func TestTripIsShared(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	members := four(t, server.URL(), nil)
	ses := lives(members, breaker(time.Minute, time.Second))
	var machine strain
	machine.watch(t)
	machine.within(t, trip(t, ses[0], ses[1:]), 100*time.Millisecond, "the way of a trip to every worker")
	// Another provider is not concerned.
	if err := call(t.Context(), members[1].Provider("sendgrid", breaker(time.Minute, time.Second)), nil); err != nil {
		t.Errorf("another provider: %v", err)
	}
	// A worker that starts later knows, and so does one after a restart of NATS.
	late := join(t, server.URL(), "late", nil)
	if err := call(t.Context(), late.Provider("ses", breaker(time.Minute, time.Second)), nil); fault.Of(err) != fault.CircuitOpen {
		t.Errorf("a worker that came later called: %v", err)
	}
	server.Stop()
	server.Start()
	later := join(t, server.URL(), "later", nil)
	if err := call(t.Context(), later.Provider("ses", breaker(time.Minute, time.Second)), nil); fault.Of(err) != fault.CircuitOpen {
		t.Errorf("the trip was lost with a restart of NATS: %v", err)
	}
	// A reload of the configuration changes settings, not the state.
	if err := call(t.Context(), members[0].Provider("ses", breaker(2*time.Minute, time.Second)), nil); fault.Of(err) != fault.CircuitOpen {
		t.Errorf("the trip was lost with a reload: %v", err)
	}
}

// storm lets every worker try with many calls at once, until half a second after
// the first was let through; those that are wait for the end of it.
func storm(t *testing.T, ses []*resilience.Live) (admitted []func(error, time.Duration)) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	let := make(chan struct{}, 8*len(ses))
	for _, l := range ses {
		for range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if done, err := l.Admit(ctx, uuid.New(), resilience.Usual, 0); err == nil {
						mu.Lock()
						admitted = append(admitted, done)
						mu.Unlock()
						let <- struct{}{}
						return
					}
				}
			})
		}
	}
	select {
	case <-let:
		<-time.After(500 * time.Millisecond)
	case <-time.After(patience):
		t.Error("nobody is let through")
	}
	stop()
	wg.Wait()
	return admitted
}

func TestOneProbeForAll(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, breaker(time.Second, time.Minute))
	var machine strain
	machine.watch(t)
	trip(t, ses[0], ses[1:])

	// The probe fails: another cooldown for all. It succeeds: closed for all.
	for _, outcome := range []error{unavailable(), nil} {
		admitted := storm(t, ses)
		if len(admitted) != 1 {
			t.Fatalf("%d probes were made at once", len(admitted))
		}
		admitted[0](outcome, time.Millisecond)
		began := time.Now()
		want := closed
		if outcome != nil {
			want = open
		}
		for _, l := range ses {
			testkit.Eventually(t, patience, func() bool { return want(l) }, "the outcome of the probe reaches every worker")
		}
		machine.within(t, time.Since(began), 100*time.Millisecond, "the way of a probe's outcome to every worker")
	}
	for _, l := range ses {
		if err := call(t.Context(), l, nil); err != nil {
			t.Errorf("after the recovery: %v", err)
		}
	}
}

func TestCancelledProbeIsGivenBack(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, breaker(time.Second, time.Minute))
	trip(t, ses[0], ses[1:])
	probe := func(l *resilience.Live, err error) {
		t.Helper()
		testkit.Eventually(t, patience, func() bool { return errors.Is(call(t.Context(), l, err), err) }, "the probe is let through")
	}
	probe(ses[1], fault.New(fault.Cancelled, "ses", "the worker stops"))
	probe(ses[2], nil) // long before the lease of a minute is over
	for _, l := range ses {
		testkit.Eventually(t, patience, func() bool { return closed(l) }, "closed everywhere")
	}
}

func TestProbeOfADeadWorker(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, breaker(time.Second, 500*time.Millisecond))
	trip(t, ses[0], ses[1:])
	testkit.Eventually(t, patience, func() bool {
		_, err := ses[3].Admit(t.Context(), uuid.New(), resilience.Usual, 0)
		return err == nil
	}, "one worker takes the probe")
	members[3].dies() // and never reports
	testkit.Eventually(t, patience, func() bool { return call(t.Context(), ses[0], nil) == nil }, "another probes when its lease is over")
	testkit.Eventually(t, patience, func() bool { return closed(ses[1]) && closed(ses[2]) }, "closed for those who live")
}

// What is reserved for a command that is never called falls back.
func TestReservedProbeFallsBack(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, breaker(time.Second, time.Minute))
	trip(t, ses[0], ses[1:])
	testkit.Eventually(t, patience, func() bool {
		return ses[3].Reserve(t.Context(), uuid.New(), resilience.Usual, 0).Ready
	}, "one worker reserves the probe")
	if err := call(t.Context(), ses[0], nil); fault.Of(err) != fault.CircuitOpen {
		t.Fatalf("another probed meanwhile: %v", err)
	}
	testkit.Eventually(t, patience, func() bool { return call(t.Context(), ses[0], nil) == nil }, "it falls back to the others")
}

// Without the server each worker goes by its own clock.
func TestBreakerWithoutTheServer(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	members := four(t, server.URL(), nil)
	ses := lives(members, breaker(time.Second, time.Second))
	server.Stop()
	for range 5 {
		_ = call(t.Context(), ses[0], unavailable())
	}
	if !open(ses[0]) {
		t.Fatal("five failures did not open it")
	}
	testkit.Eventually(t, patience, func() bool { return call(t.Context(), ses[0], unavailable()) != nil && open(ses[0]) }, "it probes by itself")
	server.Start()
	testkit.Eventually(t, patience, func() bool { return !closed(ses[1]) && !closed(ses[2]) && !closed(ses[3]) }, "the others hear of it when the server is back")
	testkit.Eventually(t, patience, func() bool { return call(t.Context(), ses[2], nil) == nil }, "a probe succeeds")
	testkit.Eventually(t, patience, func() bool { return closed(ses[0]) && closed(ses[3]) }, "closed everywhere")
}
