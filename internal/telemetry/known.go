package telemetry

import (
	"cmp"
	"slices"
	"strings"
)

// knownTexts finds secrets by their text. Most text holds none, so the first two
// bytes of every position are looked up in a bitmap before anything is compared;
// nothing is allocated unless a secret is there.
type knownTexts struct {
	starts  [1 << 16 / 64]uint64
	byStart map[uint16][]string // longest first: one secret may begin like another
}

// newKnownTexts returns nil when there are none. Every text has two bytes or more.
func newKnownTexts(texts []string) *knownTexts {
	if len(texts) == 0 {
		return nil
	}
	k := &knownTexts{byStart: map[uint16][]string{}}
	for _, text := range texts {
		start := uint16(text[0])<<8 | uint16(text[1])
		k.starts[start/64] |= 1 << (start % 64)
		k.byStart[start] = append(k.byStart[start], text)
	}
	for _, same := range k.byStart {
		slices.SortFunc(same, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
	return k
}

// out returns text with every known one replaced.
func (k *knownTexts) out(text string) string {
	var b strings.Builder
	copied := 0
	for i := 0; i+1 < len(text); {
		start := uint16(text[i])<<8 | uint16(text[i+1])
		if k.starts[start/64]&(1<<(start%64)) == 0 {
			i++
			continue
		}
		found := ""
		for _, known := range k.byStart[start] {
			if strings.HasPrefix(text[i:], known) {
				found = known
				break
			}
		}
		if found == "" {
			i++
			continue
		}
		b.WriteString(text[copied:i])
		b.WriteString(Redacted)
		i += len(found)
		copied = i
	}
	if copied == 0 {
		return text
	}
	b.WriteString(text[copied:])
	return b.String()
}
