package cli

import (
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// column is one column of a table.
type column struct {
	title string
	right bool // numbers
	// shrink lets a narrow terminal cut the column down to this width; 0 never.
	// What goes to a file or a pipe is never cut.
	shrink int
	style  func(cell string) string
}

// table prints rows under a header, aligned by what characters take on screen
// (Korean ones take two columns).
func (s *screen) table(columns []column, rows [][]string) {
	(&grid{screen: s, columns: columns}).add(rows)
}

// grid is a table that grows by pages: one header, and columns that keep their
// width, without holding more than a page.
type grid struct {
	screen  *screen
	columns []column
	widths  []int
	shrink  bool
}

func (g *grid) add(rows [][]string) {
	t := table.NewWriter()
	t.SuppressTrailingSpaces()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault // painted below; upper-casing would change the codes
	t.SetStyle(style)
	if first := g.measure(rows); first {
		header := make(table.Row, len(g.columns))
		for i, c := range g.columns {
			header[i] = g.screen.paint(bold, strings.ToUpper(c.title))
		}
		t.AppendHeader(header)
	}
	configs := make([]table.ColumnConfig, len(g.columns))
	for i, c := range g.columns {
		configs[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignLeft, AlignHeader: text.AlignLeft}
		if c.right {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
		if i < len(g.columns)-1 || c.right {
			configs[i].WidthMin = g.widths[i]
		}
	}
	t.SetColumnConfigs(configs)
	for _, cells := range rows {
		row := make(table.Row, len(cells))
		for i, cell := range cells {
			row[i] = g.cell(g.columns[i], cell)
		}
		t.AppendRow(row)
	}
	g.screen.printf("%s\n", t.Render())
}

func (g *grid) cell(c column, text string) string {
	shown := clean(text)
	if g.shrink && c.shrink > 0 {
		shown = snip(shown, c.shrink)
	}
	if c.style != nil {
		shown = g.screen.paint(c.style(text), shown)
	}
	return shown
}

// measure widens the columns to these rows and reports whether they are the
// first. Those decide whether the terminal is too narrow.
func (g *grid) measure(rows [][]string) (first bool) {
	first = g.widths == nil
	if first {
		g.widths = make([]int, len(g.columns))
	}
	total := -2
	for i, c := range g.columns {
		g.widths[i] = max(g.widths[i], width(c.title))
		for _, row := range rows {
			g.widths[i] = max(g.widths[i], width(clean(row[i])))
		}
		total += g.widths[i] + 2
	}
	if first {
		g.shrink = g.screen.width > 0 && total > g.screen.width
	}
	for i, c := range g.columns {
		if g.shrink && c.shrink > 0 {
			g.widths[i] = min(g.widths[i], max(c.shrink, width(c.title)))
		}
	}
	return first
}

func width(shown string) int { return text.StringWidthWithoutEscSequences(shown) }

// snip cuts what is shown to so many columns.
func snip(shown string, columns int) string {
	if width(shown) <= columns {
		return shown
	}
	return text.Snip(shown, columns, "...")
}

// pair is one line of a list of names and values.
type pair struct{ name, value string }

// pairs prints what has a value, the values in one column.
func (s *screen) pairs(list []pair) {
	width := 0
	for _, p := range list {
		if p.value != "" {
			width = max(width, len(p.name))
		}
	}
	for _, p := range list {
		if p.value != "" {
			s.printf("%s  %s\n", s.paint(dim, p.name+strings.Repeat(" ", width-len(p.name))), p.value)
		}
	}
}

// statusStyle is the colour of a status word.
func statusStyle(word string) string {
	status := delivery.Status(word)
	switch {
	case status.Good():
		return green
	case status == delivery.Unknown || status == delivery.ManualReview || status == delivery.Retrying:
		return yellow
	case status.Final():
		return red
	case status.Valid():
		return cyan
	}
	return ""
}

// stamp is a time as tables show it; nothing for the zero time.
func (p *program) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(p.zone).Format("2006-01-02 15:04:05")
}
