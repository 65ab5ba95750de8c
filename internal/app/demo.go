package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// sample is one command of the demo and the statuses it may end in.
type sample struct {
	shows, subject, body string
	ends                 []delivery.Status
	id                   uuid.UUID
}

// ErrDemo reports that a sample did not end as it should.
var ErrDemo = errors.New("demo: a sample did not end as it should")

// demoWait is how long the samples may take together.
const demoWait = 90 * time.Second

// RunDemo runs the whole product over a temporary directory, publishes a sample
// of every command that works, shows each reach its final status, and prints the
// table that the portal would query.
func RunDemo(ctx context.Context, o DevOptions, out io.Writer, live bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var showing sync.WaitGroup
	err := fmt.Errorf("demo: stopped before the worker was ready: %w", context.Canceled)
	o.Ready = func(stack Stack) {
		showing.Go(func() {
			defer stop()
			err = demo(ctx, stack, out, live)
		})
	}
	running := RunDev(ctx, o)
	showing.Wait()
	if running != nil {
		return running
	}
	return err
}

func demo(ctx context.Context, stack Stack, out io.Writer, live bool) error {
	pool, err := pgxpool.New(ctx, stack.PostgresURL)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer pool.Close()
	samples := demoSamples()
	if err := publishSamples(ctx, stack.NATSURL, samples); err != nil {
		return err
	}
	store := postgres.NewReader(pool)
	ids := make([]uuid.UUID, len(samples))
	for i := range samples {
		ids[i] = samples[i].id
	}
	deadline := time.Now().Add(demoWait)
	var rows map[uuid.UUID]delivery.Row
	for done := 0; done < len(samples); {
		if rows, err = store.Rows(ctx, ids); err != nil {
			return err
		}
		done = countEnded(samples, rows)
		if live {
			fmt.Fprintf(out, "\r%d of %d samples have reached their final status", done, len(samples))
		}
		if time.Now().After(deadline) {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if live {
		fmt.Fprint(out, "\n\n")
	}
	return report(out, samples, rows)
}

func publishSamples(ctx context.Context, natsURL string, samples []sample) error {
	conn, err := broker.Connect(ctx, broker.ConnectOptions{URLs: []string{natsURL}, Name: "gangway demo"})
	if err != nil {
		return err
	}
	defer conn.Close()
	publisher, err := broker.NewPublisher(conn, broker.PublisherOptions{})
	if err != nil {
		return err
	}
	outgoing := make([]broker.Outgoing, len(samples))
	for i, s := range samples {
		outgoing[i] = broker.Outgoing{Subject: s.subject, MsgID: s.id.String(), Body: []byte(s.body)}
	}
	return errors.Join(publisher.Send(ctx, outgoing...), publisher.Close())
}

func countEnded(samples []sample, rows map[uuid.UUID]delivery.Row) (n int) {
	for _, s := range samples {
		if slices.Contains(s.ends, rows[s.id].Status) {
			n++
		}
	}
	return n
}

// report prints gangway.delivery_status of the samples.
func report(out io.Writer, samples []sample, rows map[uuid.UUID]delivery.Row) error {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"shows", "kind", "status", "reason", "provider", "recipient", "attempts", "result", "error"})
	var wrong []string
	for _, s := range samples {
		row := rows[s.id]
		t.AppendRow(table.Row{s.shows, row.Kind, row.Status, row.Reason, row.Provider, row.Recipient, row.Attempts, foundBy(row), shorten(row.ErrorMessage)})
		if !slices.Contains(s.ends, row.Status) {
			wrong = append(wrong, fmt.Sprintf("%s: %q instead of %v", s.shows, row.Status, s.ends))
		}
	}
	t.Render()
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrDemo, strings.Join(wrong, "; "))
	}
	return nil
}

func shorten(text string) string {
	const most = 60
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
