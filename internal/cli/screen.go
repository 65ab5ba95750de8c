package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"github.com/go-json-experiment/json"
	"golang.org/x/term"
)

// screen is one output stream and what is known of who reads it. The goroutine
// that reads the input prints to it as well.
type screen struct {
	mu       sync.Mutex
	w        *bufio.Writer
	raw      io.Writer
	terminal bool
	colour   bool
	width    int // columns of the terminal; 0 when it is none
	err      error
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: buffered(w), raw: w}
	file, ok := w.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	s.terminal = os.Getenv("TERM") != "dumb"
	// https://no-color.org: any value that is not empty turns colour off.
	s.colour = s.terminal && os.Getenv("NO_COLOR") == ""
	if width, _, err := term.GetSize(int(file.Fd())); err == nil {
		s.width = width
	}
	return s
}

// printf keeps the first error; [screen.flush] returns it.
func (s *screen) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

func (s *screen) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}

// object prints v as one line of JSON.
func (s *screen) object(v any) error {
	line, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	s.printf("%s\n", line)
	return nil
}

// Styles of terminal text.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s *screen) paint(style, text string) string {
	if !s.colour || style == "" || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// clean replaces what would act on a terminal instead of being shown: control
// characters and the marks that reorder text. Subjects, recipients and
// providers' words come from outside.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar:
			return '?'
		}
		return r
	}, text)
}
