package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/providers"
)

// live is the configuration in force. What is read at every use is read here;
// what has to be made anew is a [part].
type live struct{ current atomic.Pointer[inForce] }

// inForce is one configuration and what is read of it for every command.
type inForce struct {
	cfg      *config.Config
	origins  *config.Origins // nil when it is not known where values come from
	rules    handlers.Rules
	business jsontext.Value // a look-up's answer of last resort; nil for none
	address  jsontext.Value
	// superseded is closed when another configuration is in force.
	superseded chan struct{}
}

// newLive puts a first configuration into force.
func newLive(cfg *config.Config, origins *config.Origins) (*live, error) {
	first, err := newInForce(cfg, origins)
	if err != nil {
		return nil, err
	}
	l := new(live)
	l.current.Store(first)
	return l, nil
}

func newInForce(cfg *config.Config, origins *config.Origins) (*inForce, error) {
	f := &inForce{cfg: cfg, origins: origins, rules: messageRules(&cfg.Live), superseded: make(chan struct{})}
	var errs [2]error
	f.business, errs[0] = fallbackOf[providers.BusinessResult](&cfg.Live, command.BusinessVerify)
	f.address, errs[1] = fallbackOf[providers.AddressResult](&cfg.Live, command.AddressSearch)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return f, nil
}

// config is what is in force of it and may change.
func (l *live) config() *config.Live { return &l.whole().Live }

// whole is it with what never changes, to be shown and compared.
func (l *live) whole() *config.Config { return l.current.Load().cfg }

// replace puts another configuration into force.
func (l *live) replace(next *inForce) { close(l.current.Swap(next).superseded) }

// retry is the backoff of a kind as it is now configured.
func (l *live) retry(kind command.Kind) pipeline.Retry {
	r := l.config().Retry[string(kind)]
	return pipeline.Retry{Base: r.Base, Factor: r.Factor, Cap: r.Cap, Max: r.Max}
}

// anew returns a task that runs run and ends it and begins again whenever another
// configuration is in force.
func (l *live) anew(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			superseded := l.current.Load().superseded
			running, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				select {
				case <-superseded:
					cancel()
				case <-running.Done():
				}
			}()
			err := run(running)
			cancel()
			<-ended
			select {
			case <-superseded:
				if ctx.Err() == nil {
					continue
				}
			default:
			}
			return err
		}
	}
}
