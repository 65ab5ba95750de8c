package providers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// Guard is the base of every integration: it surrounds a driver with what all of
// them share – breaker, throttle, time-out, log, metrics, classification – behind
// three verbs: Call, Retry, HandleError.
type Guard[P any] struct {
	provider Provider[P]
	live     *resilience.Live
	settings resilience.Settings
	options  GuardOptions
}

// GuardOptions say how a provider is called.
type GuardOptions struct {
	// Timeout of one call; default 30 s.
	Timeout time.Duration
	Breaker resilience.BreakerOptions
	// Limit is how fast the whole fleet may call.
	Limit resilience.Limit
	// Fleet shares breaker, throttle and holds with the other workers; nil for a
	// breaker of this guard alone.
	Fleet *resilience.Fleet
	// Driver is the code behind the provider, for people.
	Driver string
	// Later leaves the provider's breaker and limit as they are until the guard is
	// put into a route by [Route.Replace].
	Later bool
	// OnUnknown is what follows an unknown outcome; default hold.
	OnUnknown OnUnknown
	// Sends says that calls reach people: a crash or time-out inside a driver is
	// then an unknown outcome.
	Sends bool
	// Mock says that the simulator answers; every log line shows it.
	Mock bool
	// LeaseLeft is how long the worker's claims are safe. A call that could outlast
	// it is not made: another worker might already be making it. nil means for ever.
	LeaseLeft func() time.Duration
	// Observer is told of every call; nil for none.
	Observer Observer
	// Redact makes the stored request and response of an exchange; nil keeps none.
	Redact func(*Exchange) (request, response jsontext.Value)
}

// Observer is told of every provider call, for metrics, log and trace.
type Observer interface {
	Called(ctx context.Context, report Report)
}

// Report describes one finished call.
type Report struct {
	Provider  string
	CommandID uuid.UUID
	Attempt   int
	Mock      bool
	Started   time.Time
	Took      time.Duration
	Exchange  *Exchange
	Err       error
}

// NewGuard surrounds a driver.
func NewGuard[P any](provider Provider[P], options GuardOptions) *Guard[P] {
	if options.Timeout <= 0 {
		options.Timeout = 30 * time.Second
	}
	settings := resilience.Settings{Breaker: options.Breaker, Limit: options.Limit, Driver: options.Driver, Mode: "live"}
	settings.Breaker.ProbeFor = options.Timeout
	if options.Mock {
		settings.Mode = "mock"
	}
	g := &Guard[P]{provider: provider, options: options, settings: settings, live: options.Fleet.Live(provider.Name())}
	if !options.Later {
		g.enforce()
	}
	return g
}

// enforce puts the settings of breaker and limit into force. Their state stands.
func (g *Guard[P]) enforce() { g.live.Configure(g.settings) }

// Driver is what the guard surrounds.
func (g *Guard[P]) Driver() Provider[P] { return g.provider }

// Name is the provider's configured name.
func (g *Guard[P]) Name() string { return g.provider.Name() }

// Ready reports whether a call would be let through now.
func (g *Guard[P]) Ready() bool { return g.live.Standing().Ready }

// Live is how the provider stands, for those who show or judge it.
func (g *Guard[P]) Live() *resilience.Live { return g.live }

// Call makes one call through the whole stack, outermost first: observe →
// breaker → throttle → time-out → driver. The attempt describes it for the
// record, also when it failed or was not let through.
func (g *Guard[P]) Call(ctx context.Context, call Call[P]) (Answer, delivery.Attempt, error) {
	ctx, exchange := WithExchange(ctx)
	patience := lookupPatience
	if g.options.Sends {
		patience = sendPatience
	}
	done, err := g.live.Admit(ctx, call.ID, priority(call.Lane), patience)
	started := time.Now()
	if err == nil && g.options.LeaseLeft != nil && g.options.LeaseLeft() < g.options.Timeout {
		err = fault.New(fault.Cancelled, g.Name(), "this worker has not shown for a while that it is alive, and begins no call")
		done(err, 0)
	}
	if err != nil {
		err = g.HandleError(err)
		return Answer{}, g.attempt(call, exchange, started, 0, Answer{}, err), err
	}
	answer, err := g.do(ctx, call)
	took := time.Since(started)
	done(err, took)
	if g.options.Observer != nil {
		g.options.Observer.Called(ctx, Report{
			Provider: g.Name(), CommandID: call.ID, Attempt: call.Attempt, Mock: g.options.Mock,
			Started: started, Took: took, Exchange: exchange, Err: err,
		})
	}
	return answer, g.attempt(call, exchange, started, took, answer, err), err
}

// mostInPlace is how often a call is repeated in place: one person who waits must
// not open the breaker for all.
const mostInPlace = 3

// Retry makes a call for someone who waits: failures that the failure table
// retries are repeated in place, up to three times with growing pauses, until
// budget is spent.
// Queued commands do not use it; their rounds come back by the broker.
func (g *Guard[P]) Retry(ctx context.Context, call Call[P], budget time.Duration) (Answer, delivery.Attempt, error) {
	deadline := time.Now().Add(budget)
	for again, pause := mostInPlace, 100*time.Millisecond; ; again, pause = again-1, pause*2 {
		answer, attempt, err := g.Call(ctx, call)
		failure := fault.As(err)
		if failure == nil || again == 0 || !failure.Reason.Rule().Retry || failure.Reason == fault.CircuitOpen {
			return answer, attempt, err
		}
		wait := max(failure.RetryAfter, pause/2+rand.N(pause/2))
		if time.Now().Add(wait).After(deadline) {
			return answer, attempt, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			call.Attempt++
		case <-ctx.Done():
			timer.Stop()
			return answer, attempt, err
		}
	}
}

// HandleError classifies whatever a driver returned, so that everything above
// can rely on a reason. An unclassified error of a send may hide a message that
// left, so it counts as an unknown outcome.
func (g *Guard[P]) HandleError(err error) error {
	failure := fault.As(err)
	if failure == nil {
		return nil
	}
	reason := failure.Reason
	if g.options.Sends && (reason == fault.Internal || failure.Op == "" && reason == fault.Timeout && errors.Is(failure.Err, context.DeadlineExceeded)) {
		reason = fault.UnknownOutcome
	}
	handled := *failure
	handled.Reason = reason
	if handled.Op == "" {
		handled.Op = g.Name()
	}
	return &handled
}

// Check asks the driver whether the provider is usable.
func (g *Guard[P]) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeout)
	defer cancel()
	ctx, _ = WithExchange(ctx)
	return g.provider.Check(ctx)
}

// do calls the driver under the time-out and turns a crash of it into an error.
func (g *Guard[P]) do(ctx context.Context, call Call[P]) (answer Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("driver crashed: %v", cause)
		}
		err = g.HandleError(err)
	}()
	return g.provider.Do(ctx, call)
}

func (g *Guard[P]) attempt(call Call[P], exchange *Exchange, started time.Time, took time.Duration, answer Answer, err error) delivery.Attempt {
	a := delivery.Attempt{
		Number: call.Attempt, Provider: g.Name(), Endpoint: exchange.Endpoint, Outcome: "ok",
		MessageID: answer.MessageID, Duration: took, StartedAt: started,
	}
	if failure := fault.As(err); failure != nil {
		a.Outcome, a.Reason, a.ErrorCode = "failed", failure.Reason, failure.Code
		if failure.Reason == fault.UnknownOutcome {
			a.Outcome = "unknown"
		}
	}
	if g.options.Redact != nil {
		a.Request, a.Response = g.options.Redact(exchange)
	}
	return a
}
