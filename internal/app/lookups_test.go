package app

import (
	"slices"
	"testing"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// The widget is looked for at the vendor's present host, then at its older one; an
// address of one's own is the only one; mock mode needs nobody outside.
func TestWidgetScripts(t *testing.T) {
	sim, err := simulator.Start(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	const (
		present = "https://t1.kakaocdn.net/mapjsapi/bundle/postcode/prod/postcode.v2.js"
		older   = "https://t1.daumcdn.net/mapjsapi/bundle/postcode/prod/postcode.v2.js"
		own     = "https://cdn.example.kr/postcode.js"
	)
	for _, c := range []struct {
		script string
		mock   bool
		want   []string
	}{
		{present, false, []string{present, older}},
		{own, false, []string{own}},
		{present, true, []string{sim.URL("postcode") + "/postcode.v2.js"}},
		{own, true, []string{own}},
	} {
		cfg := &config.Live{Mock: c.mock}
		cfg.Postcode.ScriptURL = c.script
		if got := widgetScripts(cfg, sim); !slices.Equal(got, c.want) {
			t.Errorf("%s, mock %v: %v, want %v", c.script, c.mock, got, c.want)
		}
	}
}
