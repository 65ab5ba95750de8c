package smtp

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// reply is a server's answer to one command. Its text may echo addresses and
// logins, so it goes into the exchange, which is redacted, and never into an error.
type reply struct {
	code     int
	enhanced string // RFC 3463, "5.1.1"; "" when the server gave none
	text     string // without the enhanced code; lines joined with \n
}

// parseReply splits the enhanced code off the text of a reply.
func parseReply(code int, text string) reply {
	r := reply{code: code, text: text}
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	word, lines, cut := strings.Cut(word, "\n")
	if !isEnhanced(word) {
		return r
	}
	if cut {
		rest = lines + " " + rest
	}
	// RFC 2034 repeats the code on every line.
	r.enhanced, r.text = word, strings.TrimSpace(strings.ReplaceAll(rest, "\n"+word+" ", "\n"))
	return r
}

// errNonsense is an answer that is not SMTP.
var errNonsense = errors.New("the server's answer makes no sense")

// readReply reads one reply, of one line or several. A line without its end is
// an answer that was cut, not an answer: textproto would take it for whole.
func readReply(r *bufio.Reader) (reply, error) {
	var lines []string
	var first string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) && line != "" {
				err = io.ErrUnexpectedEOF
			}
			return reply{}, err
		}
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return reply{}, errNonsense
		}
		code, err := strconv.ParseUint(line[:3], 10, 16)
		if first == "" {
			first = line[:3]
		}
		if err != nil || code < 100 || line[:3] != first {
			return reply{}, errNonsense
		}
		if len(line) == 3 {
			line += " "
		}
		lines = append(lines, line[4:])
		if line[3] == ' ' {
			return parseReply(int(code), strings.Join(lines, "\n")), nil
		}
	}
}

// isEnhanced reports whether a word is class.subject.detail.
func isEnhanced(word string) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || !strings.Contains("245", parts[0]) {
		return false
	}
	for _, part := range parts[1:] {
		if n, err := strconv.ParseUint(part, 10, 16); err != nil || n > 999 || len(part) > 3 {
			return false
		}
	}
	return true
}

// class is 4 for transient, 5 for permanent: the enhanced code's word first,
// because servers are more careful with it than with the basic code.
func (r reply) class() int {
	if r.enhanced != "" && r.enhanced[0] != '2' {
		return int(r.enhanced[0] - '0')
	}
	return r.code / 100
}

// String is the reply's codes, safe to show: "550 5.1.1".
func (r reply) String() string {
	if r.enhanced == "" {
		return strconv.Itoa(r.code)
	}
	return strconv.Itoa(r.code) + " " + r.enhanced
}

// longestID bounds what is believed to be a message id.
const longestID = 200

// messageID finds the server's own id in the text of an acceptance, "" when
// there is none. The known forms, after the enhanced code:
//
//	Ok: queued as <id>             SendGrid, Postfix
//	Ok <id>                        Amazon SES
//	OK id=<id>                     Exim
//	OK  <time> <id> - gsmtp        Gmail
//	OK <id> [Hostname=<host>]      Microsoft 365
func (r reply) messageID() string {
	line, _, _ := strings.Cut(r.text, "\n")
	words := strings.Fields(line)
	for i, word := range words {
		if strings.EqualFold(word, "as") && i > 0 && strings.EqualFold(words[i-1], "queued") && i+1 < len(words) {
			return cleanID(words[i+1])
		}
		if id, ok := strings.CutPrefix(strings.ToLower(word), "id="); ok && id != "" {
			return cleanID(word[len("id="):])
		}
	}
	if len(words) < 2 || !strings.EqualFold(strings.TrimSuffix(words[0], ":"), "ok") {
		return ""
	}
	switch {
	case len(words) == 2:
		return cleanID(words[1])
	case len(words) >= 5 && words[len(words)-1] == "gsmtp" && words[len(words)-2] == "-":
		return cleanID(words[len(words)-3])
	case strings.HasPrefix(words[2], "[Hostname="):
		return cleanID(words[1])
	}
	return ""
}

// cleanID strips brackets and punctuation and refuses what cannot be an id: a
// mere word such as "accepted" is none.
func cleanID(word string) string {
	word = strings.Trim(word, "<>()[]\"'.,;:")
	if len(word) < 3 || len(word) > longestID || !strings.ContainsAny(word, "0123456789") {
		return ""
	}
	for _, r := range word {
		if r <= ' ' || r > '~' {
			return ""
		}
	}
	return word
}
