package app

import (
	"testing"
)

// everyReportFault has the webhooks of a simulated vendor come twice and after
// forgeries; the fault of its calls stays what it is.
func (d *counterDesk) everyReportFault(t *testing.T) {
	const path = "/api/v1/providers/sendgrid/faults"
	var shown struct {
		Rate    float64
		Reports *struct {
			Delay   string
			Repeat  int
			Shuffle bool
			Forge   float64
		}
	}
	d.want(200, "PUT", path, `{"outcome":"slow","rate":0.5}`, nil)
	d.want(200, "PUT", path, `{"reports":{"delay":"20ms","repeat":1,"shuffle":true,"forge":1}}`, &shown)
	if r := shown.Reports; shown.Rate != 0.5 || r == nil || r.Delay != "20ms" || r.Repeat != 1 || !r.Shuffle || r.Forge != 1 {
		t.Errorf("%+v with reports %+v", shown, shown.Reports)
	}
	d.await(d.publish("email.send", `{"to":["kim@example.kr"],"subject":"x","text":"y","provider":"sendgrid"}`), "delivered")
	d.want(200, "PUT", path, `{"rate":0}`, &shown)
	if shown.Rate != 0 || shown.Reports == nil || shown.Reports.Repeat != 1 {
		t.Errorf("the end of the calls' fault: %+v", shown)
	}
	d.want(200, "PUT", path, `{"reports":{}}`, &shown)
	if r := shown.Reports; r == nil || r.Delay != "0s" || r.Repeat != 0 || r.Shuffle || r.Forge != 0 {
		t.Errorf("after the end: %+v", shown.Reports)
	}
	for _, wrong := range []string{`{"delay":"soon"}`, `{"delay":"-1s"}`, `{"delay":"25h"}`, `{"repeat":-1}`, `{"repeat":101}`, `{"forge":1.1}`, `{"late":true}`} {
		d.want(422, "PUT", path, `{"reports":`+wrong+`}`, nil)
	}
	d.want(422, "PUT", "/api/v1/providers/juso/faults", `{"reports":{}}`, nil) // sends none
}
