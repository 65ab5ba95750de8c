// Package deadletter lists, searches, replays and discards dead letters. A
// replay is a new generation of the same command under the same id: what was
// sent meanwhile is skipped, and replaying twice does not send twice.
package deadletter

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Letter is a row of gangway.dead_letters.
type Letter struct {
	Number      int64        `json:"id"`
	DeliveryID  uuid.UUID    `json:"delivery_id"`
	Kind        command.Kind `json:"kind"`
	Lane        command.Lane `json:"lane"`
	Generation  int          `json:"generation"`
	Reason      fault.Reason `json:"reason"`
	Error       string       `json:"error"`
	Provider    string       `json:"provider,omitzero"`
	Recipient   string       `json:"recipient,omitzero"`
	Attempts    int          `json:"attempts"`
	TraceID     string       `json:"trace_id,omitzero"`
	FirstSeen   time.Time    `json:"first_seen"`
	CreatedAt   time.Time    `json:"created_at"`
	ReplayedAt  time.Time    `json:"replayed_at,omitzero"`
	DiscardedAt time.Time    `json:"discarded_at,omitzero"`
}

// Ref names one dead letter: by its number, or the newest of a delivery.
type Ref struct {
	Number   int64
	Delivery uuid.UUID
}

// Filter narrows dead letters. Zero fields do not narrow; several values of one
// field mean any of them.
type Filter struct {
	Refs      []Ref
	Kinds     []command.Kind
	Reasons   []fault.Reason
	Providers []string
	Since     time.Time // became one at or after
	Until     time.Time // became one before
	Contains  string    // in error, recipient or a payload that is not sealed, in any letter case
	// Impersonal looks in the error alone: an answer tells nothing of people.
	Impersonal bool
}

// Action is what is done to letters.
type Action string

// The two actions.
const (
	Replay  Action = "replay"
	Discard Action = "discard"
)

// Order says what to do with which letters.
type Order struct {
	Action Action
	Filter Filter
	DryRun bool    // only count
	Limit  int     // at most so many; 0 for all
	Rate   float64 // letters a second; 0 for no limit
	By     string  // who, for the audit log
	Note   string  // why
}

// Report counts what was done.
type Report struct {
	Matched int `json:"matched"`
	Done    int `json:"done"`
	Skipped int `json:"skipped"` // succeeded meanwhile, or settled by someone else
	Failed  int `json:"failed"`  // cannot be replayed
	Wiped   int `json:"wiped"`   // of Failed: the values of their sensitive variables are gone
	Sealed  int `json:"sealed"`  // of Failed: no key that is known here opens them
}

// Store keeps the letters.
type Store interface {
	// CountLetters counts the open letters that a filter matches, up to most (0
	// for all).
	CountLetters(ctx context.Context, filter Filter, most int) (int, error)
	// OpenLetters returns numbers of matching open letters above after, ascending.
	OpenLetters(ctx context.Context, filter Filter, after int64, most int) ([]int64, error)
	// SettleLetters replays or discards, in one transaction with its audit rows.
	// Letters that somebody else settles at the moment are skipped.
	SettleLetters(ctx context.Context, action Action, numbers []int64, by, note string) (Report, error)
}

// page is how many letters one transaction settles.
const page = 200

// Settle carries out an order. A letter that was settled no longer matches, so a
// run that was killed is continued by the same call. progress follows each
// transaction. The report is true up to where an error or ctx stopped it.
func Settle(ctx context.Context, store Store, order Order, progress func(Report)) (Report, error) {
	var done Report
	matched, err := store.CountLetters(ctx, order.Filter, order.Limit)
	if done.Matched = matched; err != nil || order.DryRun {
		return done, err
	}
	size, limiter := page, rate.NewLimiter(rate.Inf, 0)
	if order.Rate > 0 {
		size = max(1, min(page, int(order.Rate)))
		limiter = rate.NewLimiter(rate.Limit(order.Rate), size)
	}
	var after int64
	for left := matched; left > 0; {
		numbers, err := store.OpenLetters(ctx, order.Filter, after, min(size, left))
		if err != nil {
			return done, err
		}
		if len(numbers) == 0 {
			return done, nil
		}
		if err := limiter.WaitN(ctx, len(numbers)); err != nil {
			return done, fmt.Errorf("deadletter: %s: %w", order.Action, err)
		}
		part, err := store.SettleLetters(ctx, order.Action, numbers, order.By, order.Note)
		if err != nil {
			return done, err
		}
		after, left = numbers[len(numbers)-1], left-len(numbers)
		done.Done, done.Skipped, done.Failed = done.Done+part.Done, done.Skipped+part.Skipped, done.Failed+part.Failed
		done.Wiped, done.Sealed = done.Wiped+part.Wiped, done.Sealed+part.Sealed
		progress(done)
	}
	return done, nil
}
