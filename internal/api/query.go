package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// query reads the parameters of a request strictly. The first mistake is kept in
// err; a parameter that nobody asked for is one.
type query struct {
	values url.Values
	known  []string
	err    error
}

// Page asks for one page of a list.
type Page struct {
	Cursor string // "" for the first page, else what the page before returned
	Size   int    // at most so many items
}

const (
	usualPage   = 100
	largestPage = 500
)

func queryOf(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.err = fault.New(fault.Invalid, "query", "the query %q cannot be read", clip(r.URL.RawQuery))
	}
	return q
}

// text reads a parameter that stands at most once.
func (q *query) text(name string) string {
	q.known = append(q.known, name)
	if len(q.values[name]) > 1 {
		q.fail(name, "stands %d times; once is allowed", len(q.values[name]))
	}
	if text := q.values.Get(name); !strings.Contains(text, "\x00") {
		return text
	}
	q.fail(name, "contains the character NUL")
	return ""
}

// texts reads a parameter that may be repeated or hold several values with commas.
func (q *query) texts(name string) (all []string) {
	q.known = append(q.known, name)
	for _, value := range q.values[name] {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimSpace(one); strings.Contains(one, "\x00") {
				q.fail(name, "contains the character NUL")
			} else if one != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

// words reads values of a vocabulary.
func words[T ~string](q *query, name string, allowed []T) (all []T) {
	for _, text := range q.texts(name) {
		if !slices.Contains(allowed, T(text)) {
			q.fail(name, "%q is not known; allowed: %s", clip(text), enumerate(allowed))
		}
		all = append(all, T(text))
	}
	return all
}

// time reads a moment in RFC 3339, or how long it is ago: 90s, 24h, 7d.
func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := moment(text, time.Now())
	if err != nil {
		q.fail(name, "%v", err)
	}
	return at
}

// page reads cursor and limit.
func (q *query) page() Page {
	page := Page{Cursor: q.text("cursor"), Size: usualPage}
	if text := q.text("limit"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 || size > largestPage {
			q.fail("limit", "%q must be a whole number from 1 to %d", clip(text), largestPage)
		}
		page.Size = size
	}
	return page
}

// done returns the first mistake.
func (q *query) done() error {
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			q.fail(clip(name), "is not a parameter of this; allowed: %s", enumerate(q.known))
			break
		}
	}
	return q.err
}

func (q *query) fail(name, format string, args ...any) {
	if q.err == nil {
		q.err = fault.InvalidField(name, format, args...)
	}
}

func moment(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return now.AddDate(0, 0, -n), nil
		}
	} else if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time; allowed: RFC 3339, or how long ago such as 90s, 24h, 7d", clip(text))
}

func enumerate[T ~string](all []T) string {
	if len(all) == 0 {
		return "none"
	}
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}

// clip bounds a value that is repeated in an answer.
func clip(text string) string {
	const most = 60
	if text = strings.ToValidUTF8(text, "�"); len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
