package app

import (
	"context"
	"errors"
	"strconv"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// letters is the dead letters as the publisher handles them.
type letters struct{ operator *postgres.Operator }

// List implements [cli.DeadLetters].
func (l letters) List(ctx context.Context, f cli.LetterFilter, page cli.Page) ([]cli.Letter, string, error) {
	var below int64
	if page.Cursor != "" {
		var err error
		if below, err = strconv.ParseInt(page.Cursor, 10, 64); err != nil {
			return nil, "", fault.New(fault.Invalid, "list", "cursor %q was not made by this list", page.Cursor)
		}
	}
	found, err := l.operator.Letters(ctx, f, below, page.Size)
	if err != nil {
		return nil, "", err
	}
	if len(found) < page.Size {
		return found, "", nil
	}
	return found, strconv.FormatInt(found[len(found)-1].Number, 10), nil
}

// Show implements [cli.DeadLetters].
func (l letters) Show(ctx context.Context, ref cli.LetterRef) (cli.LetterDetail, error) {
	letter, payload, headers, err := l.operator.Letter(ctx, ref)
	if err != nil {
		return cli.LetterDetail{}, err
	}
	history, err := l.operator.Attempts(ctx, letter.DeliveryID)
	return cli.LetterDetail{Letter: letter, Headers: headers, Body: payload, History: history}, err
}

// Settle implements [cli.DeadLetters].
func (l letters) Settle(ctx context.Context, o cli.LetterOrder, progress func(cli.LetterReport)) (cli.LetterReport, error) {
	action := deadletter.Replay
	if o.Discard {
		action = deadletter.Discard
	}
	report := func(r deadletter.Report) cli.LetterReport {
		out := cli.LetterReport{Matched: r.Matched, Skipped: r.Skipped, Failed: r.Failed, Wiped: r.Wiped, Sealed: r.Sealed}
		if o.Discard {
			out.Discarded = r.Done
		} else {
			out.Replayed = r.Done
		}
		return out
	}
	done, err := deadletter.Settle(ctx, l.operator, deadletter.Order{
		Action: action, Filter: o.Filter, DryRun: o.DryRun, Limit: o.Limit, Rate: o.Rate, By: o.By, Note: o.Note,
	}, func(r deadletter.Report) { progress(report(r)) })
	return report(done), err
}

// unknowns settles unknown outcomes for a person.
type unknowns struct{ operator *postgres.Operator }

// Settle implements [cli.Unknowns].
func (u unknowns) Settle(ctx context.Context, v cli.Verdict) (delivery.View, error) {
	row, err := u.operator.SettleUnknown(ctx, v.ID, v.Sent, v.By, v.Note)
	if cause, told := errors.AsType[*fault.Error](err); told {
		return row.View, cause // the sentence alone
	}
	return row.View, err
}

var (
	_ cli.DeadLetters = letters{}
	_ cli.Unknowns    = unknowns{}
)
