package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// ending says in one line how a delivery ended.
func (p *program) ending(view delivery.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", view.ID, view.Status)
	if view.Provider != "" {
		b.WriteString(" by " + view.Provider)
	}
	if view.Attempts > 1 {
		fmt.Fprintf(&b, " after %d attempts", view.Attempts)
	}
	if end := endOf(view); !end.IsZero() && !view.RequestedAt.IsZero() && end.After(view.RequestedAt) {
		b.WriteString(" in " + brief(end.Sub(view.RequestedAt)))
	}
	if why := cause(view); why != "" {
		b.WriteString(": " + why)
	}
	if hint := p.remedy(view); hint != "" {
		b.WriteString("; " + hint)
	}
	return clean(b.String())
}

func endOf(view delivery.View) time.Time {
	if !view.CompletedAt.IsZero() {
		return view.CompletedAt
	}
	return view.UpdatedAt
}

// cause joins what is known of a failure: reason, the provider's code and words.
func cause(view delivery.View) string {
	var parts []string
	if view.Reason != "" && string(view.Reason) != string(view.Status) {
		parts = append(parts, string(view.Reason))
	}
	if view.ErrorCode != "" && !strings.Contains(view.ErrorMessage, view.ErrorCode) {
		parts = append(parts, view.ErrorCode)
	}
	if view.ErrorMessage != "" {
		parts = append(parts, view.ErrorMessage)
	}
	return strings.Join(parts, ": ")
}

// remedy says what a person can do about a status with the commands there are.
func (p *program) remedy(view delivery.View) string {
	switch {
	case view.Status == delivery.Unknown && p.backends.Unknowns != nil:
		return fmt.Sprintf("find out, then publisher unknown settle %s --sent or --not-sent", view.ID)
	case view.Status == delivery.Unknown:
		return "it may have been sent"
	case view.Status == delivery.ManualReview && p.backends.Manual != nil:
		return fmt.Sprintf("enter the company by hand: publisher manual complete %s", view.ID)
	case view.Status == delivery.DeadLettered && p.backends.DeadLetters != nil:
		return fmt.Sprintf("publisher deadletters show %s", view.ID)
	}
	return ""
}

// underway says where an open delivery is.
func underway(view delivery.View) string {
	text := string(view.Status)
	if view.Provider != "" && view.Status != delivery.Queued {
		text += " at " + view.Provider
	}
	if view.Attempts > 0 {
		text += fmt.Sprintf(" (attempt %d)", view.Attempts)
	}
	if view.Status == delivery.Scheduled && !view.SendAt.IsZero() {
		text += " for " + view.SendAt.Format(time.RFC3339)
	}
	return clean(text)
}

// outcomeStyle is the colour of an attempt's outcome.
func outcomeStyle(word string) string {
	switch word {
	case "ok":
		return green
	case "unknown":
		return yellow
	case "failed":
		return red
	}
	return ""
}

// positive is a number as tables show it; nothing for zero.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// metadata joins labels in the order of their names.
func metadata(values map[string]string) string {
	parts := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, name+"="+values[name])
	}
	return clean(strings.Join(parts, " "))
}

// cleanLines is [clean] for text of several lines.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = clean(line)
	}
	return strings.Join(lines, "\n")
}

// headerLines shows message headers one a line, by name.
func headerLines(headers map[string][]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		for _, value := range headers[name] {
			b.WriteString(clean(name) + ": " + clean(value) + "\n")
		}
	}
	return b.String()
}
