package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/providers"
)

// compare holds a provider's answer against what people entered about the same
// company while no provider could answer. It never changes the answer.
func (h *Business) compare(ctx context.Context, v *verification) {
	if v.err != nil || !v.live {
		return
	}
	entries, err := h.options.Manual.OpenEntries(ctx, v.request.RegistrationNumber)
	if err != nil {
		h.options.Trouble(ctx, err)
		return
	}
	for _, entry := range entries {
		entered, err := read[providers.BusinessResult](entry.Result)
		if err != nil {
			h.options.Trouble(ctx, err)
			continue
		}
		differs := contradicts(entered, v.result)
		if len(differs) == 0 {
			continue
		}
		answer, err := encoded(v.result)
		if err == nil {
			err = h.options.Manual.Contradict(ctx, delivery.Contradiction{Entry: entry, Differs: differs, Answer: answer, At: time.Now().UTC()})
		}
		if err != nil {
			h.options.Trouble(ctx, err)
		}
	}
}

// contradicts names what differs between an entry and a provider's answer. What
// either does not know contradicts nothing; that one register does not list a
// company says nothing about it.
func contradicts(entered, answer providers.BusinessResult) (differs []string) {
	was, is := entered.Company, answer.Company
	if answer.Outcome == providers.BusinessNotRegistered {
		return []string{"outcome"}
	}
	if was.Status != "" && is.Status != "" && was.Status != is.Status {
		differs = append(differs, "status")
	}
	if was.Name != "" && is.Name != "" && bareName(was.Name) != bareName(is.Name) {
		differs = append(differs, "name")
	}
	if was.Representative != "" && is.Representative != "" && providers.RepresentativesDiffer(was.Representative, is.Representative) {
		differs = append(differs, "representative")
	}
	return differs
}

// bareName is a company's name without its legal form, spaces and letter case.
func bareName(name string) string {
	for _, form := range []string{"주식회사", "유한회사", "(주)", "㈜", "(유)"} {
		name = strings.ReplaceAll(name, form, "")
	}
	return strings.ToLower(strings.ReplaceAll(name, " ", ""))
}
