package broker

import (
	"strings"
	"unicode/utf8"
)

// oneLine makes text fit for a header or an acknowledgement: each run of control
// characters becomes one space, since a line break would end the header, and at
// most limit bytes of whole characters stay.
func oneLine(text string, limit int) string {
	if strings.ContainsFunc(text, unprintable) {
		text = strings.Join(strings.FieldsFunc(text, unprintable), " ")
	}
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return strings.TrimSpace(text)
}

// unprintable includes the line ends that only Unicode knows: what reads the
// header later may break lines at them.
func unprintable(r rune) bool {
	return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == utf8.RuneError
}
