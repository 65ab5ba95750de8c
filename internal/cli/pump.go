package cli

import (
	"context"
	"errors"
	"io"
)

// Bounds of one batch. Two batches exist at a time: one on its way, one filling.
const (
	batchCount = 1000
	batchBytes = 4 << 20
)

// entry is one command on its way out and where it came from.
type entry struct {
	Message
	line int // of the input; 0 when it came from flags
}

// pump reads entries until [io.EOF] and hands them on in batches: whatever waits
// as soon as flush is free, so that a slow input waits for nobody and a fast one
// is pipelined. It returns the first error of next or flush. What was read before
// an error of next is handed on first. After ctx ends nothing more is handed on.
func pump(ctx context.Context, next func() (entry, error), flush func([]entry) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	entries, batches := make(chan entry), make(chan []entry)
	// The reader is not awaited when ctx ends: it may be blocked in a read.
	failed := make(chan error, 1)
	go func() {
		defer close(entries)
		for {
			e, err := next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					failed <- err
				}
				return
			}
			select {
			case entries <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() {
		defer close(batches)
		collect(ctx, entries, batches)
	}()
	for batch := range batches {
		if err := flush(batch); err != nil {
			stop()
			for range batches { // until the collector has gone
			}
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// collect fills batches while the one before is on its way.
func collect(ctx context.Context, entries <-chan entry, batches chan<- []entry) {
	var batch []entry
	size := 0
	for {
		in, out := entries, batches
		if len(batch) == 0 {
			out = nil
		}
		if len(batch) >= batchCount || size >= batchBytes {
			in = nil
		}
		if in == nil && out == nil {
			return
		}
		select {
		case e, ok := <-in:
			if !ok {
				entries = nil
				continue
			}
			batch = append(batch, e)
			size += len(e.Body)
		case out <- batch:
			batch, size = nil, 0
		case <-ctx.Done():
			return
		}
	}
}
