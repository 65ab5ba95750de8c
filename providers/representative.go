package providers

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// separators stand between names. They are looked for before normalisation,
// which turns U+318D into a vowel.
const separators = ",/·ㆍ・･•、;|&+，；／｜＆"

var (
	parensRE = regexp.MustCompile(`[(\[{（［｛<〈《]([^()\[\]{}（）［］｛｝<>〈〉《》]*)[)\]}）］｝>〉》]`)
	// othersRE is "and n others" at the end: 외 1명, 외1인, 외 2, 외.
	othersRE = regexp.MustCompile(`(?:\s+외|외\s*\d+)\s*\d*\s*(?:명|인|名|人)?\s*$`)
	titleRE  = regexp.MustCompile(`^(?:공동|각자)?\s*(?:대표이사|대표자|대표|사장|이사장)\s*[:：]?\s+`)
)

// JudgeRepresentative compares the name asked for with the names that are listed in
// one text. Spaces, the case and order of Latin words, titles and hanja in
// parentheses make no difference. Where the text leaves names out ("외 1명") or
// has one in another script only, it proves nothing against a person who is not
// in it, and the outcome is found.
func JudgeRepresentative(listed, asked string) BusinessOutcome {
	return judgeForms(listed, forms(asked))
}

// RepresentativesDiffer reports whether two texts, each of one name or several, have
// nobody in common. A text that leaves names out differs from none.
func RepresentativesDiffer(a, b string) bool {
	names, whole := listedNames(a)
	return whole && !slices.ContainsFunc(names, func(name []string) bool { return judgeForms(b, name) != BusinessMismatch })
}

func judgeForms(listed string, wanted []string) BusinessOutcome {
	names, whole := listedNames(listed)
	for _, name := range names {
		if slices.ContainsFunc(wanted, func(form string) bool { return slices.Contains(name, form) }) {
			return BusinessMatch
		}
		whole = whole && sameScript(name, wanted)
	}
	if !whole {
		return BusinessFound
	}
	return BusinessMismatch
}

// listedNames returns the forms of every listed name, and whether the register
// names everybody.
func listedNames(listed string) (names [][]string, whole bool) {
	whole = true
	for _, part := range strings.FieldsFunc(listed, func(r rune) bool {
		return strings.ContainsRune(separators, r) || unicode.IsControl(r)
	}) {
		if rest := othersRE.ReplaceAllString(part, ""); rest != part {
			part, whole = rest, false
		}
		part = titleRE.ReplaceAllString(strings.TrimSpace(part), "")
		if found := append(forms(part), spaced(part)...); len(found) > 0 {
			names = append(names, found)
		}
	}
	return names, whole && len(names) > 0
}

// sameScript reports whether two names have forms in the same script, so that
// their difference means something.
func sameScript(name, wanted []string) bool {
	return slices.ContainsFunc(name, func(form string) bool {
		return slices.ContainsFunc(wanted, func(other string) bool { return script(form) == script(other) })
	})
}

// forms returns one name as it is compared: without its parentheses, and what
// stands in them ("John Smith(존 스미스)").
func forms(name string) []string {
	var all []string
	for _, form := range append([]string{parensRE.ReplaceAllString(name, " ")}, inParens(name)...) {
		if form = fold(form); form != "" {
			all = append(all, form)
		}
	}
	return all
}

func inParens(name string) []string {
	var all []string
	for _, match := range parensRE.FindAllStringSubmatch(name, -1) {
		all = append(all, match[1])
	}
	return all
}

// spaced splits names that only a space divides. A word of fewer than three
// syllables may be a surname or a given name, so then nothing is split: better
// to miss a match than to make one up.
func spaced(part string) []string {
	words := strings.Fields(parensRE.ReplaceAllString(part, " "))
	var all []string
	for _, word := range words {
		word = fold(word)
		if utf8.RuneCountInString(word) < 3 || script(word) != unicode.Hangul {
			return nil
		}
		all = append(all, word)
	}
	if len(all) < 2 {
		return nil
	}
	return all
}

// fold keeps letters and digits, in one form. The words of Latin names are
// sorted: registers write the surname first or last.
func fold(name string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(name)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if script(strings.Join(words, "")) == unicode.Latin {
		slices.Sort(words)
	}
	return strings.Join(words, "")
}

// script is that of the first letter; nil for none of the three of names.
func script(form string) *unicode.RangeTable {
	r, _ := utf8.DecodeRuneInString(form)
	for _, table := range []*unicode.RangeTable{unicode.Hangul, unicode.Han, unicode.Latin} {
		if unicode.Is(table, r) {
			return table
		}
	}
	return nil
}
