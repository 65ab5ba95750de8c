package app

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestHundredReloadsUnderLoad changes the configuration a hundred times while
// commands are on their way: nothing is lost, nothing is doubled, and what was
// begun for one configuration ends with it.
func TestHundredReloadsUnderLoad(t *testing.T) {
	testkit.NoLeaks(t)
	const reloads = 100
	// Each of the two changes routes, drivers, limits, rules and caches.
	versions := [2]string{
		"routes: {email: [ses, sendgrid], sms: [solapi, sns], address: [juso, kakao]}\n" +
			"providers: {ses: {timeout: 15s, rate: 1000}, solapi: {timeout: 9s}, juso: {timeout: 4s}}\n" +
			"retry: {email: {base: 5ms}}\ncache: {juso: {ttl: 0s}, kakao: {ttl: 0s}}\n",
		"routes: {email: [sendgrid, ses], sms: [sns, solapi], address: [kakao]}\n" +
			"providers: {ses: {timeout: 14s, rate: 900}, sendgrid: {timeout: 13s}, sns: {timeout: 9s}}\n" +
			"retry: {email: {base: 7ms}}\nhttp: {client_burst: 30}\nhealth: {interval: 6m}\n",
	}
	file := t.TempDir() + "/worker.yaml"
	put := func(n int) {
		t.Helper()
		next := file + ".next"
		if err := os.WriteFile(next, []byte(versions[n%2]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, file); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	o := openOffice(t, officeOptions{file: file, env: []string{"LOG_LEVEL=warn"}})
	idle := runtime.NumGoroutine()

	began := time.Now()
	var ids []uuid.UUID
	var sending sync.WaitGroup
	stop := make(chan struct{})
	sending.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			switch n % 4 {
			case 0:
				ids = append(ids, o.publish("sms.send", fmt.Sprintf(`{"to":"010-%04d-%04d","text":"x"}`, 2000+n/10000, n%10000)))
			case 1:
				ids = append(ids, o.publish("address.search", fmt.Sprintf(`{"keyword":"중앙로 %d"}`, n)))
			default:
				ids = append(ids, o.publish("email.send", mailTo(fmt.Sprintf("n%d@example.kr", n))))
			}
		}
	})
	seen := map[string]int{}
	for n := 1; n <= reloads; n++ {
		put(n)
		var done struct{ Config string }
		o.admin("POST", "/api/v1/config/reload", 200, &done)
		seen[done.Config]++ // the watcher may have been first; either way it is in force now
	}
	close(stop)
	sending.Wait()
	t.Logf("%d commands after %s", len(ids), time.Since(began))
	if len(seen) != 2 {
		t.Errorf("configurations in force: %v", seen)
	}

	providers := map[string]int{}
	for _, id := range ids {
		row := o.await(id, delivery.Sent, delivery.Delivered, delivery.Completed)
		// A provider that leaves the route between choice and call is chosen anew,
		// without a call: nothing else may cost an attempt.
		for _, call := range o.calls(id) {
			if !strings.HasSuffix(call, " ok") {
				t.Errorf("%s %s: %s", row.Kind, id, call)
			}
		}
		providers[row.Provider]++
	}
	sent := map[string]int{}
	for _, m := range o.sim.Inbox().List() {
		sent[m.To[0]]++
	}
	for to, n := range sent {
		if n != 1 {
			t.Errorf("%s got it %d times", to, n)
		}
	}
	t.Logf("%d commands over %d reloads: %v", len(ids), reloads, providers)
	for _, name := range []string{"ses", "sendgrid", "solapi", "sns", "kakao"} {
		if providers[name] == 0 {
			t.Errorf("no command went to %s: the reloads missed the load", name)
		}
	}
	testkit.Eventually(t, 60*time.Second, func() bool { return runtime.NumGoroutine() < idle+100 }, "%d goroutines run, %d before the load", runtime.NumGoroutine(), idle)
}
