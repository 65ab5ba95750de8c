package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Addressed is whom a command goes to.
type Addressed struct {
	ID        uuid.UUID
	Kind      command.Kind
	Recipient string // with commas when there are several
}

// Recipients reads a page of those that commands went to, after a place; done
// reports that it is the last. Rows without any are left out.
func (r Reader) Recipients(ctx context.Context, from Place, most int) (found []Addressed, next Place, done bool, err error) {
	rows, err := r.pool.Query(ctx, `SELECT id, requested_at, kind, coalesce(recipient, '') FROM gangway.deliveries
		WHERE (requested_at, id) > ($1, $2) ORDER BY requested_at, id LIMIT $3`, from.At, from.ID, most)
	if err != nil {
		return nil, from, false, fmt.Errorf("postgres: recipients: %w", err)
	}
	next, seen := from, 0
	var kind command.Kind
	var recipient string
	_, err = pgx.ForEachRow(rows, []any{&next.ID, &next.At, &kind, &recipient}, func() error {
		if seen++; recipient != "" {
			found = append(found, Addressed{next.ID, kind, recipient})
		}
		return nil
	})
	if err != nil {
		return nil, from, false, fmt.Errorf("postgres: recipients: %w", err)
	}
	return found, next, seen < most, nil
}

// Forgotten counts what was removed of a person.
type Forgotten struct {
	Deliveries int // that no longer know whom they went to
	Attempts   int // whose requests and responses are gone
	Events     int // of providers
	Letters    int // dead letters whose content is gone; they cannot be replayed
	Waiting    int // deliveries that were left as they are, because a worker has them or others wait for them
}

// Plus adds two counts.
func (f Forgotten) Plus(g Forgotten) Forgotten {
	return Forgotten{f.Deliveries + g.Deliveries, f.Attempts + g.Attempts, f.Events + g.Events, f.Letters + g.Letters, f.Waiting + g.Waiting}
}

// Forget removes from one delivery what says that it went to a person, with its
// content: row, recipients, attempts, events, dead letters and what waits in the
// outbox, in one transaction. Id, status and digest stay, so that it is never
// executed again. What has not begun is cancelled, where nobody else waits for it.
// is reports whether an address is the person's; dry only counts.
func (o *Operator) Forget(ctx context.Context, target uuid.UUID, is func(address string) bool, dry bool) (done Forgotten, err error) {
	err = o.change(ctx, func(tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, target)
		if err != nil {
			return err
		}
		person, others := divide(row.Recipient, is)
		if len(person) == 0 {
			return nil
		}
		open := row.Status.Open()
		if open && (row.Token != uuid.Nil || row.Unsure != "" || len(others) > 0) {
			done.Waiting++
			return nil
		}
		if dry {
			done, err = holds(ctx, tx, target, person, others)
			return err
		}
		if done, err = wipe(ctx, tx, target, person, others); err != nil || !open {
			return err
		}
		// Its event is made of the row as it is now: without the person.
		if row, err = lockRow(ctx, tx, target); err != nil {
			return err
		}
		row.Status, row.Reason, row.ErrorMessage = delivery.Cancelled, fault.Cancelled, "its recipient was forgotten"
		return o.move(ctx, tx, &row)
	})
	if err != nil {
		return done, fmt.Errorf("postgres: forget %s: %w", target, err)
	}
	return done, nil
}

// divide tells a person's addresses from those of others.
func divide(recipient string, is func(string) bool) (person, others []string) {
	for address := range strings.SplitSeq(recipient, ",") {
		if is(address) {
			person = append(person, address)
		} else {
			others = append(others, address)
		}
	}
	return person, others
}

// eventsOf selects the events of a delivery that are about a person ($2, folded),
// or all of them where nobody else got it ($3).
const eventsOf = `FROM gangway.delivery_events WHERE delivery_id = $1 AND ($3 OR lower(recipient) = ANY ($2))`

func holds(ctx context.Context, tx pgx.Tx, target uuid.UUID, person, others []string) (f Forgotten, err error) {
	f.Deliveries = 1
	err = tx.QueryRow(ctx, `
SELECT (SELECT count(*) FROM gangway.delivery_attempts WHERE delivery_id = $1), (SELECT count(*) `+eventsOf+`),
       (SELECT count(*) FROM gangway.dead_letters WHERE delivery_id = $1)`,
		target, folded(person), len(others) == 0).Scan(&f.Attempts, &f.Events, &f.Letters)
	return f, err
}

func wipe(ctx context.Context, tx pgx.Tx, target uuid.UUID, person, others []string) (f Forgotten, err error) {
	for _, step := range []struct {
		count     *int
		statement string
		args      []any
	}{
		// What was enqueued and not published yet, and events that tell of the person.
		{nil, `DELETE FROM gangway.outbox WHERE delivery_id = $1`, []any{target}},
		{nil, `DELETE FROM gangway.delivery_polls WHERE delivery_id = $1`, []any{target}},
		{nil, `DELETE FROM gangway.delivery_recipients WHERE delivery_id = $1 AND address = ANY ($2)`, []any{target, person}},
		{&f.Events, `DELETE ` + eventsOf, []any{target, folded(person), len(others) == 0}},
		{&f.Attempts, `UPDATE gangway.delivery_attempts SET request = NULL, response = NULL, provider_message_id = NULL WHERE delivery_id = $1`, []any{target}},
		{&f.Letters, `UPDATE gangway.dead_letters SET payload = NULL, headers = NULL, recipient = nullif($2, ''), subject = NULL, error = '',
			discarded_at = CASE WHEN replayed_at IS NULL THEN coalesce(discarded_at, now()) END WHERE delivery_id = $1`, []any{target, strings.Join(others, ",")}},
		{&f.Deliveries, `UPDATE gangway.deliveries SET recipient = nullif($2, ''), subject = NULL, result = NULL, metadata = NULL, correlation_id = NULL,
			error_message = NULL, provider_message_id = NULL, purged_at = CASE WHEN $2 = '' AND rank >= 30 THEN now() END WHERE id = $1`,
			[]any{target, strings.Join(others, ",")}},
	} {
		tag, err := tx.Exec(ctx, step.statement, step.args...)
		if err != nil {
			return f, err
		}
		if step.count != nil {
			*step.count = int(tag.RowsAffected())
		}
	}
	return f, nil
}

func folded(addresses []string) []string {
	all := slices.Clone(addresses)
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return all
}

// forgottenSQL takes a person out of a dead letter.
const forgottenSQL = `payload = NULL, headers = NULL, recipient = NULL, subject = NULL, error = '',
    discarded_at = CASE WHEN replayed_at IS NULL THEN coalesce(discarded_at, now()) END`

// ForgetLetters removes the content of dead letters that have no delivery with
// the person as recipient and name one of its addresses all the same: of commands
// that could not be read, of webhooks.
// found has one entry a letter, without the recipient. unread counts sealed ones
// that no key opens: they could not be searched.
func (o *Operator) ForgetLetters(ctx context.Context, addresses []string, dry bool) (found []Addressed, unread int, err error) {
	// A body need not be text: in escaped form it can be searched in any letter case.
	const named = `EXISTS (SELECT FROM unnest($1::text[]) AS a (address), encode(convert_to(lower(a.address), 'UTF8'), 'escape') AS e (address)
		WHERE lower(a.address) = ANY (string_to_array(lower(l.recipient), ','))
		   OR l.headers -> 'Gangway-Sealed' IS NULL
		  AND (position('"' || e.address || '"' IN lower(encode(l.payload, 'escape'))) > 0 OR position('<' || e.address || '>' IN lower(encode(l.payload, 'escape'))) > 0))`
	statement := `UPDATE gangway.dead_letters l SET ` + forgottenSQL + ` WHERE ` + named + ` RETURNING delivery_id, kind`
	if dry {
		statement = `SELECT delivery_id, kind FROM gangway.dead_letters l WHERE ` + named
	}
	rows, err := o.pool.Query(ctx, statement, addresses)
	if err == nil {
		var one Addressed
		_, err = pgx.ForEachRow(rows, []any{&one.ID, &one.Kind}, func() error {
			found = append(found, one)
			return nil
		})
	}
	var sealed []Addressed
	if err == nil {
		sealed, unread, err = o.forgetSealed(ctx, addresses, dry)
	}
	if err != nil {
		return nil, unread, fmt.Errorf("postgres: forget letters: %w", err)
	}
	return append(found, sealed...), unread, nil
}

// forgetSealed is [Operator.ForgetLetters] for those whose content the database
// cannot search.
func (o *Operator) forgetSealed(ctx context.Context, addresses []string, dry bool) (found []Addressed, unread int, err error) {
	const page = 16 // bodies of up to 1 MiB
	var last int64
	for {
		rows, err := o.pool.Query(ctx, `SELECT l.id, l.delivery_id, l.kind, l.payload FROM gangway.dead_letters l
			WHERE l.id > $1 AND l.headers -> 'Gangway-Sealed' IS NOT NULL AND l.payload IS NOT NULL
			  AND NOT coalesce(string_to_array(lower(l.recipient), ',') && $2, false)
			ORDER BY l.id LIMIT $3`, last, folded(addresses), page)
		if err != nil {
			return found, unread, err
		}
		var named []int64
		var one Addressed
		var payload []byte
		tag, err := pgx.ForEachRow(rows, []any{&last, &one.ID, &one.Kind, &payload}, func() error {
			body, err := o.sealer.Open(payload, SealedPlace(one.ID))
			if err != nil {
				unread++
				return nil //nolint:nilerr // it is counted: its key is not known here
			}
			if names(body, addresses) {
				named, found = append(named, last), append(found, one)
			}
			return nil
		})
		if err == nil && !dry && len(named) > 0 {
			_, err = o.pool.Exec(ctx, `UPDATE gangway.dead_letters SET `+forgottenSQL+` WHERE id = ANY ($1)`, named)
		}
		if err != nil || tag.RowsAffected() < page {
			return found, unread, err
		}
	}
}

// names reports whether a body has one of the addresses in quotes or brackets, in
// any letter case.
func names(body []byte, addresses []string) bool {
	body = bytes.ToLower(body)
	return slices.ContainsFunc(folded(addresses), func(address string) bool {
		return bytes.Contains(body, []byte(`"`+address+`"`)) || bytes.Contains(body, []byte("<"+address+">"))
	})
}

// AuditForgotten writes down that somebody was forgotten, under a name made up for
// it, and puts that name into earlier entries about the person.
func (o *Operator) AuditForgotten(ctx context.Context, by, note string, addresses []string, done Forgotten) error {
	alias := "forgotten-" + rand.Text()[:8]
	err := o.change(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE gangway.audit_log SET target = $2 WHERE lower(target) = ANY ($1)`, folded(addresses), alias); err != nil {
			return err
		}
		return audit(ctx, tx, by, "recipient.forget", alias, map[string]any{
			"deliveries": done.Deliveries, "attempts": done.Attempts, "events": done.Events, "dead_letters": done.Letters, "waiting": done.Waiting,
			"note": note,
		})
	})
	if err != nil {
		return fmt.Errorf("postgres: audit: %w", err)
	}
	return nil
}
