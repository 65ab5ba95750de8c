package templates

import (
	"strconv"
	"strings"
)

// settler writes a text part whose breaks and items are still requests.
type settler struct {
	out      strings.Builder
	breaks   int  // asked for by elements: 1 a line, 2 a paragraph
	newlines int  // written in the text
	space    bool // white space since the last word
	indents  []int
	counts   []int
}

// settleBreaks makes the requests real: a run of breaks and white space becomes at
// most one empty line, a run of spaces one space, and items get their signs.
func settleBreaks(text string) string {
	s := settler{}
	s.out.Grow(len(text))
	for _, r := range text {
		switch r {
		case lineBreak:
			s.breaks = max(s.breaks, 1)
		case paraBreak:
			s.breaks = max(s.breaks, 2)
		case '\n':
			s.newlines++
		case ' ', '\t', '\r':
			s.space = true
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
			s.flush()
			s.out.WriteRune(r)
		}
	}
	return s.out.String()
}

// flush writes what stands between the last word and the next.
func (s *settler) flush() {
	n := min(max(s.breaks, s.newlines), 2)
	switch {
	case s.out.Len() == 0: // nothing stands before the first word
	case n > 0:
		s.out.WriteString("\n\n"[:n])
		for _, width := range s.indents {
			s.out.WriteString("   "[:width])
		}
	case s.space:
		s.out.WriteByte(' ')
	}
	s.breaks, s.newlines, s.space = 0, 0, false
}

func (s *settler) item(sign string) {
	s.flush()
	s.out.WriteString(sign)
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
