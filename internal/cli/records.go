package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/gangwon-portal/gangway/internal/command"
)

// maxRecord bounds one JSON object with the spaces between its members, in
// bytes. It is more than a command may have, so that the usual mistake, a body
// too large, is told by the decoder with its size.
const maxRecord = 4 * command.MaxBody

// record is one JSON object of the input and the line it begins on.
type record struct {
	line int
	body []byte
}

// lineError is the mistake of one line of the input.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, plain(e.err)) }
func (e *lineError) Unwrap() error { return e.err }

// records splits the input into JSON objects without holding more than one.
//
// When the first line is a whole object, every line is one (NDJSON), and a
// broken line spoils only itself. Otherwise objects span lines, as a person or
// jq writes them, and each ends where its braces close.
type records struct {
	r       *bufio.Reader
	line    int // of the last line read
	decided bool
	spread  bool // objects span lines
}

// newRecords returns the records of r. With lines set every line is one object.
func newRecords(r io.Reader, lines bool) *records {
	buffered := bufio.NewReaderSize(r, bufferSize)
	// Editors of other systems begin a file with a byte order mark, which is no JSON.
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = buffered.Discard(3)
	}
	return &records{r: buffered, decided: lines}
}

// next returns the next record, a *[lineError] after which it can go on, or
// [io.EOF].
func (s *records) next() (record, error) {
	body, err := s.content()
	if err != nil {
		return record{}, err
	}
	rec := record{line: s.line, body: body}
	var depth nesting
	depth.feed(body)
	if !s.decided {
		s.decided, s.spread = true, depth.open()
	}
	if !s.spread {
		return rec, nil
	}
	for depth.open() {
		more, err := s.readLine()
		if errors.Is(err, io.EOF) {
			break // the decoder says that the end is missing
		}
		if err != nil {
			return record{}, err
		}
		if len(rec.body)+len(more) > maxRecord {
			return record{}, &lineError{rec.line, fmt.Errorf("the object that begins here has no end within %d bytes: close it", maxRecord)}
		}
		rec.body = append(append(rec.body, '\n'), more...)
		depth.feed(more)
	}
	return rec, nil
}

// content returns the next line that is not blank.
func (s *records) content() ([]byte, error) {
	for {
		text, err := s.readLine()
		if err != nil {
			return nil, err
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, nil
		}
	}
}

// readLine returns a copy of the next line without its end. A line that is too
// long is read to its end and not kept.
func (s *records) readLine() ([]byte, error) {
	var text []byte
	s.line++
	long := 0
	for {
		part, err := s.r.ReadSlice('\n')
		if long > 0 || len(text)+len(part) > maxRecord {
			long += len(text) + len(part)
			text = nil
		} else {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read input: %w", err)
		case long > 0:
			long -= len(part) - len(bytes.TrimRight(part, "\r\n"))
			return nil, &lineError{s.line, fmt.Errorf("has %d bytes; at most %d are allowed", long, command.MaxBody)}
		case err != nil && len(text) == 0:
			return nil, io.EOF
		}
		return bytes.TrimRight(text, "\r\n"), nil
	}
}

// nesting counts open braces and brackets outside of strings.
type nesting struct {
	depth    int
	inString bool
	escaped  bool
}

func (n *nesting) feed(text []byte) {
	for _, c := range text {
		switch {
		case n.escaped:
			n.escaped = false
		case n.inString && c == '\\':
			n.escaped = true
		case c == '"':
			n.inString = !n.inString
		case n.inString:
		case c == '{' || c == '[':
			n.depth++
		case c == '}' || c == ']':
			n.depth--
		}
	}
	// A JSON string ends on its line.
	n.inString, n.escaped = false, false
}

func (n *nesting) open() bool { return n.depth > 0 }
