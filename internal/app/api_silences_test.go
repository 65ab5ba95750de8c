package app

import (
	"fmt"
	"testing"
	"time"
)

func (d *counterDesk) everySilence(t *testing.T) {
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	d.want(201, "POST", "/api/v1/silences", fmt.Sprintf(`{"alert":"DeadLetters","subject":"email.send","until":%q,"note":"a test"}`, until), nil)
	var list page[struct{ Alert, Subject, By, Note string }]
	d.want(200, "GET", "/api/v1/silences", "", &list)
	if len(list.Items) != 1 || list.Items[0].Alert != "DeadLetters" || list.Items[0].By != "admin" || list.Items[0].Note != "a test" {
		t.Errorf("%+v", list)
	}
	var alerts page[struct {
		Alert, Subject string
		SilencedUntil  time.Time `json:"silenced_until"`
	}]
	d.want(200, "GET", "/api/v1/alerts?resolved_since=1h", "", &alerts)
	for _, a := range alerts.Items {
		if silent := a.Alert == "DeadLetters" && a.Subject == "email.send"; silent == a.SilencedUntil.IsZero() {
			t.Errorf("%+v", a)
		}
	}
	d.want(422, "POST", "/api/v1/silences", fmt.Sprintf(`{"alert":"DeadLetter","until":%q}`, until), nil)
	d.want(422, "POST", "/api/v1/silences", `{"until":"2020-01-01T00:00:00Z"}`, nil)
	d.want(422, "POST", "/api/v1/silences", `{"alert":"DeadLetters"}`, nil)
	d.want(404, "DELETE", "/api/v1/silences?alert=DeadLetters", "", nil)
	d.want(204, "DELETE", "/api/v1/silences?alert=DeadLetters&subject=email.send", "", nil)
	d.want(201, "POST", "/api/v1/silences", fmt.Sprintf(`{"until":%q}`, until), nil)
	d.want(204, "DELETE", "/api/v1/silences", "", nil)
	for _, action := range []string{"alert.silence", "alert.unsilence"} {
		var found page[struct{ Target string }]
		d.want(200, "GET", "/api/v1/audit?action="+action, "", &found)
		if len(found.Items) != 2 || found.Items[0].Target != "all" || found.Items[1].Target != "DeadLetters email.send" {
			t.Errorf("%s: %+v", action, found)
		}
	}
}
