package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// hooks are endpoints in memory.
type hooks struct {
	list    []delivery.Subscriber
	enabled []string
}

func (h *hooks) List(context.Context) ([]delivery.Subscriber, error) { return h.list, nil }

func (h *hooks) Enable(_ context.Context, name, by, note string) error {
	for _, one := range h.list {
		if one.Name == name {
			h.enabled = append(h.enabled, name+" "+by+" "+note)
			return nil
		}
	}
	return fault.New(fault.NotFound, "enable", "none is named %s", name)
}

func TestWebhooksGolden(t *testing.T) {
	nine := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	h := &hooks{list: []delivery.Subscriber{
		{
			Name: "archive", URL: "https://archive.example.kr/in", Kinds: []string{"email.send"}, State: delivery.SubscriberDisabled, Since: nine, Waiting: 41, Pushed: 1200,
			Failed: 7, GivenUp: 1, PushedAt: nine.Add(-time.Minute), FailedAt: nine, Error: "answered 410 Gone",
		},
		{Name: "portal", URL: "https://portal.example.kr/hooks", Kinds: []string{"email.send", "sms.send"}, State: delivery.SubscriberActive, Since: nine},
	}}
	b := Backends{Webhooks: opens[Webhooks](h)}
	golden(t, "webhooks.txt", publisher(t, b, "", "webhooks").out)
	golden(t, "webhooks.json", publisher(t, b, "", "webhooks", "-o", "json").out)
	if got := publisher(t, Backends{Webhooks: opens[Webhooks](&hooks{})}, "", "webhooks"); got.code != ExitDone || !strings.Contains(got.err, "webhooks_out") {
		t.Errorf("without any: %+v", got)
	}
}

func TestWebhooksEnable(t *testing.T) {
	h := &hooks{list: []delivery.Subscriber{{Name: "portal"}}}
	b := Backends{Webhooks: opens[Webhooks](h)}
	got := publisher(t, b, "", "webhooks", "enable", "portal", "--by", "kim", "--note", "moved")
	if got.code != ExitDone || got.out != "portal enabled\n" || len(h.enabled) != 1 || h.enabled[0] != "portal kim moved" {
		t.Errorf("%+v %q", got, h.enabled)
	}
	got = publisher(t, b, "", "webhooks", "enable", "portl")
	if got.code != ExitFailed || got.err != "publisher: \"portl\" is no endpoint of webhooks_out: see publisher webhooks\n" {
		t.Errorf("%+v", got)
	}
}
