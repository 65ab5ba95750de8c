package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Every order that a person gives with publisher is in the audit log: who, what,
// about what, and `publisher audit` lists it.
func TestEveryOrderIsAudited(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "RETRY_EMAIL_MAX=0", "RETRY_BUSINESS_MAX=0", "RETRY_BUSINESS_BASE=5ms", "PROVIDERS_SES_TIMEOUT=500ms", "PROVIDERS_SES_ON_UNKNOWN=hold",
		"WEBHOOKS_OUT_PORTAL_URL=http://127.0.0.1:9/hooks", "WEBHOOKS_OUT_PORTAL_ALLOW_TO=127.0.0.1",
		"WEBHOOKS_OUT_PORTAL_SECRETS=whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	scheduled := o.publish("email.send", `{"to":["kim@example.kr"],"subject":"x","text":"y","send_at":"`+later+`"}`)
	dead := o.publish("email.send", `{"to":["error@example.kr"],"subject":"x","text":"y"}`)
	gone := o.publish("email.send", `{"to":["error+2@example.kr"],"subject":"x","text":"y"}`)
	held := o.publish("email.send", `{"to":["timeout@example.kr"],"subject":"x","text":"y"}`)
	company := o.publish("business.verify", `{"registration_number":"101-81-90004"}`)
	o.await(scheduled, delivery.Scheduled)
	o.await(dead, delivery.DeadLettered)
	o.await(gone, delivery.DeadLettered)
	o.await(held, delivery.Unknown)
	o.await(company, delivery.ManualReview)
	for _, c := range []struct{ action, target, args string }{
		{"delivery.cancel", scheduled.String(), "cancel " + scheduled.String() + " --reason typo"},
		{"unknown.settle", held.String(), "unknown settle " + held.String() + " --sent"},
		{"business.complete", company.String(), "manual complete " + company.String() + " --name 강원상사 --company-status active"},
		{"deadletter.replay", dead.String(), "deadletters replay " + dead.String()},
		{"deadletter.discard", gone.String(), "deadletters discard " + gone.String()},
		{"suppression.add", "lee@example.kr", "suppressions add lee@example.kr"},
		{"suppression.remove", "lee@example.kr", "suppressions remove lee@example.kr"},
		{"cache.purge", "juso.*", "cache purge juso.*"},
		{"provider.set", "kakao", "providers set kakao rate=7 burst=9"},
		{"provider.pause", "kakao", "providers pause kakao"},
		{"provider.resume", "kakao", "providers resume kakao"},
		{"provider.reset", "kakao", "providers reset kakao"},
		{"webhook.enable", "portal", "webhooks enable portal"},
		{"alert.silence", "BreakerOpen ses", "alerts silence BreakerOpen ses"},
		{"alert.unsilence", "BreakerOpen ses", "alerts unsilence BreakerOpen ses"},
		{"recipient.forget", "", "forget park@example.kr --yes"}, // under another name
	} {
		t.Run(c.action, func(t *testing.T) {
			o := *o
			o.t = t
			if code, _, errs := o.person(append(strings.Fields(c.args), "--by", "kim@portal")...); code != cli.ExitDone {
				t.Fatalf("%s: %s", c.args, errs)
			}
			args := []string{"audit", "--by", "kim@portal", "--action", c.action, "--since", "1h", "-o", "json"}
			if c.target != "" {
				args = append(args, "--target", c.target)
			}
			if code, out, errs := o.publisher(args...); code != cli.ExitDone || strings.Count(out, "\n") != 1 {
				t.Errorf("audit: %d %s%s", code, out, errs)
			}
		})
	}
}

// everyAction: what changes something is in the audit log, with who did it. An
// operation that is new has to say here what it is called there.
func (d *counterDesk) everyAction(operations []string) {
	d.t.Helper()
	actions := map[string]string{
		"POST /api/v1/commands/{kind}":        "", // a producer's, which has a row of its own
		"POST /api/v1/deliveries/{id}/cancel": "delivery.cancel", "POST /api/v1/deliveries/{id}/settle": "unknown.settle",
		"POST /api/v1/deliveries/{id}/complete": "business.complete", "POST /api/v1/deadletters/replay": "deadletter.replay",
		"POST /api/v1/deadletters/discard": "deadletter.discard", "POST /api/v1/suppressions": "suppression.add",
		"DELETE /api/v1/suppressions": "suppression.remove", "DELETE /api/v1/cache": "cache.purge", "PATCH /api/v1/providers/{name}": "provider.set",
		"POST /api/v1/providers/{name}/pause": "provider.pause", "POST /api/v1/providers/{name}/resume": "provider.resume",
		"POST /api/v1/providers/{name}/reset": "provider.reset", "PUT /api/v1/providers/{name}/faults": "provider.fault",
		"POST /api/v1/webhooks/{name}/enable": "webhook.enable", "POST /api/v1/silences": "alert.silence", "DELETE /api/v1/silences": "alert.unsilence",
		"DELETE /api/v1/inbox": "inbox.clear", "POST /api/v1/config/reload": "config.reload", "POST /health/{provider}": "", // looks, and changes nothing
	}
	for _, operation := range operations {
		if strings.HasPrefix(operation, http.MethodGet+" ") {
			continue
		}
		action, known := actions[operation]
		if !known {
			d.t.Errorf("%s: what is it called in the audit log?", operation)
		}
		if action == "" {
			continue
		}
		var found page[struct {
			By string
			At time.Time
		}]
		d.want(200, "GET", "/api/v1/audit?since=1h&by=admin&action="+action, "", &found)
		if len(found.Items) == 0 {
			d.t.Errorf("%s left no %s in the audit log", operation, action)
		}
	}
}
