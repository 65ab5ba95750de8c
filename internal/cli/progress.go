package cli

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long a command may take before it shows progress: most are
// done before a person looks up.
const patience = 300 * time.Millisecond

// redraw is how often a bar is drawn at most.
const redraw = 100 * time.Millisecond

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct {
	mu     sync.Mutex
	screen *screen // nil once it has ended
	bar    *progressbar.ProgressBar
	unit   string // what is counted; "" for a spinner alone
	label  string
	told   string // label that the bar has
	total  int64  // -1 when unknown
	done   int64
	due    time.Time // not drawn before
	drawn  bool      // stands on the screen
}

// counter shows how many of total are done; total is -1 when it is unknown.
func (p *program) counter(label, unit string, total int64) *progress {
	return &progress{screen: p.err, label: label, unit: unit, total: total, due: time.Now().Add(p.patience)}
}

// spinner shows that something goes on, and for how long.
func (p *program) spinner(label string) *progress {
	return &progress{screen: p.err, label: label, total: -1, due: time.Now().Add(p.patience)}
}

// set says how far things are; the total may have become known.
func (g *progress) set(done, total int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total != total {
		g.wipe()
		g.bar = nil
	}
	g.done, g.total = done, total
	g.render()
}

func (g *progress) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done += int64(n)
	g.render()
}

// describe changes the words in front of the bar.
func (g *progress) describe(label string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.label = label
	g.render()
}

// clear wipes the bar, so that a line can be printed in its place. It is drawn
// again with a later change.
func (g *progress) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wipe()
}

// end wipes the bar for good.
func (g *progress) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wipe()
	g.screen = nil
}

func (g *progress) wipe() {
	if g.drawn {
		_ = g.bar.Clear()
		g.drawn = false
	}
}

func (g *progress) render() {
	now := time.Now()
	if g.screen == nil || !g.screen.terminal || now.Before(g.due) {
		return
	}
	g.due = now.Add(redraw)
	g.wipe()
	if g.bar == nil {
		g.bar = progressbar.NewOptions64(g.total, g.options()...)
		g.told = g.label
	}
	g.drawn = true
	if g.told != g.label {
		g.told = g.label
		g.bar.Describe(g.label) // draws
	}
	if g.unit == "" {
		_ = g.bar.Add(1) // turns the spinner
		return
	}
	_ = g.bar.Set64(g.done)
}

func (g *progress) options() []progressbar.Option {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(g.screen.raw),
		progressbar.OptionSetDescription(g.label),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowTotalBytes(g.total >= 0),
		progressbar.OptionClearOnFinish(),
		// A spinner that turns by itself is a goroutine that nobody awaits.
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetRenderBlankState(false),
	}
	if g.unit != "" {
		options = append(options, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(g.unit))
	}
	return options
}
