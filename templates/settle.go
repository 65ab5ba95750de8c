package templates

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// settler writes a text part whose breaks and items are still requests.
type settler struct {
	out      []byte
	breaks   int  // asked for by elements: 1 a line, 2 a paragraph
	newlines int  // written in the text
	space    bool // white space since the last word
	indents  []int
	counts   []int
}

// settleBreaks makes the requests real: a run of breaks and white space becomes at
// most one empty line, a run of spaces one space, and items get their signs.
func settleBreaks(text string) string {
	s := settler{out: make([]byte, 0, len(text))}
	for text != "" {
		// Words are copied whole; only what stands between them is looked at.
		if n := word(text); n > 0 {
			s.flush()
			s.out = append(s.out, text[:n]...)
			text = text[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		s.between(r)
	}
	return string(s.out)
}

// word returns the length of the word that text begins with. It looks at bytes,
// which is several times faster than strings.IndexAny with these characters.
func word(text string) int {
	for i := range len(text) {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
			return i
		case first[0]:
			if strings.HasPrefix(text[i:], first[:2]) && i+2 < len(text) &&
				text[i+2] >= first[2] && text[i+2] <= last[2] {
				return i
			}
		}
	}
	return len(text)
}

// The signs, U+FDD2 to U+FDD8, share their first two bytes in UTF-8.
const (
	first = string(lineBreak)
	last  = string(itemClose)
)

func (s *settler) between(r rune) {
	switch r {
	case lineBreak:
		s.breaks = max(s.breaks, 1)
	case paraBreak:
		s.breaks = max(s.breaks, 2)
	case '\n':
		s.newlines++
	case listOpen:
		s.counts = append(s.counts, 0)
	case listClose:
		s.counts = pop(s.counts)
	case itemDash:
		s.item("- ")
	case itemCount:
		s.item(s.next())
	case itemClose:
		s.indents = pop(s.indents)
	default:
		s.space = true
	}
}

// flush writes what stands between the last word and the next.
func (s *settler) flush() {
	n := min(max(s.breaks, s.newlines), 2)
	switch {
	case len(s.out) == 0: // nothing stands before the first word
	case n > 0:
		s.out = append(s.out, "\n\n"[:n]...)
		for _, width := range s.indents {
			s.out = append(s.out, "   "[:width]...)
		}
	case s.space:
		s.out = append(s.out, ' ')
	}
	s.breaks, s.newlines, s.space = 0, 0, false
}

func (s *settler) item(sign string) {
	s.flush()
	s.out = append(s.out, sign...)
	s.indents = append(s.indents, min(len(sign), 3))
}

// next counts an item; the signs come from variables too, where anything may be.
func (s *settler) next() string {
	if len(s.counts) == 0 {
		return "- "
	}
	s.counts[len(s.counts)-1]++
	return strconv.Itoa(s.counts[len(s.counts)-1]) + ". "
}

func pop(stack []int) []int { return stack[:max(len(stack)-1, 0)] }
