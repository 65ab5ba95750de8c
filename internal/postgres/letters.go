package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

const letterColumnsSQL = `l.id, l.delivery_id, l.kind, l.lane, l.generation, l.reason, l.error, coalesce(l.provider, ''),
    coalesce(l.recipient, ''), l.attempts, coalesce(l.trace_id, ''), l.first_seen, l.created_at, l.replayed_at, l.discarded_at`

// Letters reads open dead letters, newest first: at most so many below a number
// (0 for the newest).
func (r Reader) Letters(ctx context.Context, f deadletter.Filter, below int64, most int) ([]deadletter.Letter, error) {
	where, args := letterWhere(f)
	if below > 0 {
		args = append(args, below)
		where += fmt.Sprintf(" AND l.id < $%d", len(args))
	}
	rows, err := r.pool.Query(ctx, fmt.Sprintf(`SELECT %s FROM gangway.dead_letters l WHERE %s ORDER BY l.id DESC LIMIT %d`,
		letterColumnsSQL, where, most), args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: dead letters: %w", err)
	}
	letters, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l deadletter.Letter, err error) { return l, scanLetter(row, &l) })
	if err != nil {
		return nil, fmt.Errorf("postgres: dead letters: %w", err)
	}
	return letters, nil
}

// Letter reads one dead letter to be shown, with its payload and headers; a
// not_found fault when there is none. Values of sensitive variables that are
// still kept are masked. In place of a sealed body that no key opens stands why.
func (r Reader) Letter(ctx context.Context, ref deadletter.Ref) (l deadletter.Letter, payload []byte, headers map[string][]string, err error) {
	var text []byte
	row := r.pool.QueryRow(ctx, `SELECT `+letterColumnsSQL+`, l.payload, l.headers FROM gangway.dead_letters l
		WHERE l.id = $1 OR ($1 = 0 AND l.delivery_id = $2) ORDER BY l.id DESC LIMIT 1`, ref.Number, ref.Delivery)
	err = scanLetter(row, &l, &payload, &text)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, nil, nil, fault.New(fault.NotFound, "postgres: dead letter", "there is no dead letter %s", refText(ref))
	}
	if err == nil && text != nil {
		err = json.Unmarshal(text, &headers)
	}
	if err != nil {
		return l, nil, nil, fmt.Errorf("postgres: dead letter: %w", err)
	}
	payload, readable := r.open(l.DeliveryID, payload, headers)
	if names := headers[delivery.HeaderSensitive]; readable && len(names) > 0 {
		payload = command.Redact(payload, strings.Split(names[0], ","))
	}
	return l, payload, headers, nil
}

// CountLetters implements [deadletter.Store].
func (r Reader) CountLetters(ctx context.Context, f deadletter.Filter, most int) (n int, err error) {
	where, args := letterWhere(f)
	limit := ""
	if most > 0 {
		limit = fmt.Sprintf(" LIMIT %d", most)
	}
	row := r.pool.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM gangway.dead_letters l WHERE `+where+limit+`) AS matched`, args...)
	if err := row.Scan(&n); err != nil {
		return 0, fmt.Errorf("postgres: dead letters: %w", err)
	}
	return n, nil
}

// OpenLetters implements [deadletter.Store].
func (r Reader) OpenLetters(ctx context.Context, f deadletter.Filter, after int64, most int) ([]int64, error) {
	where, args := letterWhere(f)
	args = append(args, after)
	rows, err := r.pool.Query(ctx, fmt.Sprintf(`SELECT l.id FROM gangway.dead_letters l WHERE %s AND l.id > $%d ORDER BY l.id LIMIT %d`,
		where, len(args), most), args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: dead letters: %w", err)
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("postgres: dead letters: %w", err)
	}
	return numbers, nil
}

// letterWhere is the condition of a filter over open letters.
func letterWhere(f deadletter.Filter) (string, []any) {
	conditions := []string{"l.replayed_at IS NULL", "l.discarded_at IS NULL"}
	var args []any
	add := func(condition string, value any) {
		args = append(args, value)
		conditions = append(conditions, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args))))
	}
	if len(f.Refs) > 0 {
		var numbers []int64
		var ids []uuid.UUID
		for _, ref := range f.Refs {
			if ref.Number > 0 {
				numbers = append(numbers, ref.Number)
			} else {
				ids = append(ids, ref.Delivery)
			}
		}
		args = append(args, numbers, ids)
		conditions = append(conditions, fmt.Sprintf("(l.id = ANY ($%d) OR l.delivery_id = ANY ($%d))", len(args)-1, len(args)))
	}
	if len(f.Kinds) > 0 {
		add("l.kind = ANY (?)", f.Kinds)
	}
	if len(f.Reasons) > 0 {
		add("l.reason = ANY (?)", f.Reasons)
	}
	if len(f.Providers) > 0 {
		add("l.provider = ANY (?)", f.Providers)
	}
	if !f.Since.IsZero() {
		add("l.created_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		add("l.created_at < ?", f.Until)
	}
	switch {
	case f.Contains == "":
	case f.Impersonal:
		add(`position(lower(?) IN lower(l.error)) > 0`, f.Contains)
	default:
		// Sealed payloads cannot be searched. Others need not be text; both sides are compared in the escape format.
		add(`(position(lower(?) IN lower(l.error)) > 0 OR position(lower(?) IN lower(coalesce(l.recipient, ''))) > 0
		      OR l.headers -> 'Gangway-Sealed' IS NULL
		         AND position(lower(encode(convert_to(?, 'UTF8'), 'escape')) IN lower(encode(l.payload, 'escape'))) > 0)`, f.Contains)
	}
	return strings.Join(conditions, " AND "), args
}

func scanLetter(row pgx.Row, l *deadletter.Letter, more ...any) error {
	var replayed, discarded *time.Time
	err := row.Scan(append([]any{
		&l.Number, &l.DeliveryID, &l.Kind, &l.Lane, &l.Generation, &l.Reason, &l.Error, &l.Provider, &l.Recipient,
		&l.Attempts, &l.TraceID, &l.FirstSeen, &l.CreatedAt, &replayed, &discarded,
	}, more...)...)
	l.ReplayedAt, l.DiscardedAt = deref(replayed), deref(discarded)
	return err
}

func refText(ref deadletter.Ref) string {
	if ref.Number > 0 {
		return fmt.Sprintf("with the number %d", ref.Number)
	}
	return "of delivery " + ref.Delivery.String()
}
