package api

import (
	"context"
	"net/http"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Webhooks are the endpoints that events are pushed to.
type Webhooks interface {
	List(ctx context.Context) ([]delivery.Subscriber, error)
	// Enable lets one get events again; an unknown name is not found.
	Enable(ctx context.Context, name, by, note string) error
}

// webhooks registers the endpoints that events are pushed to.
func (a *API) webhooks() {
	if a.parts.Webhooks == nil {
		return
	}
	a.serve("GET /api/v1/webhooks", func(r *http.Request) (answer, error) {
		if err := queryOf(r).done(); err != nil {
			return answer{}, err
		}
		list, err := a.parts.Webhooks.List(r.Context())
		return listOf(list, ""), err
	})
	a.serve("POST /api/v1/webhooks/{name}/enable", a.enableWebhook)
}

func (a *API) enableWebhook(r *http.Request) (answer, error) {
	note, err := noteOf(r)
	if err != nil {
		return answer{}, err
	}
	name := r.PathValue("name")
	if err := a.parts.Webhooks.Enable(r.Context(), name, CallerOf(r.Context()).Name, note); err != nil {
		return answer{}, err
	}
	list, err := a.parts.Webhooks.List(r.Context())
	for _, one := range list {
		if one.Name == name {
			return answer{body: one}, err
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "webhooks", "No endpoint of webhooks_out is named %s.", clip(name))
	}
	return answer{}, err
}
