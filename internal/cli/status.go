package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// detail is one delivery with its history, as JSON shows it.
type detail struct {
	delivery.View
	AttemptLog []attempt `json:"attempt_log"`
	Events     []Event   `json:"events"`
}

// attempt is a row of gangway.delivery_attempts.
type attempt struct {
	DeliveryID uuid.UUID      `json:"delivery_id"`
	Attempt    int            `json:"attempt"`
	Round      int            `json:"round"`
	Provider   string         `json:"provider"`
	Endpoint   string         `json:"endpoint"`
	Outcome    string         `json:"outcome"`
	Reason     fault.Reason   `json:"reason,omitzero"`
	ErrorCode  string         `json:"error_code,omitzero"`
	DurationMS int64          `json:"duration_ms"`
	StartedAt  time.Time      `json:"started_at"`
	Request    jsontext.Value `json:"request,omitzero"`
	Response   jsontext.Value `json:"response,omitzero"`
}

func (p *program) statusCommand() *cobra.Command {
	var waits bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "status ID",
		Short: "Show one command, its attempts and what providers reported",
		Long: `Show one command, its attempts and what providers reported. ID is a UUID or the
text that was given as id. With --wait the exit code is 0 for sent, delivered
and completed, else 1.`,
		Example: `  publisher status 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f
  publisher status order-42 --wait
  publisher status order-42 -o json | jq .attempt_log`,
		Args: wants("ID"),
		RunE: does(func(ctx context.Context, args []string) error {
			deliveries, err := open(ctx, p, p.backends.Deliveries)
			if err != nil {
				return err
			}
			id := command.ParseID(args[0])
			if waits {
				if _, err := p.settle(ctx, deliveries, id, timeout); err != nil {
					return err
				}
			}
			view, err := p.show(ctx, deliveries, id, args[0])
			if err == nil && waits && !view.Status.Good() {
				return fmt.Errorf("%s", p.ending(view))
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&waits, "wait", false, "wait until it is sent or has ended")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long --wait waits at most; 0 for ever")
	return cmd
}

// show prints one delivery with its history.
func (p *program) show(ctx context.Context, deliveries Deliveries, id uuid.UUID, given string) (delivery.View, error) {
	view, err := lookFor(ctx, deliveries, id, given)
	if err != nil {
		return view, err
	}
	log, err := deliveries.Log(ctx, id)
	if err != nil {
		return view, err
	}
	if p.format == jsonFormat {
		shown := detail{View: view, AttemptLog: []attempt{}, Events: []Event{}}
		for _, a := range log.Attempts {
			shown.AttemptLog = append(shown.AttemptLog, attemptOf(id, a))
		}
		shown.Events = append(shown.Events, log.Events...)
		return view, p.out.object(shown)
	}
	p.describe(view)
	p.attempts(log.Attempts)
	p.reports(log.Events)
	return view, p.out.flush()
}

// lookFor returns the row of one id.
func lookFor(ctx context.Context, deliveries Deliveries, id uuid.UUID, given string) (delivery.View, error) {
	views, err := deliveries.Statuses(ctx, []uuid.UUID{id})
	if err != nil {
		return delivery.View{}, err
	}
	if len(views) == 0 {
		return delivery.View{}, fmt.Errorf("%q is not known: check the id; a command that was just published appears once a worker takes it", given)
	}
	return views[0], nil
}

// describe prints the row, leaving out what has no value.
func (p *program) describe(v delivery.View) {
	reason := string(v.Reason)
	p.out.pairs([]pair{
		{"id", v.ID.String()},
		{"kind", string(v.Kind)},
		{"lane", string(v.Lane)},
		{"status", p.out.paint(statusStyle(string(v.Status)), clean(string(v.Status)))},
		{"reason", clean(reason)},
		{"error", clean(strings.TrimSpace(v.ErrorCode + " " + v.ErrorMessage))},
		{"provider", clean(v.Provider)},
		{"message id", clean(v.ProviderMessageID)},
		{"recipient", clean(v.Recipient)},
		{"subject", clean(v.Subject)},
		{"template", clean(v.Template)},
		{"attempts", strconv.Itoa(v.Attempts)},
		{"replays", positive(v.Replays)},
		{"metadata", metadata(v.Metadata)},
		{"correlation", clean(v.CorrelationID)},
		{"trace", clean(v.TraceID)},
		{"requested", p.stamp(v.RequestedAt)},
		{"send at", p.stamp(v.SendAt)},
		{"updated", p.stamp(v.UpdatedAt)},
		{"completed", p.stamp(v.CompletedAt)},
		{"next", clean(p.remedy(v))},
	})
	if len(v.Result) > 0 {
		p.out.printf("\n")
		p.result(v)
	}
}

func (p *program) attempts(list []delivery.Attempt) {
	if len(list) == 0 {
		return
	}
	rows := make([][]string, len(list))
	for i, a := range list {
		rows[i] = []string{
			strconv.Itoa(a.Number), strconv.Itoa(a.Round), a.Provider, a.Endpoint, a.Outcome,
			string(a.Reason), a.ErrorCode, brief(a.Duration), p.stamp(a.StartedAt),
		}
	}
	p.out.printf("\n")
	p.out.table([]column{
		{title: "attempt", right: true}, {title: "round", right: true}, {title: "provider"}, {title: "endpoint"},
		{title: "outcome", style: outcomeStyle}, {title: "reason"}, {title: "code", shrink: 16},
		{title: "took", right: true}, {title: "started"},
	}, rows)
}

func (p *program) reports(list []Event) {
	if len(list) == 0 {
		return
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{
			p.stamp(e.OccurredAt), e.Provider, e.Type, string(e.Status), e.Recipient,
			strings.TrimSpace(e.ErrorCode + " " + e.Message),
		}
	}
	p.out.printf("\n")
	p.out.table([]column{
		{title: "reported"}, {title: "provider"}, {title: "event"}, {title: "status", style: statusStyle},
		{title: "recipient", shrink: 30}, {title: "detail", shrink: 40},
	}, rows)
}

func attemptOf(id uuid.UUID, a delivery.Attempt) attempt {
	return attempt{
		DeliveryID: id, Attempt: a.Number, Round: a.Round, Provider: a.Provider, Endpoint: a.Endpoint,
		Outcome: a.Outcome, Reason: a.Reason, ErrorCode: a.ErrorCode, DurationMS: a.Duration.Milliseconds(),
		StartedAt: a.StartedAt, Request: a.Request, Response: a.Response,
	}
}
