package config

import (
	"cmp"
	"slices"
	"strings"
)

// place is one concrete setting of the table: its key, and the names that stand
// for the wildcards.
type place struct {
	key   Key
	names []string
}

// path is the public name: "providers.ses.rate", "retry.email.send.max".
func (p place) path() string { return strings.Join(fill(strings.Split(p.key.Path, "."), p.names), ".") }

// field is where the value goes in [Config], part by part; a kind is one part.
func (p place) field() []string { return fill(strings.Split(p.key.fieldPath(), "."), p.names) }

func (p place) env() string { return envName(p.path()) }

// table is [Keys] taken apart once, for many questions.
type table []row

type row struct {
	key   Key
	parts []string // of the path
	words []string // of the variable
}

func newTable() table {
	var t table
	for _, key := range Keys() {
		words := strings.FieldsFunc(key.Path, func(r rune) bool { return r == '.' || r == '_' })
		t = append(t, row{key, strings.Split(key.Path, "."), words})
	}
	return t
}

// find returns the setting that a dotted path names, also by a short form.
func (t table) find(path string) (place, bool) {
	parts := strings.Split(strings.ToLower(path), ".")
	for _, row := range t {
		if found := match(row.parts, parts, namePart); len(found) > 0 {
			return place{row.key, found[0]}, true
		}
	}
	return place{}, false
}

// namePart decides which parts of a path a wildcard may take.
func namePart(wildcard string, taken []string) (string, bool) {
	switch wildcard {
	case "<kind>":
		return kindOf(strings.Join(taken, "."))
	case "<option>":
		return strings.ReplaceAll(strings.Join(taken, "_"), "-", "_"), true
	default:
		return taken[0], len(taken) == 1 && taken[0] != ""
	}
}

// findEnv returns the setting that a variable (without prefix) names. Names may
// hold "_" in a variable, so there can be several ways to read one: a known
// provider wins, then the reading with more words of the table, then the shorter
// name.
func (t table) findEnv(variable string, known []string) (place, bool) {
	words := strings.Split(strings.ToLower(variable), "_")
	if len(words) > 24 {
		return place{}, false
	}
	byEnv := map[string]string{}
	for _, name := range known {
		byEnv[strings.ReplaceAll(name, "-", "_")] = name
	}
	name := func(wildcard string, taken []string) (string, bool) {
		text := strings.Join(taken, "_")
		switch wildcard {
		case "<kind>":
			return kindOf(strings.Join(taken, "."))
		case "<option>", "<call>":
			return text, true
		default:
			if exact, ok := byEnv[text]; ok {
				return exact, true
			}
			return strings.Join(taken, "-"), taken[0] != ""
		}
	}
	var best place
	var bestScore []int
	for _, row := range t {
		for _, names := range match(row.words, words, name) {
			score := []int{0, 0, 0}
			for _, part := range row.words {
				if !isWildcard(part) {
					score[1]++
				}
			}
			if len(names) > 0 {
				score[2] = -len(names[0])
				if slices.Contains(known, names[0]) {
					score[0] = 1
				}
			}
			if bestScore == nil || slices.Compare(score, bestScore) > 0 {
				best, bestScore = place{row.key, names}, score
			}
		}
	}
	return best, bestScore != nil
}

// match returns every way in which parts meet pattern: the names taken by its
// wildcards, in order.
func match(pattern, parts []string, name func(wildcard string, taken []string) (string, bool)) [][]string {
	if len(pattern) == 0 || len(parts) == 0 {
		if len(pattern) == len(parts) {
			return [][]string{nil}
		}
		return nil
	}
	if !isWildcard(pattern[0]) {
		if pattern[0] != parts[0] {
			return nil
		}
		return match(pattern[1:], parts[1:], name)
	}
	var found [][]string
	for n := 1; n <= len(parts); n++ {
		taken, ok := name(pattern[0], parts[:n])
		if !ok {
			continue
		}
		for _, rest := range match(pattern[1:], parts[n:], name) {
			found = append(found, append([]string{taken}, rest...))
		}
	}
	return found
}

// nearest returns the key that an unknown path most likely means, with the
// path's own names in its wildcards; "" when none is near.
func (t table) nearest(path string) string {
	parts := strings.Split(strings.ToLower(path), ".")
	best, bestDistance := "", max(2, len(path)/4)+1
	for _, row := range t {
		if strings.Contains(row.key.Path, "<option>") {
			continue
		}
		candidate := slices.Clone(row.parts)
		for i, part := range row.parts {
			if isWildcard(part) && i < len(parts) {
				candidate[i] = nameLike(part, parts[i:])
			}
		}
		if d := distance(strings.ToLower(path), strings.Join(candidate, ".")); d < bestDistance {
			best, bestDistance = strings.Join(candidate, "."), d
		}
	}
	return best
}

// nameLike is what the reader may have meant in the place of a wildcard: a kind
// is one of a few, in one part or two; any other name is the reader's own.
func nameLike(wildcard string, parts []string) string {
	if wildcard != "<kind>" {
		return parts[0]
	}
	if len(parts) > 1 && slices.Contains(Kinds(), parts[0]+"."+parts[1]) {
		return parts[0] + "." + parts[1]
	}
	var kinds []string
	for _, kind := range Kinds() {
		short, _, _ := strings.Cut(kind, ".")
		kinds = append(kinds, short)
	}
	return cmp.Or(nearestOf(parts[0], kinds), wildcard)
}

// nearestOf returns the word of a list that text most likely means, or "".
func nearestOf(text string, words []string) string {
	best, bestDistance := "", max(2, len(text)/3)+1
	for _, word := range words {
		if d := distance(strings.ToLower(text), strings.ToLower(word)); d < bestDistance {
			best, bestDistance = word, d
		}
	}
	return best
}

// distance is Levenshtein's edit distance; long texts are called far away.
func distance(a, b string) int {
	if len(a) > 128 || len(b) > 128 {
		return 128
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
