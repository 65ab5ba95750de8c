// Package cli is the command tree of the program publisher: commands in for
// people and scripts, their status out, and the levers of an operator. It knows
// neither NATS nor Postgres; what stands behind it comes as [Backends].
package cli

import (
	"bufio"
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Exit codes of the program.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Open opens one backend. It is called at most once in a run and only by a
// command that needs it. A [fault.Invalid] error is a mistake in the settings
// and ends the program with [ExitUsage], any other with [ExitFailed].
type Open[B any] func(ctx context.Context, settings Settings) (B, error)

// Backends says what stands behind the commands. A command whose backend is nil
// does not exist: it is neither listed nor completed.
type Backends struct {
	Bus          Open[Bus]          // NATS: send, email, sms, business, address, cancel
	Outbox       Open[Bus]          // gangway.enqueue: the flag --outbox of the same commands
	Deliveries   Open[Deliveries]   // status, list, cancel, the flag --wait
	Templates    Open[Templates]    // templates
	DeadLetters  Open[DeadLetters]  // deadletters
	Unknowns     Open[Unknowns]     // unknown (with Deliveries)
	Manual       Open[Bus]          // manual (with Deliveries): a bus whose workers take business.complete
	Suppressions Open[Suppressions] // suppressions
	Providers    Open[Providers]    // providers
	Cache        Open[Cache]        // cache
	Stats        Open[Stats]        // stats
	Alerts       Open[Alerts]       // alerts
	Webhooks     Open[Webhooks]     // webhooks
	Audit        Open[Audit]        // audit
	Eraser       Open[Eraser]       // forget
	// Close releases whatever was opened; it is called once, last. It may be nil.
	Close func() error
}

// Run executes one command line (without the program's name) and returns the
// exit code. It obeys ctx in every wait: what was handed to the bus is settled
// for a few seconds more, so that the ids printed are the ids published.
//
// One goroutine may outlive Run: the one that reads stdin, when ctx ended while
// it was blocked in a read that nothing can interrupt.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, backends Backends) int {
	return newProgram(stdin, stdout, stderr, backends).run(ctx, args)
}

// program is one run of the command line.
type program struct {
	backends Backends
	in       io.Reader
	out      *screen
	err      *screen
	now      func() time.Time
	zone     *time.Location // of times in tables
	newID    func() (uuid.UUID, error)
	patience time.Duration // before progress is shown

	format     format
	configFile string
	dataDir    string
	endpoints  Endpoints // as given by flags
}

func newProgram(stdin io.Reader, stdout, stderr io.Writer, backends Backends) *program {
	return &program{
		backends: backends,
		in:       stdin,
		out:      newScreen(stdout),
		err:      newScreen(stderr),
		now:      time.Now,
		zone:     time.Local,
		newID:    uuid.NewV7,
		patience: patience,
	}
}

func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if p.backends.Close != nil {
		if closing := p.backends.Close(); err == nil && closing != nil {
			err = failedError{fault.Wrap(fault.Of(closing), "close", closing)}
		}
	}
	if flushing := p.out.flush(); err == nil && flushing != nil {
		err = failedError{flushing}
	}
	if err == nil {
		return ExitDone
	}
	p.err.printf("publisher: %s\n", sentence(ctx, err))
	_ = p.err.flush()
	return exitCode(err)
}

// open opens one backend with the settings of this command line.
func open[B any](ctx context.Context, p *program, opener Open[B]) (B, error) {
	var none B
	settings, err := p.settings()
	if err != nil {
		return none, settled(err)
	}
	backend, err := opener(ctx, settings)
	if err != nil {
		return none, settled(err)
	}
	return backend, nil
}

func (p *program) settings() (Settings, error) {
	dev, err := ReadDevEnv(p.dataDir)
	if err != nil {
		return Settings{}, err
	}
	return Settings{ConfigFile: p.configFile, DataDir: p.dataDir, Flags: p.endpoints, Dev: dev}, nil
}

// bufferSize keeps a stream of ids from costing a system call each.
const bufferSize = 32 << 10

func buffered(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, bufferSize) }
