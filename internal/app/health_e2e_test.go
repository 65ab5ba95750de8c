package app

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Every integration has an endpoint of its own, and all of them are in the one of
// the whole, which turns to 503 when some kind of command has nobody left.
func TestHealthOfTheProviders(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	everybody := []string{"juso", "kakao", "nicednb", "nts", "sendgrid", "ses", "sns", "solapi"}
	var whole health.Summary
	testkit.Eventually(t, 30*time.Second, func() bool {
		d.token = "" // those who watch have none
		whole = health.Summary{}
		d.want(http.StatusOK, "GET", "/health", "", &whole)
		every := true
		for name, report := range whole.Providers {
			if report.CheckedAt.IsZero() {
				return false
			}
			if report.Status != health.Healthy { // a busy machine did not answer in time
				every, d.token = false, writeToken
				d.do("POST", "/health/"+name, "")
			}
		}
		return every
	}, "every provider has been checked: %+v", &whole)
	if names := slices.Sorted(maps.Keys(whole.Providers)); !slices.Equal(names, everybody) || whole.Status != health.Healthy || !whole.Mock {
		t.Fatalf("%v: %+v", names, whole)
	}
	d.token = ""
	for _, name := range everybody {
		var report health.Report
		d.want(http.StatusOK, "GET", "/health/"+name, "", &report)
		if report.Status != health.Healthy || report.Since.IsZero() || report.CheckedAt.Before(whole.Providers[name].CheckedAt) {
			t.Errorf("%s: %+v", name, report)
		}
	}
	d.want(http.StatusNotFound, "GET", "/health/nobody", "", nil)
	d.want(http.StatusUnauthorized, "POST", "/health/ses", "", nil)

	// A provider that fails is unhealthy once its breaker is open, and so is the
	// whole when its route has no other.
	d.token = writeToken
	d.want(http.StatusNotFound, "POST", "/health/nobody", "", nil)
	for i, name := range []string{"solapi", "sns"} {
		d.want(http.StatusOK, "PUT", "/api/v1/providers/"+name+"/faults", `{"outcome":"error","rate":1,"for":"10m"}`, nil)
		for range 5 {
			d.want(http.StatusAccepted, "POST", "/api/v1/commands/sms.send", `{"to":"010-1234-5678","text":"x"}`, nil)
		}
		testkit.Eventually(t, 30*time.Second, func() bool {
			response, _ := d.do("POST", "/health/"+name, "")
			return response.StatusCode == http.StatusServiceUnavailable
		}, "%s is found to be unhealthy", name)
		var report health.Report
		d.want(http.StatusServiceUnavailable, "GET", "/health/"+name, "", &report)
		if report.Status != health.Unhealthy || report.Reason == "" {
			t.Errorf("%s: %+v", name, report)
		}
		status, want := []int{http.StatusOK, http.StatusServiceUnavailable}[i], []health.Status{health.Degraded, health.Unhealthy}[i]
		whole = health.Summary{}
		d.want(status, "GET", "/health", "", &whole)
		if whole.Status != want || whole.Providers[name].Status != health.Unhealthy {
			t.Errorf("without %s: %+v", name, whole)
		}
	}
	// An operator who keeps a provider out of use is shown, and it is no illness.
	d.want(http.StatusOK, "POST", "/api/v1/providers/ses/pause", `{"note":"maintenance"}`, nil)
	var report health.Report
	d.want(http.StatusOK, "GET", "/health/ses", "", &report)
	if report.Status != health.Healthy || report.Reason == "" {
		t.Errorf("a paused provider: %+v", report)
	}
}

// A change is told once to the bus, and stands in the view that operators query.
func TestHealthChangeIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "PROVIDERS_SES_BREAKER_FAILURES=1")
	o.fail("ses")
	o.await(o.publish("email.send", `{"to":["kim@example.kr"],"subject":"x","text":"y"}`), delivery.Sent, delivery.Delivered)
	var event struct {
		Type string `json:"type"`
		Data struct {
			Provider, Status, Previous, Reason string
		} `json:"data"`
	}
	o.check(json.Unmarshal(o.told(broker.StreamEvents, "event.provider.health").Data, &event))
	if event.Type != "kr.gangwon.gangway.provider.health" || event.Data.Provider != "ses" || event.Data.Status != "unhealthy" || event.Data.Reason != "its breaker is open" {
		t.Errorf("the event says %+v", event)
	}
	var status, reason string
	o.check(o.pool.QueryRow(t.Context(), `SELECT status, reason FROM gangway.provider_health WHERE provider = 'ses'`).Scan(&status, &reason))
	if status != "unhealthy" || reason != "its breaker is open" {
		t.Errorf("the view says %s: %s", status, reason)
	}
}
