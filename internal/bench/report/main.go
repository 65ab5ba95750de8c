// Command report reads what `go test -bench` prints and shows it as a table: the
// median of each figure, how far the runs lie apart, and its part of what the
// machine can do at most, measured in the same run. `make bench` ends with it.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchfmt"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// figure is one quantity of one benchmark.
type figure struct{ name, unit string }

// ceilings are what the figures of a benchmark are a part of.
var ceilings = []struct{ of, ceiling, label string }{
	{"Engine/", "Ceiling/narrow", "of the raw loop"},
	{"Engine/", "Ceiling/product", "of the raw loop into the same tables"},
}

func run(in io.Reader, out io.Writer) error {
	values := map[figure][]float64{}
	var order []figure
	reader := benchfmt.NewReader(in, "go test")
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(string(result.Name), "-")
		for _, v := range result.Values {
			if v.Unit == "sec/op" || v.Unit == "B/op" || v.Unit == "allocs/op" {
				continue // of a whole iteration: it says nothing
			}
			f := figure{name, v.Unit}
			if values[f] == nil {
				order = append(order, f)
			}
			values[f] = append(values[f], v.Value)
		}
	}
	if err := reader.Err(); err != nil {
		return err
	}
	if len(order) == 0 {
		return fmt.Errorf("no benchmark printed a figure")
	}
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "\n%s\n%s\n\n", machine(), versions())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tUNIT\tMEDIAN\tLOWEST–HIGHEST\tRUNS\tRATIO")
	for _, f := range order {
		v := slices.Sorted(slices.Values(values[f]))
		fmt.Fprintf(table, "%s\t%s\t%s\t%s–%s\t%d\t%s\n", f.name, f.unit, short(median(v)), short(v[0]), short(v[len(v)-1]), len(v), ratios(f, values))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return w.Flush()
}

// ratios compares a figure with its ceilings.
func ratios(f figure, values map[figure][]float64) string {
	var parts []string
	for _, c := range ceilings {
		if most := values[figure{c.ceiling, f.unit}]; strings.HasPrefix(f.name, c.of) && len(most) > 0 {
			parts = append(parts, fmt.Sprintf("%.0f %% %s", 100*median(values[f])/median(most), c.label))
		}
	}
	return strings.Join(parts, ", ")
}

func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func short(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// machine says what it was measured on.
func machine() string {
	return fmt.Sprintf("%s/%s, %d processors (%s), %s memory, kernel %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		cmp.Or(line("/proc/cpuinfo", "model name"), "unknown"), cmp.Or(line("/proc/meminfo", "MemTotal"), "unknown"), cmp.Or(output("uname", "-r"), "unknown"))
}

// versions says with what.
func versions() string {
	module := func(path string) string { return output("go", "list", "-m", "-f", "{{.Version}}", path) }
	postgres := output("sh", "-c", `PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)" postgres --version`)
	return fmt.Sprintf("%s, embedded nats-server %s with file storage, %s with fsync on, pgx %s; 1,024 in flight, events on, batches of at most 500, two flushers",
		runtime.Version(), module("github.com/nats-io/nats-server/v2"), cmp.Or(postgres, "Postgres"), module("github.com/jackc/pgx/v5"))
}

func line(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for l := range strings.Lines(string(text)) {
		if field, value, _ := strings.Cut(l, ":"); strings.TrimSpace(field) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func output(name string, args ...string) string {
	text, err := exec.Command(name, args...).Output() //nolint:noctx // a moment's work, ended by the terminal
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
