package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Pipeline processes the commands of every kind.
type Pipeline struct {
	store    Store
	outlet   Outlet
	handlers map[command.Kind]Handler
	options  Options

	mu   sync.Mutex
	live map[uuid.UUID]struct{} // tokens of the claims being executed here

	inFlight atomic.Int64
	started  time.Time
	progress atomic.Int64 // when a command last began or ended, in nanoseconds since started
}

// Options say how a pipeline behaves.
type Options struct {
	Worker   uuid.UUID
	Observer Observer
	// Enter prepares the context of one command, such as with its trace; nil leaves
	// it as it is.
	Enter func(context.Context, *command.Command) context.Context
	// Retry returns the retry policy of a kind as it is now configured.
	Retry func(command.Kind) Retry
	// Now is the clock that decides what is due and what has expired; nil for this
	// machine's. A fleet decides by one clock, its database's.
	Now func() time.Time
	// Reached is told of every step that a command has taken, for tests that end
	// the process there; nil for nobody.
	Reached func(step string)
}

// New returns a pipeline with one handler for each kind that it processes.
func New(store Store, outlet Outlet, handlers map[command.Kind]Handler, options Options) *Pipeline {
	if options.Enter == nil {
		options.Enter = func(ctx context.Context, _ *command.Command) context.Context { return ctx }
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Reached == nil {
		options.Reached = func(string) {}
	}
	return &Pipeline{store: store, outlet: outlet, handlers: handlers, options: options, live: map[uuid.UUID]struct{}{}, started: time.Now()}
}

// Process takes one message through the whole path and settles it. It returns
// when the message's disposition is set; an error means that nothing was
// settled and the broker hands the message out again.
func (p *Pipeline) Process(ctx context.Context, m Message) error {
	kind, lane, ok := command.ParseSubject(m.Subject())
	if !ok {
		return fmt.Errorf("pipeline: subject %q is no command's", m.Subject())
	}
	p.began(kind)
	defer p.ended(kind)

	run := &execution{p: p, m: m}
	if newer := !run.decode(kind, lane); newer {
		return run.later(ctx, newerWait)
	}
	ctx = p.options.Enter(ctx, run.cmd)
	p.options.Reached(StepDecoded)
	run.plan(ctx)
	if undo := run.choice.Undo; undo != nil {
		defer undo()
	}
	p.options.Reached(StepPlanned)
	if won, err := run.claim(ctx); !won {
		return err
	}
	defer p.forget(run.token)
	p.options.Reached(StepClaimed)
	if run.row.CancelRequested && run.row.Unsure == "" {
		run.verdict = fault.New(fault.Cancelled, "", "cancelled before it was sent")
	}
	if run.postponed() {
		return run.settle(ctx)
	}
	run.handle(ctx)
	p.options.Reached(StepHandled)
	run.judge()
	if err := run.record(ctx); err != nil {
		return err
	}
	p.options.Reached(StepRecorded)
	return run.settle(ctx)
}

// execution is one message on its way through the steps of Process. Each step
// reads what the earlier ones left.
type execution struct {
	p *Pipeline
	m Message

	cmd     *command.Command
	handler Handler
	verdict error         // why the command is not to be called: invalid, expired
	choice  delivery.Plan // what plan chose
	token   uuid.UUID
	row     delivery.Row // as it stands after claim, then after record
	died    bool         // the claim was taken over from a worker that died
	found   bool         // the row decided; this message has changed nothing
	result  delivery.Result
	outcome delivery.Record
}

// decode reads the body. It is false when a newer worker is to take the command.
func (e *execution) decode(kind command.Kind, lane command.Lane) bool {
	cmd, err := command.Decode(kind, lane, e.m.Body(), e.m.Source())
	if errors.Is(err, command.ErrNewer) {
		e.cmd = cmd
		return false
	}
	e.cmd, e.verdict = cmd, err
	e.handler = e.p.handlers[kind]
	if last, ok := e.m.(Last); ok && last.Exhausted() && e.verdict == nil {
		e.verdict = fault.New(fault.Internal, "pipeline", "it was handed out %d times and never settled; it may kill its workers", e.m.Deliveries())
	}
	if e.verdict == nil && e.handler == nil {
		e.verdict = fault.New(fault.Invalid, "pipeline", "kind %q is not handled by this worker", kind)
	}
	return true
}

// newerWait is how long a command of a newer body version waits for its worker.
const newerWait = 15 * time.Second

// plan decides what the claim is to write: the intent of a first call, or when
// to come back. Nothing is written yet.
func (e *execution) plan(ctx context.Context) {
	now := e.p.options.Now()
	e.choice = delivery.Plan{}
	switch {
	case e.verdict != nil:
	case e.cmd.Expired(now):
		e.verdict = &fault.Error{Reason: fault.Expired, Message: "expires_at " + e.cmd.Envelope().ExpiresAt.Format(time.RFC3339) + " has passed"}
	case e.cmd.Envelope().SendAt.After(now.Add(earlyBy)):
		e.choice = delivery.Plan{Due: e.cmd.Envelope().SendAt, Status: delivery.Scheduled}
	default:
		e.choice = e.ask(ctx)
	}
	if e.choice.Wait > 0 {
		e.choice.Due = now.Add(e.choice.Wait)
	}
	if e.choice.End != nil {
		e.verdict, e.choice.Provider, e.choice.Due = e.choice.End.Err, "", time.Time{}
	}
	if e.choice.Status == "" {
		e.choice.Status = delivery.Processing
	}
}

// ask lets the handler plan. One that crashes has called nobody yet, but would
// crash again: the command ends.
func (e *execution) ask(ctx context.Context) (plan delivery.Plan) {
	defer func() {
		if cause := recover(); cause != nil {
			err := fault.New(fault.Internal, "pipeline: plan", "the handler crashed: %v", cause)
			e.p.options.Observer.Trouble(ctx, e.cmd, "plan", err)
			plan = delivery.Plan{End: &delivery.Result{Err: err}}
		}
	}()
	return e.handler.Plan(ctx, e.cmd)
}

// earlyBy is how much before its time a command may run: schedules and
// redeliveries are not exact to the millisecond.
const earlyBy = 100 * time.Millisecond

func (e *execution) postponed() bool { return !e.choice.Due.IsZero() }

// handle makes the calls. A command that is not to be called gets its verdict as
// the result.
func (e *execution) handle(ctx context.Context) {
	switch {
	case e.choice.End != nil && e.row.Unsure == "":
		e.result = *e.choice.End
		return
	case e.choice.End != nil: // it may have been sent, whatever is wrong with it now
	case e.verdict != nil && e.row.Unsure != "":
		e.result = delivery.Result{Provider: e.row.Unsure, Err: fault.New(fault.UnknownOutcome, "", "it may have been sent; %v", e.verdict)}
		return
	case e.verdict != nil:
		e.result = delivery.Result{Err: e.verdict}
		return
	}
	defer func() {
		if cause := recover(); cause != nil {
			e.result = e.panicked(ctx, cause)
		}
	}()
	run := delivery.Run{
		Row: e.row, Journal: (*journal)(e), Provider: e.choice.Provider, Ready: e.choice.Ready,
		Last:   e.row.Round >= e.p.options.Retry(e.cmd.Kind).Max,
		Unsure: e.row.Unsure, UnsureSince: e.row.UnsureSince, Died: e.died,
	}
	if e.row.Unsure != "" {
		e.result = e.handler.Recover(ctx, e.cmd, run)
		return
	}
	if e.choice.Instead != "" {
		e.failedOver(ctx, delivery.Failover{
			From: e.choice.Instead, To: e.choice.Provider, Reason: cmp.Or(e.choice.InsteadReason, fault.CircuitOpen),
		})
	}
	e.result = e.handler.Handle(ctx, e.cmd, run)
}

// panicked is the outcome of a handler that crashed. A send may have left by
// then, so it is not repeated blindly, and the attempt is recorded.
func (e *execution) panicked(ctx context.Context, cause any) delivery.Result {
	result := delivery.Result{}
	reason := fault.Internal
	if e.cmd.Kind.Send() {
		reason, result.Provider = fault.UnknownOutcome, cmp.Or(e.row.ClaimProvider, e.row.Unsure)
	}
	result.Err = fault.New(reason, "pipeline: handle", "the handler crashed: %v", cause)
	if e.row.ClaimProvider != "" {
		outcome := "failed"
		if reason == fault.UnknownOutcome {
			outcome = "unknown"
		}
		result.Attempts = []delivery.Attempt{{
			Number: e.row.Attempts, Round: e.row.Round + 1, Provider: e.row.ClaimProvider, Endpoint: "unknown",
			Outcome: outcome, Reason: reason, StartedAt: e.row.UpdatedAt,
		}}
	}
	// Where it crashed is for the log: the row keeps what a producer may see.
	e.p.options.Observer.Trouble(ctx, e.cmd, "handle", fmt.Errorf("%w\n%s", result.Err, debug.Stack()))
	return result
}

// record commits the outcome.
func (e *execution) record(ctx context.Context) error {
	recorded, err := e.p.store.Record(ctx, &e.outcome)
	if fault.Of(err) == fault.Invalid {
		// The database refuses this row's data. The outcome must still be known.
		e.p.options.Observer.Trouble(ctx, e.cmd, "record", err)
		e.outcome.Result, e.outcome.Attempts, e.outcome.Subject = nil, nil, ""
		e.outcome.ErrorMessage, e.outcome.ErrorCode = "the outcome could not be stored in full", ""
		recorded, err = e.p.store.Record(ctx, &e.outcome)
	}
	if err != nil {
		return err
	}
	e.row = recorded.Row
	return nil
}

// journal is an execution as its handler sees it.
type journal execution

// Begin implements [delivery.Journal]. A zero attempt records none.
func (j *journal) Begin(ctx context.Context, provider string, done delivery.Attempt) (int, error) {
	record := delivery.Record{
		Row: j.row, Token: j.token, Status: delivery.Processing, Round: j.row.Round, Next: provider,
		// A crash from here on leaves this intent; what was unsure before it stays so.
		Unsure: j.row.Unsure,
	}
	if done.Provider != "" {
		record.Attempts = []delivery.Attempt{done}
	}
	recorded, err := j.p.store.Record(ctx, &record)
	if err != nil {
		return 0, err
	}
	if !recorded.Applied || recorded.Row.Token != j.token {
		return 0, fault.New(fault.Cancelled, "pipeline: journal", "another worker took this command over")
	}
	if !recorded.Row.Status.Open() {
		return 0, fault.New(fault.Cancelled, "pipeline: journal", "what became of it was reported meanwhile")
	}
	if recorded.Row.CancelRequested && recorded.Row.Unsure == "" {
		return 0, fault.New(fault.Cancelled, "pipeline: journal", "cancelled before the next provider was called")
	}
	j.p.options.Reached(StepIntended)
	j.row = recorded.Row
	if done.Reason != fault.None && done.Provider != provider { // a look-up may ask another one for more
		(*execution)(j).failedOver(ctx, delivery.Failover{From: done.Provider, To: provider, Reason: done.Reason, ErrorCode: done.ErrorCode})
	}
	return j.row.Attempts, nil
}

// failedOver makes it known that another provider is called, before that call:
// it is worth knowing whatever comes of it. It never holds the message back.
func (e *execution) failedOver(ctx context.Context, f delivery.Failover) {
	f.ID, f.Kind, f.Attempt, f.TraceID, f.At = e.cmd.ID, e.cmd.Kind, e.row.Attempts, e.row.TraceID, e.p.options.Now()
	e.p.options.Observer.FailedOver(ctx, f)
	if err := e.p.outlet.Failover(ctx, f); err != nil {
		e.p.options.Observer.Trouble(ctx, e.cmd, "failover event", err)
	}
}

func (p *Pipeline) began(kind command.Kind) {
	p.inFlight.Add(1)
	p.progress.Store(int64(time.Since(p.started)))
	p.options.Observer.Began(kind)
}

func (p *Pipeline) ended(kind command.Kind) {
	p.inFlight.Add(-1)
	p.progress.Store(int64(time.Since(p.started)))
	p.options.Observer.Ended(kind)
}

func (p *Pipeline) remember(token uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live[token] = struct{}{}
}

func (p *Pipeline) forget(token uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, token)
}

func (p *Pipeline) holds(token uuid.UUID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.live[token]
	return ok
}

// Working reports whether the pipeline makes progress: false when commands are
// in flight and none has taken a step for a long time.
func (p *Pipeline) Working() bool {
	idle := time.Since(p.started) - time.Duration(p.progress.Load())
	return p.inFlight.Load() == 0 || idle < stuckAfter
}

// stuckAfter is longer than any provider's time-out.
const stuckAfter = 5 * time.Minute
