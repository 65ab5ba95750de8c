package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// step is one stream, consumer or bucket to bring up to date. It may be repeated.
type step struct {
	what string
	run  func() error
}

// together makes steps side by side: in a cluster each elects a leader first, and
// one after the other that takes the better part of a minute.
func (p *provisioner) together(ctx context.Context, steps []step) error {
	var wait sync.WaitGroup
	errs := make([]error, len(steps))
	for i, s := range steps {
		wait.Go(func() {
			if err := insist(ctx, p.options.Log, s.run); err != nil {
				errs[i] = fmt.Errorf("%s: %w", s.what, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
