package smstext

import "unicode/utf16"

// The GSM 03.38 alphabet: the characters of one septet, and those that need an
// escape and so cost two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmEscaped = "\f^{}\\[~]|€"
)

// Units that fit into a message of one part, and into each part of several,
// which give some room to the header that joins them.
const (
	gsmSingle, gsmPart   = 160, 153
	ucs2Single, ucs2Part = 70, 67
)

// Segments returns how many parts a text takes on a GSM network, and whether it
// needs UCS-2, as every Hangul text does. A character that costs two units is
// never split between parts. Carriers that split at word boundaries may need one more.
func Segments(text string) (parts int, ucs2 bool) {
	costs := make([]int, 0, len(text))
	for _, r := range text {
		cost := gsmCost(r)
		if cost == 0 {
			ucs2 = true
			break
		}
		costs = append(costs, cost)
	}
	if !ucs2 {
		return split(costs, gsmSingle, gsmPart), false
	}
	costs = costs[:0]
	for _, r := range text {
		costs = append(costs, len(utf16.Encode([]rune{r})))
	}
	return split(costs, ucs2Single, ucs2Part), true
}

// gsmCost returns the septets of a character, 0 when the alphabet lacks it.
func gsmCost(r rune) int {
	for _, basic := range gsmBasic {
		if r == basic {
			return 1
		}
	}
	for _, escaped := range gsmEscaped {
		if r == escaped {
			return 2
		}
	}
	return 0
}

func split(costs []int, single, part int) int {
	total := 0
	for _, cost := range costs {
		total += cost
	}
	if total <= single {
		return min(total, 1)
	}
	parts, used := 1, 0
	for _, cost := range costs {
		if used+cost > part {
			parts, used = parts+1, 0
		}
		used += cost
	}
	return parts
}
