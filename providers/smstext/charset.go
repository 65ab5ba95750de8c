package smstext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/unicode/norm"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// substitutes are common characters that CP949 lacks and what is sent instead.
// Each replacement reads the same to a person; whatever would change the meaning
// is refused instead.
var substitutes = map[rune]string{
	'\u2010': "-", '\u2011': "-", '\u2012': "-", '\u2013': "-", '\u2014': "-", '\u2212': "-", '\ufe63': "-",
	'\u2022': "·", '\u2219': "·", '\u22c5': "·", '\u30fb': "·", '\u2027': "·",
	'©': "(c)", '¢': "￠", '£': "￡", '¥': "￥", '₩': "￦", 'µ': "μ",
	'«': "《", '»': "》", '\u2039': "〈", '\u203a': "〉", '\u201a': ",", '\u201e': "\"", '\u201b': "'", '\u201f': "\"",
	'\u301c': "~", '\u02dc': "~", '\u2043': "-", '\u25e6': "·", '\u25aa': "■", '\u25ab': "□",
	'✓': "√", '✔': "√", '✕': "×", '✖': "×", '❤': "♥", '\u2b50': "★", '\u27a1': "→", '\u2b05': "←", '\u2b06': "↑", '\u2b07': "↓",
	// Spaces of other widths.
	'\u00a0': " ", '\u2000': " ", '\u2001': " ", '\u2002': " ", '\u2003': " ", '\u2004': " ", '\u2005': " ", '\u2006': " ",
	'\u2007': " ", '\u2008': " ", '\u2009': " ", '\u200a': " ", '\u202f': " ", '\u205f': " ", '\t': " ",
	'\u2028': "\n", '\u2029': "\n", '\u0085': "\n",
	// What nobody sees: zero-width characters, marks of direction, byte order
	// marks, the selectors behind a symbol that ask for a coloured picture.
	'\u200b': "", '\u200c': "", '\u200d': "", '\u200e': "", '\u200f': "", '\u2060': "", '\ufeff': "", '\ufe0e': "", '\ufe0f': "",
	'\u202a': "", '\u202b': "", '\u202c': "", '\u202d': "", '\u202e': "", '\u2066': "", '\u2067': "", '\u2068': "", '\u2069': "",
	'\u00ad': "", '\u20e3': "",
}

// Korean makes text fit for Korean carriers, which take CP949 only: it composes
// Hangul that arrives in parts (macOS writes it so), unifies line ends, and
// replaces common characters that CP949 lacks. What is left, such as an emoji,
// is an invalid fault on field that names the character and its place.
func Korean(field, text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fault.InvalidField(field, "is not valid UTF-8")
	}
	text = norm.NFC.String(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text))
	if strings.IndexFunc(text, special) < 0 && encodable(text) {
		return text, nil
	}
	var out strings.Builder
	out.Grow(len(text))
	place := 0
	for _, r := range text {
		place++
		replaced, ok := substitute(r)
		if !ok {
			return "", fault.InvalidField(field,
				"character %d, %q (U+%04X), cannot be sent to Korean mobiles; remove or replace it", place, r, r)
		}
		out.WriteString(replaced)
	}
	return out.String(), nil
}

// Size returns how many bytes a text takes in CP949: 1 for ASCII, 2 for Hangul.
// A character that CP949 lacks counts as 2.
func Size(text string) int {
	size := 0
	for _, r := range text {
		if r < utf8.RuneSelf {
			size++
		} else {
			size += 2
		}
	}
	return size
}

// special reports the characters that CP949 has and that are not sent as they are.
func special(r rune) bool { return r == '\u00ad' || r != '\n' && unicode.IsControl(r) }

// substitute returns what is sent for one character, and whether it can be.
func substitute(r rune) (string, bool) {
	if r >= ' ' && r < 0x7f || r == '\n' {
		return string(r), true
	}
	if replaced, ok := substitutes[r]; ok {
		return replaced, true
	}
	if unicode.IsControl(r) {
		return "", false
	}
	if encodable(string(r)) {
		return string(r), true
	}
	return plainLetter(r)
}

// plainLetter takes the accent off a Latin letter: é becomes e.
func plainLetter(r rune) (string, bool) {
	if !unicode.Is(unicode.Latin, r) {
		return "", false
	}
	base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
	if base >= utf8.RuneSelf || base == r {
		return "", false
	}
	return string(base), true
}

// encodable reports whether CP949 has every character. The encoding that the
// library calls EUC-KR is CP949 in fact.
func encodable(text string) bool {
	_, err := korean.EUCKR.NewEncoder().String(text)
	return err == nil
}
