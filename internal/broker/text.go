package broker

import (
	"strings"
	"unicode/utf8"
)

// oneLine makes text fit for a header or an acknowledgement: control characters
// become spaces, since a line break would end the header, and at most limit
// bytes of whole characters stay.
func oneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return strings.TrimSpace(text)
}
