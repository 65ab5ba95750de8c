package command

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"
)

// plainForm copies a JSON object without the members that do not count, in the
// canonical form of RFC 8785, where that takes no more than to leave out spaces
// and to sort: no escapes in strings, names in ASCII, numbers that are short
// integers. It is false of any other body, which [canonical] then takes whole. Most
// commands are plain: it takes less than half of the time and a sixth of the
// allocations.
func plainForm(to, body []byte, counts func(name []byte) bool) ([]byte, bool) {
	p := plainText{rest: body}
	to = p.object(to, counts)
	p.space()
	return to, !p.other && len(p.rest) == 0
}

// plainText is what is left of a body. Once other is set nothing more is read.
type plainText struct {
	rest  []byte
	depth int
	other bool
}

// plainDepth is how deep objects and arrays may stand in each other.
const plainDepth = 32

func (p *plainText) space() {
	for len(p.rest) > 0 && (p.rest[0] == ' ' || p.rest[0] == '\n' || p.rest[0] == '\t' || p.rest[0] == '\r') {
		p.rest = p.rest[1:]
	}
}

// next reports whether char follows, and takes it.
func (p *plainText) next(char byte) bool {
	p.space()
	if len(p.rest) == 0 || p.rest[0] != char {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *plainText) must(char byte) { p.other = !p.next(char) || p.other }

// member is one member of an object: its name, and where it stands in the copy.
type member struct {
	name     []byte
	from, to int
	counts   bool
}

func (p *plainText) object(to []byte, counts func(name []byte) bool) []byte {
	p.must('{')
	if p.depth++; p.depth > plainDepth {
		p.other = true
	}
	to = append(to, '{')
	start, asIs := len(to), true // as long as every member counts, in the right order
	var few [16]member
	members := few[:0]
	for !p.other && !p.next('}') {
		if len(members) > 0 {
			p.must(',')
			to = append(to, ',')
		}
		m := member{name: p.string(true), from: len(to)}
		p.must(':')
		to = append(append(append(to, '"'), m.name...), '"', ':')
		to = p.value(to)
		m.to, m.counts = len(to), counts == nil || counts(m.name)
		asIs = asIs && m.counts && (len(members) == 0 || bytes.Compare(members[len(members)-1].name, m.name) < 0)
		members = append(members, m)
	}
	p.depth--
	if !asIs && !p.other {
		to = p.sort(to, start, members)
	}
	return append(to, '}')
}

// sort writes the members once more that stand in to from start on.
func (p *plainText) sort(to []byte, start int, members []member) []byte {
	text := bytes.Clone(to[start:])
	to = to[:start]
	slices.SortFunc(members, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	for i, m := range members {
		p.other = p.other || i > 0 && bytes.Equal(m.name, members[i-1].name)
		if !m.counts {
			continue
		}
		if len(to) > start {
			to = append(to, ',')
		}
		to = append(to, text[m.from-start:m.to-start]...)
	}
	return to
}

func (p *plainText) array(to []byte) []byte {
	p.must('[')
	if p.depth++; p.depth > plainDepth {
		p.other = true
	}
	to = append(to, '[')
	for first := true; !p.other && !p.next(']'); first = false {
		if !first {
			p.must(',')
			to = append(to, ',')
		}
		to = p.value(to)
	}
	p.depth--
	return append(to, ']')
}

func (p *plainText) value(to []byte) []byte {
	p.space()
	if p.other || len(p.rest) == 0 {
		p.other = true
		return to
	}
	switch p.rest[0] {
	case '"':
		to = append(append(to, '"'), p.string(false)...)
		return append(to, '"')
	case '{':
		return p.object(to, nil)
	case '[':
		return p.array(to)
	}
	word := p.rest[:cmp.Or(max(0, bytes.IndexAny(p.rest, ",]} \n\t\r")), len(p.rest))]
	if text := string(word); text != "true" && text != "false" && text != "null" && !plainInteger(word) {
		p.other = true
	}
	p.rest = p.rest[len(word):]
	return append(to, word...)
}

// string takes a string without its quotes.
func (p *plainText) string(ascii bool) []byte {
	p.must('"')
	for i, char := range p.rest {
		switch {
		case char == '"':
			text := p.rest[:i]
			p.rest = p.rest[i+1:]
			p.other = p.other || !utf8.Valid(text)
			return text
		case char < ' ' || char == '\\' || ascii && char >= utf8.RuneSelf:
			p.other = true
			return nil
		}
	}
	p.other = true
	return nil
}

// plainInteger is one that every double keeps and that has one spelling.
func plainInteger(word []byte) bool {
	digits := bytes.TrimPrefix(word, []byte("-"))
	if len(digits) == 0 || len(digits) > 15 || digits[0] == '0' && len(word) > 1 {
		return false
	}
	return !slices.ContainsFunc(digits, func(char byte) bool { return char < '0' || char > '9' })
}
