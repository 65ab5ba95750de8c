package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// pageSize is how many rows are asked for, and held, at once.
const pageSize = 500

// list is a list of T as a backend gives it and a person reads it.
type list[T any] struct {
	limit   int // 0 for all
	columns []column
	row     func(T) []string
	empty   string // said when there is nothing
	page    func(ctx context.Context, page Page) (items []T, next string, err error)
}

// rows prints a list page by page: one JSON object a line, or tables with one
// header. It never holds more than a page.
func rows[T any](ctx context.Context, p *program, l list[T]) error {
	cursor, printed := "", 0
	table := &grid{screen: p.out, columns: l.columns}
	for {
		size := pageSize
		if l.limit > 0 {
			size = min(size, l.limit-printed)
		}
		items, next, err := l.page(ctx, Page{Cursor: cursor, Size: size})
		if err != nil {
			return err
		}
		if err := l.print(p, table, items); err != nil {
			return err
		}
		printed += len(items)
		full := l.limit > 0 && printed >= l.limit
		if next == "" || full {
			if next != "" && p.format == tableFormat {
				p.err.printf("%d shown, more match: give --limit, 0 for all\n", printed)
			}
			break
		}
		cursor = next
	}
	if printed == 0 && p.format == tableFormat && l.empty != "" {
		p.err.printf("%s\n", l.empty)
	}
	return p.err.flush()
}

func (l list[T]) print(p *program, table *grid, items []T) error {
	if p.format == jsonFormat {
		for _, item := range items {
			if err := p.out.object(item); err != nil {
				return err
			}
		}
		return p.out.flush()
	}
	if len(items) == 0 {
		return nil
	}
	cells := make([][]string, len(items))
	for i, item := range items {
		cells[i] = l.row(item)
	}
	table.add(cells)
	return p.out.flush()
}

// whole is the one page of a list that comes at once.
func whole[T any](items []T, err error) func(context.Context, Page) ([]T, string, error) {
	return func(context.Context, Page) ([]T, string, error) { return items, "", err }
}

func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", 50, "at most `N` rows; 0 for all")
}

func checkLimit(limit int) error {
	if limit < 0 {
		return usagef("--limit: %d is less than 0: give a number of rows, 0 for all", limit)
	}
	return nil
}

// sinceFlag reads a time that lies behind; zero when the flag is not given.
func (p *program) sinceFlag(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := past(text, p.now(), p.zone)
	return at, misused(flag, err)
}
