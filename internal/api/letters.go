package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Letters keeps the dead letters.
type Letters interface {
	deadletter.Store
	// Letters reads open letters, newest first: at most so many below a number, 0
	// for the newest.
	Letters(ctx context.Context, filter deadletter.Filter, below int64, most int) ([]deadletter.Letter, error)
	// Letter reads one with its payload and headers, sensitive values masked; a
	// not_found fault when there is none.
	Letter(ctx context.Context, ref deadletter.Ref) (letter deadletter.Letter, payload []byte, headers map[string][]string, err error)
	// Attempts reads the provider calls of a delivery.
	Attempts(ctx context.Context, id uuid.UUID) ([]delivery.Attempt, error)
}

type letterDetail struct {
	deadletter.Letter
	Headers    map[string][]string `json:"headers"`
	Payload    jsontext.Value      `json:"payload"` // a text when it was no JSON
	AttemptLog []attempt           `json:"attempt_log"`
}

func (a *API) letters() {
	if a.parts.Letters == nil {
		return
	}
	a.serve("GET /api/v1/deadletters", a.listLetters)
	a.serve("GET /api/v1/deadletters/{id}", a.showLetter)
	a.serve("POST /api/v1/deadletters/replay", func(r *http.Request) (answer, error) { return a.settleLetters(r, deadletter.Replay) })
	a.serve("POST /api/v1/deadletters/discard", func(r *http.Request) (answer, error) { return a.settleLetters(r, deadletter.Discard) })
}

func (a *API) listLetters(r *http.Request) (answer, error) {
	q := queryOf(r)
	filter := deadletter.Filter{
		Kinds: words(q, "kind", command.Kinds()), Reasons: words(q, "reason", fault.Reasons()), Providers: q.texts("provider"),
		Since: q.time("since"), Until: q.time("until"), Contains: q.text("contains"),
		Impersonal: !seesPeople(r),
	}
	page := q.page()
	below := letterNumber(q, page.Cursor)
	if err := q.done(); err != nil {
		return answer{}, err
	}
	letters, err := a.parts.Letters.Letters(r.Context(), filter, below, page.Size)
	next := ""
	if len(letters) == page.Size {
		next = number(letters[len(letters)-1].Number)
	}
	if filter.Impersonal {
		for i := range letters {
			letters[i].Recipient = a.masked(letters[i].Recipient)
		}
	}
	return listOf(letters, next), err
}

// seesPeople reports whether a caller may see who a dead letter was for and what it
// says: as in the database, where the reader's role has no dead letters, whoever may
// read only may not.
func seesPeople(r *http.Request) bool { return CallerOf(r.Context()).Write }

func (a *API) masked(recipient string) string {
	if recipient == "" {
		return ""
	}
	return a.options.Mask(recipient)
}

func letterNumber(q *query, cursor string) int64 {
	if cursor == "" {
		return 0
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n < 1 {
		q.fail("cursor", "%q was not made by this list", clip(cursor))
	}
	return n
}

func (a *API) showLetter(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	letter, payload, headers, err := a.parts.Letters.Letter(r.Context(), letterRef(r.PathValue("id")))
	if err != nil {
		return answer{}, err
	}
	attempts, err := a.parts.Letters.Attempts(r.Context(), letter.DeliveryID)
	if !seesPeople(r) {
		// A producer may have put anything into its headers too.
		letter.Recipient, headers = a.masked(letter.Recipient), nil
		if len(payload) > 0 {
			payload = []byte(`"` + command.Redacted + `"`)
		}
	}
	if headers == nil {
		headers = map[string][]string{}
	}
	return answer{body: letterDetail{Letter: letter, Headers: headers, Payload: asJSON(payload), AttemptLog: attemptsOf(letter.DeliveryID, attempts)}}, err
}

// letterRef reads the number of a letter, or the id of its delivery.
func letterRef(text string) deadletter.Ref {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return deadletter.Ref{Number: n}
	}
	return deadletter.Ref{Delivery: command.ParseID(text)}
}

func asJSON(payload []byte) jsontext.Value {
	if value := jsontext.Value(payload); len(payload) > 0 && value.IsValid() {
		return value
	}
	if len(payload) == 0 {
		return jsontext.Value("null")
	}
	text, _ := jsontext.AppendQuote(nil, payload) // bytes that are no UTF-8 are replaced
	return text
}

// letterOrder is the body of replay and discard.
type letterOrder struct {
	All       bool       `json:"all"` // needed when nothing narrows
	IDs       []letterID `json:"ids"`
	Kinds     []string   `json:"kinds"`
	Reasons   []string   `json:"reasons"`
	Providers []string   `json:"providers"`
	Since     string     `json:"since"`
	Until     string     `json:"until"`
	Contains  string     `json:"contains"`
	DryRun    bool       `json:"dry_run"`
	Limit     int        `json:"limit"`
	Cursor    string     `json:"cursor"`
	Note      string     `json:"note"`
}

// letterID is the number of a letter, or a text with it or with a delivery's id.
type letterID string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *letterID) UnmarshalJSON(text []byte) error {
	if jsontext.Value(text).Kind() == '0' {
		*l = letterID(text)
		return nil
	}
	return json.Unmarshal(text, (*string)(l))
}

const (
	// mostLetters and settleFor bound what one call settles; the answer's cursor
	// goes on where it ended.
	mostLetters = 1000
	lettersAtom = 100 // in one transaction
	settleFor   = 15 * time.Second
	leftCounted = 10_000
)

func (o *letterOrder) filter() (deadletter.Filter, error) {
	q := &query{values: map[string][]string{
		"kinds": o.Kinds, "reasons": o.Reasons, "providers": o.Providers, "since": {o.Since}, "until": {o.Until}, "contains": {o.Contains},
	}}
	f := deadletter.Filter{
		Kinds: words(q, "kinds", command.Kinds()), Reasons: words(q, "reasons", fault.Reasons()), Providers: q.texts("providers"),
		Since: q.time("since"), Until: q.time("until"), Contains: q.text("contains"),
	}
	for _, id := range o.IDs {
		f.Refs = append(f.Refs, letterRef(string(id)))
	}
	narrows := len(f.Refs)+len(f.Kinds)+len(f.Reasons)+len(f.Providers) > 0 || !f.Since.IsZero() || !f.Until.IsZero() || f.Contains != ""
	if !narrows && !o.All {
		q.fail("all", "nothing narrows the letters; give ids, kinds, reasons, providers, since, until or contains, or set all to true")
	}
	if o.Limit < 0 || o.Limit > mostLetters {
		q.fail("limit", "%d must be from 1 to %d", o.Limit, mostLetters)
	}
	return f, q.done()
}

// settled is what one call did and what it left.
type settled struct {
	Matched   int     `json:"matched"`
	Replayed  *int    `json:"replayed,omitzero"`
	Discarded *int    `json:"discarded,omitzero"`
	Skipped   int     `json:"skipped"` // succeeded meanwhile, or settled by someone else
	Failed    int     `json:"failed"`  // cannot be replayed
	Wiped     int     `json:"wiped"`   // of Failed: the values of their sensitive variables are gone
	Sealed    int     `json:"sealed"`  // of Failed: no key that is known here opens them
	Left      int     `json:"left"`    // above the cursor, counted up to leftCounted
	Next      *string `json:"next"`
}

func (a *API) settleLetters(r *http.Request, action deadletter.Action) (answer, error) {
	var order letterOrder
	if err := decode(r, &order); err != nil {
		return answer{}, err
	}
	filter, err := order.filter()
	if err != nil {
		return answer{}, err
	}
	q := new(query)
	after := letterNumber(q, order.Cursor)
	if q.err != nil {
		return answer{}, q.err
	}
	done := 0
	out := settled{Replayed: &done}
	if action == deadletter.Discard {
		out = settled{Discarded: &done}
	}
	if out.Matched, err = a.parts.Letters.CountLetters(r.Context(), filter, 0); err != nil || order.DryRun {
		out.Left = out.Matched
		return answer{body: out}, err
	}
	most := order.Limit
	if most == 0 {
		most = mostLetters
	}
	err = a.settleUpTo(r.Context(), action, filter, after, most, order.Note, &done, &out)
	return answer{body: out}, err
}

// settleUpTo settles letters above a number, at most so many, and says where it
// ended.
func (a *API) settleUpTo(ctx context.Context, action deadletter.Action, filter deadletter.Filter, after int64, most int, note string, done *int, out *settled) error {
	by, until, seen := CallerOf(ctx).Name, time.Now().Add(settleFor), 0
	ended := false
	for seen < most && time.Now().Before(until) {
		numbers, err := a.parts.Letters.OpenLetters(ctx, filter, after, min(lettersAtom, most-seen))
		if err != nil {
			return err
		}
		if ended = len(numbers) == 0; ended {
			break
		}
		part, err := a.parts.Letters.SettleLetters(ctx, action, numbers, by, note)
		if err != nil {
			return err
		}
		after, seen = numbers[len(numbers)-1], seen+len(numbers)
		*done, out.Skipped, out.Failed = *done+part.Done, out.Skipped+part.Skipped, out.Failed+part.Failed
		out.Wiped, out.Sealed = out.Wiped+part.Wiped, out.Sealed+part.Sealed
	}
	if ended {
		return nil
	}
	more, err := a.parts.Letters.OpenLetters(ctx, filter, after, leftCounted)
	if out.Left = len(more); err == nil && len(more) > 0 {
		next := number(after)
		out.Next = &next
	}
	return err
}
