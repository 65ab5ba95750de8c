package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestStopFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.mail.holdFor(300 * time.Millisecond)
	first := p.worker()
	ids := p.mails(800)
	testkit.Eventually(t, patience, func() bool { return p.mail.waiting() == 64 }, "64 messages are in flight")
	first.Signal(syscall.SIGTERM)
	if code := first.Wait(patience); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	handled := p.mail.total()
	if handled < 64 || handled == len(ids) {
		t.Fatalf("%d of %d messages were handled before the stop: this shows nothing", handled, len(ids))
	}
	if sent := p.count("status = 'sent'"); sent != handled {
		t.Errorf("the mail server has %d messages, and %d commands are recorded as sent", handled, sent)
	}
	if held := p.count("claimed"); held != 0 {
		t.Errorf("the stopped worker still holds %d commands", held)
	}
	second := p.worker()
	p.allSent(ids)
	p.settled()
	p.mail.once(t, ids)
	if calls := p.count("attempts <> 1"); calls != 0 {
		t.Errorf("%d commands were called other than once", calls)
	}
	second.Signal(syscall.SIGTERM)
	if code := second.Wait(patience); code != 0 {
		t.Errorf("exit code %d of the idle worker, want 0", code)
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.mail.holdFor(time.Hour)
	worker := p.worker("GANGWAY_PROVIDERS_SINK_TIMEOUT=1m", "GANGWAY_WORKER_LEASE=2m")
	p.mails(1)
	testkit.Eventually(t, patience, func() bool { return p.mail.waiting() == 1 }, "the message is in flight")
	worker.Signal(syscall.SIGINT)
	worker.Signal(syscall.SIGTERM) // of the same press: a terminal and a wrapper both send one
	worker.WaitOutput(patience, "stopping: commands in flight finish first")
	select {
	case <-worker.Exited():
		t.Fatal("the first signal did not wait for what is in flight")
	default:
	}
	testkit.Eventually(t, patience, func() bool {
		worker.Signal(syscall.SIGTERM)
		select {
		case <-worker.Exited():
			return true
		default:
			return false
		}
	}, "a further signal ends it")
	if code := worker.Wait(2 * time.Second); code != 1 {
		t.Errorf("exit code %d after the second signal, want 1", code)
	}
}

func TestStopWhileWaitingForServers(t *testing.T) {
	t.Parallel()
	server := testkit.NATS(t)
	p := newPlaceOver(t, server, migrated(t))
	server.Stop()
	worker := p.startWorker(nil)
	worker.WaitOutput(patience, `"waiting for NATS"`)
	worker.Signal(syscall.SIGTERM)
	if code := worker.Wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
