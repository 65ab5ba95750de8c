package devstack

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// output passes what a program prints on to a log, and keeps the last lines to
// say why it failed.
type output struct {
	mu    sync.Mutex
	log   io.Writer // nil for none
	lines []string
	part  []byte // a line whose end has not come yet
}

const keptLines = 50

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		_, _ = o.log.Write(p) // a log that fails must not stop the server
	}
	o.part = append(o.part, p...)
	for {
		line, rest, found := bytes.Cut(o.part, []byte("\n"))
		if !found {
			return len(p), nil
		}
		o.part = rest
		if o.lines = append(o.lines, string(line)); len(o.lines) > keptLines {
			o.lines = o.lines[1:]
		}
	}
}

// cause returns the line that explains a failure: the first of Postgres' FATAL
// or PANIC, or initdb's error, else the last line.
func (o *output) cause() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, mark := range []string{"PANIC:", "FATAL:", "error:", "ERROR:"} {
		for _, line := range o.lines {
			if i := strings.Index(line, mark); i >= 0 {
				return strings.TrimSpace(line[i:])
			}
		}
	}
	if last := strings.TrimSpace(string(o.part)); last != "" {
		return last
	}
	if n := len(o.lines); n > 0 {
		return strings.TrimSpace(o.lines[n-1])
	}
	return "it printed nothing"
}
