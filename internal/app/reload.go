package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// Loader reads the configuration again, from where it came from, with the
// overrides of the fleet.
type Loader func(config.Overrides) (*config.Config, *config.Origins, error)

// part follows the configuration with something that has to be made anew. It
// prepares for another configuration beside what is in use.
type part struct {
	name    string
	prepare func(next *config.Live) (change, error)
}

// change is what a part has prepared. Commit cannot fail; undo takes back what was
// prepared, nil when that is nothing.
type change struct {
	commit func()
	undo   func()
}

// reloader puts another configuration into force while the worker works: it is
// validated whole, every part prepares for it, and only when all are ready do all
// change. Otherwise none does.
type reloader struct {
	load      Loader // nil when there is nothing to load again
	live      *live
	parts     []part
	telemetry *Telemetry
	operator  *postgres.Operator
	watcher   *config.Watcher
	fleet     *fleet

	mu      sync.Mutex
	offered overrides // by the fleet, whether or not they are in force
	inForce int       // version of the overrides that are
	unfit   error     // why those that were offered at the start are not
}

// auditWait is how long a reload waits for the database.
const auditWait = 5 * time.Second

// Causes of a reload, for the log and the audit.
const (
	byFile   = "file"
	bySignal = "signal"
	byAPI    = "api"
	byFleet  = "fleet"
)

// reload is one reload. Its error says why nothing was changed.
func (r *reloader) reload(ctx context.Context, cause, by string) (api.Reloaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reloadLocked(ctx, cause, by)
}

func (r *reloader) reloadLocked(ctx context.Context, cause, by string) (api.Reloaded, error) {
	began := time.Now()
	changed, err := r.change()
	r.report(err)
	r.telemetry.Metrics.Reload(err == nil)
	log := r.telemetry.Logger().With(zap.String("cause", cause), zap.String("by", by))
	detail := map[string]any{"cause": cause, "changed": changed, "overrides": r.offered.Version}
	switch {
	case err != nil:
		log.Error("configuration not reloaded: nothing was changed", zap.Error(err))
		detail["error"] = err.Error()
	case len(changed) == 0:
		log.Info("configuration reloaded: it says what is in force already")
	default:
		log.Info("configuration reloaded", zap.Strings("changed", changed), zap.Duration("took", time.Since(began)))
	}
	if err != nil || len(changed) > 0 || cause == byAPI || cause == byFleet {
		// The change stands whether or not it can be written down.
		ctx, cancel := context.WithTimeout(ctx, auditWait)
		defer cancel()
		if err := r.operator.Audit(ctx, by, "config.reload", workerName(), detail); err != nil && ctx.Err() == nil {
			log.Warn("a reload of the configuration is not in the audit log", zap.Error(err))
		}
	}
	return api.Reloaded{Changed: append([]string{}, changed...), Config: r.live.whole().Digest()}, err
}

// change loads, validates, prepares and commits, and returns the keys that changed.
func (r *reloader) change() ([]string, error) {
	if r.load == nil {
		return nil, errFixed
	}
	next, origins, err := r.read()
	if err != nil {
		return nil, refusal(err)
	}
	changed, restart := r.differences(next)
	if len(restart) > 0 {
		return nil, refusal(fmt.Errorf("a restart is needed to change %s", strings.Join(restart, ", ")))
	}
	if len(changed) == 0 {
		return nil, nil
	}
	into, err := newInForce(next, origins)
	if err != nil {
		return nil, refusal(err)
	}
	var ready []change
	var errs []error
	for _, part := range r.parts {
		c, err := part.prepare(&next.Live)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part.name, err))
			continue
		}
		ready = append(ready, c)
	}
	if err := errors.Join(errs...); err != nil {
		for _, c := range slices.Backward(ready) {
			if c.undo != nil {
				c.undo()
			}
		}
		return nil, refusal(err)
	}
	r.live.replace(into)
	for _, c := range ready {
		c.commit()
	}
	return changed, nil
}

// read loads the configuration, and again when a file that it names was not
// watched before: that one may have changed since it was read.
func (r *reloader) read() (next *config.Config, origins *config.Origins, err error) {
	for {
		next, origins, err = r.load(r.offered.config())
		files := origins.Files
		if err != nil {
			// What is in force may come back; so may what is missing.
			if now := r.live.current.Load().origins; now != nil {
				files = slices.Concat(files, now.Files)
			}
		}
		if r.watcher == nil || !r.watcher.SetFiles(files...) {
			return next, origins, err
		}
	}
}

// differences are the keys that another configuration changes, and those of them
// that cannot be changed in a running worker.
func (r *reloader) differences(next *config.Config) (changed, restart []string) {
	now := r.live.whole()
	for _, difference := range now.Diff(next) {
		if !difference.Reload {
			restart = append(restart, difference.Path)
		}
		path := difference.Path
		// A provider that comes or goes changes with all its keys.
		if parts := strings.SplitN(path, ".", 3); len(parts) == 3 && (parts[0] == "providers" || parts[0] == "cache") {
			_, was := now.Providers[parts[1]]
			if _, is := next.Providers[parts[1]]; was != is {
				path = parts[0] + "." + parts[1]
			}
		}
		changed = append(changed, path)
	}
	return slices.Compact(changed), restart
}

// errFixed answers whoever wants to reload what cannot be.
var errFixed = fault.New(fault.Refused, "config", "This worker was started with a configuration that cannot be loaded again.")

// refusal is why a configuration was not taken over, for whoever asked for it.
func refusal(err error) error {
	var problems config.Problems
	text := err.Error()
	if errors.As(err, &problems) {
		var lines []string
		for _, problem := range problems {
			lines = append(lines, problem.String())
		}
		text = strings.Join(lines, "; ")
	}
	return &fault.Error{Reason: fault.Invalid, Op: "config", Message: "Nothing was changed: " + text, Err: err}
}

// byCaller is a reload that a caller of the API asks for.
func (r *reloader) byCaller(ctx context.Context, by string) (api.Reloaded, error) {
	return r.reload(ctx, byAPI, by)
}

// watch reloads when a file changes or a signal comes, as tasks of the worker.
func (r *reloader) watch(tasks *background, hangups <-chan os.Signal) {
	var files []string
	if origins := r.live.current.Load().origins; origins != nil {
		files = origins.Files
	}
	r.mu.Lock()
	r.watcher = config.NewWatcher(files...)
	r.mu.Unlock()
	tasks.start("configuration files", func(ctx context.Context) error {
		r.watcher.Run(ctx, func() { _, _ = r.reload(ctx, byFile, workerName()) })
		return nil
	})
	tasks.start("overrides of the fleet", r.heed)
	tasks.start("hang-ups", func(ctx context.Context) error {
		for {
			select {
			case <-hangups:
				_, _ = r.reload(ctx, bySignal, workerName())
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// workerName names this worker in the audit log.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("worker %s/%d", host, os.Getpid())
}
