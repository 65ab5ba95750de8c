package juso

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/gangwon-portal/gangway/providers"
)

var (
	forbiddenRE = regexp.MustCompile(`[%=><\[\]]`)
	// sqlRE are the words the vendor refuses. Only whole words go: "Seoraksan"
	// contains one of them.
	sqlRE = regexp.MustCompile(`(?i)\b(?:OR|SELECT|INSERT|DELETE|UPDATE|CREATE|DROP|EXEC|UNION|FETCH|DECLARE|TRUNCATE)\b`)
)

// CleanKeyword takes out of a keyword what the vendor refuses, so that a person
// who pasted an address with a bracket still finds it, and composes its letters, as
// the answer is kept for every spelling.
func CleanKeyword(keyword string) string {
	keyword = forbiddenRE.ReplaceAllString(norm.NFC.String(strings.ToValidUTF8(keyword, " ")), " ")
	return providers.CleanText(sqlRE.ReplaceAllString(keyword, " "))
}
