package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gangwon-portal/gangway/internal/command"
)

// counting is a bus that keeps nothing. It stands where a stream of 100,000
// would only measure the disk.
type counting struct {
	stored  atomic.Int64
	largest atomic.Int64
	hold    chan struct{} // nil, or closed when publishing may go on
	onBatch func()
}

func (c *counting) open(context.Context, Settings) (Bus, error) { return c, nil }

func (c *counting) Publish(ctx context.Context, messages []Message) []error {
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
		}
	}
	c.stored.Add(int64(len(messages)))
	c.largest.Store(max(c.largest.Load(), int64(len(messages))))
	if c.onBatch != nil {
		c.onBatch()
	}
	return make([]error, len(messages))
}

// generated makes n lines of input without holding them.
type generated struct {
	n, made int
	line    []byte
	rest    []byte
	lines   atomic.Int64
}

func (g *generated) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if g.made == g.n {
			return 0, io.EOF
		}
		g.made++
		g.lines.Store(int64(g.made))
		g.rest = g.line
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func lineOf(size int) []byte {
	head := `{"to":["kim@example.kr"],"subject":"s","text":"`
	return []byte(head + strings.Repeat("x", size-len(head)-3) + "\"}\n")
}

// TestStreamingIsBounded publishes 100,000 commands (fewer under the race
// detector) and looks at the live heap while they pass. Kept, each would take
// more than 500 bytes.
func TestStreamingIsBounded(t *testing.T) {
	const count, most = streamed, 6 << 20
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	bus := &counting{}
	batches := 0
	bus.onBatch = func() {
		if batches++; batches%16 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	var ids lineCounter
	p := newProgram(&generated{n: count, line: []byte("{\"keyword\":\"" + strings.Repeat("x", 190) + "\"}\n")}, &ids, io.Discard, Backends{Bus: bus.open})
	if code := p.run(t.Context(), []string{"--data-dir", t.TempDir(), "send", "address.search"}); code != ExitDone {
		t.Fatalf("exit %d", code)
	}
	if bus.stored.Load() != count || ids.lines != count {
		t.Errorf("%d published, %d ids printed", bus.stored.Load(), ids.lines)
	}
	if grown := int64(peak) - int64(before.HeapAlloc); peak == 0 || grown > most {
		t.Errorf("the heap grew by %d bytes in %d batches, at most %d are allowed", grown, batches, most)
	}
}

type lineCounter struct{ lines int }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// TestReadingWaitsForPublishing: while the bus does not answer, no more is read
// than two batches and what the buffers hold.
func TestReadingWaitsForPublishing(t *testing.T) {
	for _, tt := range []struct {
		name       string
		lineBytes  int
		lines      int
		read, most int64
	}{
		{"by count", 200, 3000, batchCount, 2*batchCount + 2*bufferSize/200},
		{"by bytes", 512 << 10, 22, 8, 2*batchBytes/(512<<10) + 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bus := &counting{hold: make(chan struct{})}
			in := &generated{n: tt.lines, line: lineOf(tt.lineBytes)}
			done := make(chan int, 1)
			go func() {
				p := newProgram(in, io.Discard, io.Discard, Backends{Bus: bus.open})
				done <- p.run(t.Context(), []string{"--data-dir", t.TempDir(), "send", "email.send"})
			}()
			// The reader comes to rest: it has stopped when a while brings nothing new.
			eventually(t, func() bool { return in.lines.Load() >= tt.read })
			last, still := int64(-1), 0
			eventually(t, func() bool {
				if now := in.lines.Load(); now != last {
					last, still = now, 0
				}
				still++
				return still == 20
			})
			if last > tt.most {
				t.Errorf("%d lines were read while nothing was published; at most %d may be", last, tt.most)
			}
			close(bus.hold)
			if code := <-done; code != ExitDone || bus.stored.Load() != int64(tt.lines) {
				t.Errorf("exit %d, %d published", code, bus.stored.Load())
			}
			if bus.largest.Load() > batchCount {
				t.Errorf("a batch has %d messages", bus.largest.Load())
			}
		})
	}
}

func TestPumpKeepsOrderAndHandsOnBeforeAnError(t *testing.T) {
	broken := errors.New("broken")
	next := func(n int, last error) func() (entry, error) {
		made := 0
		return func() (entry, error) {
			if made == n {
				return entry{}, last
			}
			made++
			return entry{line: made}, nil
		}
	}
	for _, last := range []error{io.EOF, broken} {
		var mu sync.Mutex
		got := 0
		err := pump(t.Context(), next(3456, last), func(batch []entry) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range batch {
				if got++; e.line != got {
					return fmt.Errorf("%d came as number %d", e.line, got)
				}
			}
			return nil
		})
		if want := map[error]error{io.EOF: nil, broken: broken}[last]; !errors.Is(err, want) || got != 3456 {
			t.Errorf("after %v: %d handed on, error %v", last, got, err)
		}
	}
	full := errors.New("full")
	calls := 0
	err := pump(t.Context(), next(1<<20, io.EOF), func([]entry) error { calls++; return full })
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("after a failed batch: error %v, %d calls", err, calls)
	}
}

func BenchmarkSend(b *testing.B) {
	bus := &counting{}
	in := &generated{n: b.N, line: lineOf(400)}
	p := newProgram(in, io.Discard, io.Discard, Backends{Bus: bus.open})
	b.ReportAllocs()
	if code := p.run(context.Background(), []string{"--data-dir", b.TempDir(), "send", string(command.EmailSend)}); code != ExitDone {
		b.Fatalf("exit %d", code)
	}
}
