package telemetry

import "strings"

// scan looks at every byte once and rewrites what it recognises: e-mail
// addresses, credentials in URLs, phone and resident registration numbers,
// name=value pairs and JSON members with a secret's name, and authorisation
// schemes. It allocates only when something is found.
func (r *Redactor) scan(text string) string {
	s := scanner{text: text, redactor: r}
	for s.at < len(text) {
		var found bool
		switch c := text[s.at]; c {
		case '@':
			found = s.mail(1)
		case '%':
			// %40 is an @, %2B a + in URLs and forms.
			if strings.HasPrefix(text[s.at:], "%40") {
				found = s.mail(3)
			} else if len(text) > s.at+3 && text[s.at+1] == '2' && text[s.at+2]|0x20 == 'b' {
				found = s.number(s.at, s.at+3)
			}
		case '=', ':':
			found = s.pair(c)
		case ' ':
			found = s.scheme()
		case '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if s.at == 0 || !isAlnum(text[s.at-1]) && text[s.at-1] != '-' && text[s.at-1] != '_' {
				start := s.at
				if c == '+' {
					start++
				}
				found = s.number(s.at, start)
			}
		}
		if !found {
			s.at++
		}
	}
	return s.done()
}

type scanner struct {
	redactor *Redactor
	text     string
	at       int // the byte that is looked at
	copied   int // what stands before it is in out
	out      strings.Builder
	changed  bool
}

// replace puts with in the place of text[from:to] and goes on behind it.
func (s *scanner) replace(from, to int, with string) bool {
	s.out.WriteString(s.text[s.copied:from])
	s.out.WriteString(with)
	s.copied, s.at, s.changed = to, to, true
	return true
}

func (s *scanner) done() string {
	if !s.changed {
		return s.text
	}
	s.out.WriteString(s.text[s.copied:])
	return s.out.String()
}

// mail handles an @ of the given width: an address, or the credentials of a URL.
func (s *scanner) mail(width int) bool {
	start := s.at
	for start > s.copied && isLocal(s.text[start-1]) {
		start--
	}
	if from, ok := s.userinfo(start); ok {
		return s.replace(from, s.at, Redacted)
	}
	end := s.at + width
	if start == s.at || end == len(s.text) || !isDomain(s.text[end]) {
		return false
	}
	return s.replace(start, end, firstRune(s.text[start:s.at])+"***@")
}

// userinfo reports whether an @ belongs to scheme://user:password@host, and
// where the user begins.
func (s *scanner) userinfo(start int) (int, bool) {
	for start > s.copied && !strings.ContainsRune(" \t\n\"'<>(),/", rune(s.text[start-1])) {
		start--
	}
	return start, start < s.at && strings.HasSuffix(s.text[s.copied:start], "://")
}

// number handles digits that begin at start; from is where a sign before them
// begins.
func (s *scanner) number(from, start int) bool {
	var groups [4]int // digits between single separators
	count, digits, end := 0, 0, start
	for end < len(s.text) && isDigit(s.text[end]) {
		group := end
		for end < len(s.text) && isDigit(s.text[end]) {
			end++
		}
		if count == len(groups) {
			return s.skip(end)
		}
		groups[count] = end - group
		count, digits = count+1, digits+end-group
		if end+1 < len(s.text) && (s.text[end] == '-' || s.text[end] == ' ') && isDigit(s.text[end+1]) && count < 4 {
			// A space divides the groups of a phone number, and anything else too.
			if s.text[end] == ' ' && s.text[start] != '0' && from == start {
				break
			}
			end++
			continue
		}
		break
	}
	if end < len(s.text) && (isAlnum(s.text[end]) || s.text[end] == '_') {
		return s.skip(end)
	}
	text := s.text[start:end]
	switch {
	case from < start: // with a sign: E.164
		if digits < 8 || digits > 15 {
			return s.skip(end)
		}
	case isResident(text, groups, count):
		return s.replace(from, end, "******-*******")
	case !isPhone(text, groups, count, digits):
		return s.skip(end)
	}
	return s.replace(from, end, maskPhone(text))
}

// skip goes on behind a number that is none of ours: its digits need not be
// looked at again.
func (s *scanner) skip(end int) bool {
	s.at = max(end, s.at+1)
	return true
}

// isPhone knows Korean numbers: 010-1234-5678, 02-123-4567, 033..., 070..., and
// 8210... without a sign.
func isPhone(text string, groups [4]int, count, digits int) bool {
	if strings.HasPrefix(text, "8210") && (digits == 11 || digits == 12) {
		return count == 1 || count >= 3
	}
	if len(text) < 3 || text[0] != '0' || digits < 9 || digits > 12 {
		return false
	}
	switch text[1] {
	case '1':
		if strings.IndexByte("016789", text[2]) < 0 {
			return false
		}
	case '2', '3', '4', '5', '6':
	case '7', '8':
		if text[2] != '0' {
			return false
		}
	default:
		return false
	}
	switch count {
	case 1:
		return true
	case 3:
		return groups[0] >= 2 && groups[0] <= 4 && (groups[1] == 3 || groups[1] == 4) && groups[2] == 4
	default:
		return false
	}
}

// isResident knows resident registration numbers, 900101-1234567. A corporate
// one looks alike but is no date with a 1 to 8 behind it.
func isResident(text string, groups [4]int, count int) bool {
	if count != 2 || groups[0] != 6 || groups[1] != 7 || text[6] != '-' {
		return false
	}
	month, day := text[2:4], text[4:6]
	return "01" <= month && month <= "12" && "01" <= day && day <= "31" && '1' <= text[7] && text[7] <= '8'
}

// pair handles name=value and "name":"value" where the name is a secret's.
func (s *scanner) pair(sign byte) bool {
	end := s.at
	quoted := end > s.copied && s.text[end-1] == '"'
	if quoted {
		end--
	}
	start := end
	for start > s.copied && end-start < 64 && (isAlnum(s.text[start-1]) || s.text[start-1] == '_' || s.text[start-1] == '-') {
		start--
	}
	name := s.text[start:end]
	// "token: connection failed" is an error's text, not a secret.
	if len(name) < 3 || sign == ':' && !quoted && !isHeader(name) || s.redactor.class(name) != secret {
		return false
	}
	from := s.at + 1
	for from < len(s.text) && s.text[from] == ' ' {
		from++
	}
	to := from
	switch {
	case from == len(s.text) || strings.HasPrefix(s.text[from:], Redacted):
		return false
	case s.text[from] == '"' || s.text[from] == '\'':
		from++
		for to = from; to < len(s.text) && s.text[to] != s.text[from-1]; to++ {
			if s.text[to] == '\\' {
				to++
			}
		}
		to = min(to, len(s.text))
		if strings.HasPrefix(s.text[from:], Redacted) {
			return false
		}
	case sign == ':' && !quoted: // a header goes on to the end of its line
		for to < len(s.text) && strings.IndexByte("\r\n\"", s.text[to]) < 0 {
			to++
		}
	default:
		for to < len(s.text) && strings.IndexByte(" \t\r\n&\"',;)}]<>|", s.text[to]) < 0 {
			to++
		}
	}
	if to == from {
		return false
	}
	return s.replace(from, to, Redacted)
}

func isHeader(name string) bool {
	switch len(name) {
	case 6:
		return strings.EqualFold(name, "cookie")
	case 9:
		return strings.EqualFold(name, "x-api-key")
	case 10:
		return strings.EqualFold(name, "set-cookie")
	case 12:
		return strings.EqualFold(name, "x-secret-key")
	case 13:
		return strings.EqualFold(name, "authorization")
	case 19:
		return strings.EqualFold(name, "proxy-authorization")
	default:
		return false
	}
}

// scheme handles "Bearer eyJ…" and the like: a scheme's word, a space, and
// something that is no word.
func (s *scanner) scheme() bool {
	before := s.text[s.copied:s.at]
	if len(before) < 5 || strings.IndexByte("rckRCK", before[len(before)-1]) < 0 {
		return false
	}
	known := false
	for _, word := range [...]string{"bearer", "basic", "kakaoak", "infuser"} {
		known = known || len(before) >= len(word) && strings.EqualFold(before[len(before)-len(word):], word)
	}
	if !known {
		return false
	}
	to, plain := s.at+1, true
	for to < len(s.text) && strings.IndexByte(" \t\r\n\"',;)}]<>", s.text[to]) < 0 {
		c := s.text[to]
		plain = plain && !isDigit(c) && strings.IndexByte("=_.-+/", c) < 0 && (c < 'A' || c > 'Z')
		to++
	}
	if to-s.at <= 8 || plain {
		return false
	}
	return s.replace(s.at+1, to, Redacted)
}

func isLocal(c byte) bool {
	return isAlnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-' || c >= 0x80
}

func isDomain(c byte) bool { return isAlnum(c) || c == '.' || c == '-' || c >= 0x80 }
