package webhook

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Processor executes webhook.process: it says what an event means and has it
// applied. It runs in the pipeline like any handler.
type Processor struct {
	sources func(provider string) (Source, bool)
	book    Book
	options ProcessorOptions
}

// Book is where deliveries stand.
type Book interface {
	// Ready reports whether the deliveries that reports name are there and can take
	// them: the outcome of the call that sent the message must be recorded first.
	Ready(ctx context.Context, provider string, reports []delivery.Report) (bool, error)
	// Apply commits what reports come to, with the notice that brought them. It may
	// be repeated.
	Apply(ctx context.Context, in delivery.Received, reports []delivery.Report) (delivery.Applied, error)
	// Keep stores a notice that is not applied; why says what was wrong with it.
	Keep(ctx context.Context, in delivery.Received, why string) error
}

// ProcessorOptions say what surrounds a processor; zero values take the defaults.
type ProcessorOptions struct {
	// Park is how long an event waits for the delivery that it names; default one
	// minute. A provider can report before its answer has been recorded.
	Park time.Duration
	// Settled is told of every delivery that a report has moved; nil for nobody.
	Settled func(ctx context.Context, row delivery.Row)
	// Invalidate drops cached answers and returns how many; nil drops none.
	Invalidate func(ctx context.Context, named delivery.Invalidation) (int, error)
	Now        func() time.Time
}

const (
	// parkHint is how long an event waits that its provider has to confirm anyway:
	// the confirmation may name the delivery where the event does not.
	parkHint = 5 * time.Second
	// parkFirst and parkMost bound the pauses of a parked event.
	parkFirst, parkMost = 250 * time.Millisecond, 15 * time.Second
)

// NewProcessor returns a processor over the sources of the configured providers.
func NewProcessor(sources func(provider string) (Source, bool), book Book, options ProcessorOptions) *Processor {
	options.Park = cmp.Or(options.Park, time.Minute)
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Processor{sources: sources, book: book, options: options}
}

// Plan parks an event that came before the delivery it speaks of was recorded.
func (p *Processor) Plan(ctx context.Context, cmd *command.Command) delivery.Plan {
	body := cmd.Payload.(*command.Webhook)
	source, ok := p.sources(body.Provider)
	if !ok {
		return delivery.Plan{}
	}
	park := p.options.Park
	if _, hint := source.(Confirmer); hint {
		park = min(park, parkHint)
	}
	age := p.options.Now().Sub(cmd.RequestedAt)
	if age >= park {
		return delivery.Plan{}
	}
	reports, err := source.Parse(body.Event)
	if err != nil || !awaited(reports) {
		return delivery.Plan{}
	}
	// What goes wrong here goes wrong again in Handle, where it counts.
	if ready, err := p.book.Ready(ctx, body.Provider, reports); ready || err != nil {
		return delivery.Plan{}
	}
	pause := min(max(age/2, parkFirst), parkMost, park-age+parkFirst)
	return delivery.Plan{Due: p.options.Now().Add(pause), Status: delivery.Retrying, Reason: fault.NotFound}
}

// Handle applies the event.
func (p *Processor) Handle(ctx context.Context, cmd *command.Command, _ delivery.Run) delivery.Result {
	body := cmd.Payload.(*command.Webhook)
	in := delivery.Received{
		Notice: delivery.Notice{EventID: body.EventID, Event: body.Event},
		ID:     cmd.ID, Provider: body.Provider, Headers: body.Headers, ReceivedAt: cmd.RequestedAt,
	}
	done, err := p.process(ctx, in)
	if err != nil {
		// The raw event is worth most when it could not be applied. One of nobody was
		// kept as such.
		if fault.Of(err) != fault.NotFound {
			if kept := p.book.Keep(ctx, in, err.Error()); kept != nil && fault.Of(err) != fault.Internal {
				err = kept
			}
		}
		return delivery.Result{Err: err}
	}
	text, err := json.Marshal(done)
	return delivery.Result{Status: delivery.Completed, Result: text, Err: fault.Wrap(fault.Internal, "webhook", err)}
}

// Recover is Handle: applying twice is applying once.
func (p *Processor) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	return p.Handle(ctx, cmd, run)
}

// done is the result of a processed event.
type done struct {
	Matched     int  `json:"matched"`              // reports whose delivery was found
	Moved       int  `json:"moved"`                // deliveries whose status changed
	Suppressed  int  `json:"suppressed,omitzero"`  // recipients that get nothing more
	Invalidated int  `json:"invalidated,omitzero"` // cached answers that were dropped
	Followed    bool `json:"followed,omitzero"`    // a subscription was confirmed
}

func (p *Processor) process(ctx context.Context, in delivery.Received) (done, error) {
	source, ok := p.sources(in.Provider)
	if !ok {
		err := fault.New(fault.NotFound, "webhook", "provider %q is not configured any more", in.Provider)
		return done{}, errors.Join(err, p.book.Keep(ctx, in, err.Error()))
	}
	if follower, ok := source.(Follower); ok {
		if followed, err := follower.Follow(ctx, in.Event); followed || err != nil {
			if err == nil {
				err = p.book.Keep(ctx, in, "")
			}
			return done{Followed: followed}, err
		}
	}
	reports, err := source.Parse(in.Event)
	if err != nil {
		return done{}, err
	}
	invalidated, err := p.invalidate(ctx, source, in)
	if err != nil {
		return done{}, err
	}
	if confirmer, ok := source.(Confirmer); ok && len(reports) > 0 {
		if reports, err = confirmer.Confirm(ctx, reports); err != nil {
			return done{}, err
		}
	}
	if len(reports) == 0 {
		return done{Invalidated: invalidated}, p.book.Keep(ctx, in, "")
	}
	applied, err := p.book.Apply(ctx, in, reports)
	if err != nil {
		return done{}, err
	}
	if p.options.Settled != nil {
		for _, row := range applied.Rows {
			p.options.Settled(ctx, row)
		}
	}
	if applied.Matched+applied.Suppressed == 0 && awaited(reports) {
		return done{}, fault.New(fault.NotFound, "webhook", "no delivery has the id that the event names")
	}
	return done{Matched: applied.Matched, Moved: len(applied.Rows), Suppressed: applied.Suppressed, Invalidated: invalidated}, nil
}

func (p *Processor) invalidate(ctx context.Context, source Source, in delivery.Received) (int, error) {
	invalidator, ok := source.(Invalidator)
	if !ok || p.options.Invalidate == nil {
		return 0, nil
	}
	named := invalidator.Invalidates(in.Event)
	if named.Empty() {
		return 0, nil
	}
	return p.options.Invalidate(ctx, named)
}

// awaited reports whether any report would move a delivery that it names. One
// that proves nothing and has no id of ours may speak of somebody else's message.
func awaited(reports []delivery.Report) bool {
	for _, report := range reports {
		if report.Status != "" && report.Names() && (report.ID != uuid.Nil || !report.Unproven) {
			return true
		}
	}
	return false
}
