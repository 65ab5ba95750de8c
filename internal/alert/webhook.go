package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// postFor bounds one call.
const postFor = 10 * time.Second

// Poster sends JSON to where people look.
type Poster struct{ client *http.Client }

// NewPoster returns a poster that follows nobody elsewhere.
func NewPoster() *Poster {
	return &Poster{&http.Client{
		Timeout:       postFor,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Post sends a body; token is a bearer token, or "". Errors show no address: that
// of a chat's webhook is a secret.
func (p *Poster) Post(ctx context.Context, to, token string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return errors.New("alert: the address cannot be read")
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := p.client.Do(request)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return fmt.Errorf("alert: post: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection serves again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("alert: post: answered %s", response.Status)
	}
	return nil
}

// slack is the form that Slack, Mattermost and others take.
type slack struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color    string `json:"color"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Fallback string `json:"fallback"`
	TS       int64  `json:"ts"`
}

// Slack is the body of one message about notices.
func Slack(notices []Notice) ([]byte, error) {
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	message := slack{Text: plain("Gangway: " + headline(notices))}
	for _, n := range notices {
		color := "#d97706"
		switch {
		case n.What == Resolved:
			color = "#16a34a"
		case n.Severity == Critical:
			color = "#dc2626"
		}
		title := plain(n.word() + " " + n.String())
		message.Attachments = append(message.Attachments, attachment{
			Color: color, Title: title, Text: plain(n.Message), Fallback: title + ": " + plain(n.Message), TS: n.At.Unix(),
		})
	}
	return json.Marshal(&message)
}

// managed is an alert in the form of Alertmanager's API v2.
type managed struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// Labels are those that the Prometheus rule of the same name gives, so that
// Alertmanager knows both as one.
func (a Alert) Labels() map[string]string {
	labels := map[string]string{"alertname": string(a.Alert), "severity": string(a.Severity), "service": "gangway"}
	switch a.Alert {
	case ProviderFailureRate, ProviderUnhealthy, BreakerOpen, QuotaExhausted, Unauthorized:
		labels["provider"] = a.Subject
	case DeadLetters:
		labels["kind"] = a.Subject
	case StreamBacklog:
		labels["kind"], labels["lane"] = a.Subject, "normal"
		for _, lane := range []string{"high", "bulk"} {
			if kind, ok := strings.CutSuffix(a.Subject, "."+lane); ok {
				labels["kind"], labels["lane"] = kind, lane
			}
		}
	case OutboxStuck, ManualQueue: // about the whole
	}
	return labels
}

// Alertmanager is the body that tells an Alertmanager what fires and what is over.
// It believes that an alert fires until then, unless it is told again.
func Alertmanager(alerts []Alert, until time.Time) ([]byte, error) {
	list := []managed{}
	for _, a := range alerts {
		m := managed{Labels: a.Labels(), Annotations: map[string]string{"summary": a.Message}, StartsAt: a.RaisedAt, EndsAt: a.ResolvedAt}
		if a.Firing() {
			m.EndsAt = until
		}
		list = append(list, m)
	}
	return json.Marshal(&list)
}
