package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// terminal is a real pseudo-terminal.
type terminal struct {
	keyboard, screen *os.File // the two ends: the person's, the program's
	shown            chan string
}

func newTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{keyboard, screen, make(chan string, 1)}
	go func() {
		text, _ := io.ReadAll(keyboard) // ends with an error when the program's end is closed
		term.shown <- string(text)
	}()
	return term
}

// close ends the terminal and returns everything that was shown.
func (term *terminal) close(t *testing.T) string {
	t.Helper()
	if err := term.screen.Close(); err != nil {
		t.Error(err)
	}
	text := <-term.shown
	if err := term.keyboard.Close(); err != nil {
		t.Error(err)
	}
	return text
}

func TestColourOnATerminalOnly(t *testing.T) {
	for _, tt := range []struct {
		name, noColor, term string
		colour              bool
	}{
		{"terminal", "", "xterm", true},
		{"NO_COLOR", "1", "xterm", false},
		{"dumb", "", "dumb", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", tt.noColor)
			t.Setenv("TERM", tt.term)
			term := newTerminal(t, 200)
			p := newProgram(strings.NewReader(""), term.screen, io.Discard, Backends{Deliveries: sample().open})
			code := p.run(t.Context(), []string{"--data-dir", t.TempDir(), "list"})
			shown := term.close(t)
			if code != ExitDone || strings.Contains(shown, "\x1b[31mbounced\x1b[0m") != tt.colour || strings.Contains(shown, "\x1b") != tt.colour {
				t.Errorf("exit %d, shown %q", code, shown)
			}
			if tt.colour {
				// Codes take no columns: what follows them stands where it does without.
				plain := strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[36m", "", "\r", "").Replace(shown)
				p := newProgram(strings.NewReader(""), io.Discard, io.Discard, Backends{Deliveries: sample().open})
				var want strings.Builder
				p.out = newScreen(&want)
				if p.run(t.Context(), []string{"--data-dir", t.TempDir(), "list"}); plain != want.String() {
					t.Errorf("with colour:\n%s\nwithout:\n%s", plain, want.String())
				}
			}
		})
	}
}

func TestNarrowTerminalCutsRecipients(t *testing.T) {
	t.Setenv("TERM", "xterm")
	term := newTerminal(t, 100)
	view := delivery.View{ID: id(1), Kind: "email.send", Status: delivery.Sent, Recipient: strings.Repeat("강원", 20) + "@example.kr"}
	p := newProgram(strings.NewReader(""), term.screen, io.Discard, Backends{Deliveries: newLedger(view).open})
	p.run(t.Context(), []string{"--data-dir", t.TempDir(), "list"})
	if shown := term.close(t); !strings.Contains(shown, strings.Repeat("강원", 6)+"강...") || !strings.Contains(shown, id(1).String()) {
		t.Errorf("shown %q", shown)
	}
}

func TestProgressOnATerminalOnly(t *testing.T) {
	t.Setenv("TERM", "xterm")
	bus, l := &counting{}, newLedger()
	l.onAsk = func(n int, l *ledger) {
		if n == 5 {
			for i := range 1500 {
				l.set(delivery.View{ID: id2(i), Status: delivery.Sent})
			}
		}
	}
	term := newTerminal(t, 120)
	made := 0
	p := newProgram(strings.NewReader(strings.Repeat(mailBody+"\n", 1500)), io.Discard, term.screen, Backends{Bus: bus.open, Deliveries: l.open})
	p.patience = 0
	p.newID = func() (uuid.UUID, error) { made++; return id2(made - 1), nil }
	code := p.run(t.Context(), []string{"--data-dir", t.TempDir(), "send", "email.send", "--wait"})
	shown := term.close(t)
	if code != ExitDone || !strings.Contains(shown, "publishing") || !strings.Contains(shown, "waiting") || !strings.Contains(shown, "commands/s") {
		t.Errorf("exit %d, shown %q", code, shown)
	}
	// The last line stands alone: the bar was wiped from it.
	lines := strings.Split(strings.TrimSpace(shown), "\r")
	if last := lines[len(lines)-1]; strings.TrimSpace(last) != "1500 of 1500 done" {
		t.Errorf("it ends with %q", last)
	}
}

func TestSendAsksForInputOnATerminal(t *testing.T) {
	term := newTerminal(t, 80)
	got := publisherIn(t.Context(), t, Backends{Bus: closed[Bus](t)}, term.screen, "send", "email.send")
	term.close(t)
	if got.code != ExitUsage || !strings.HasPrefix(got.err, "publisher: there is nothing to publish: give -f FILE, or JSON through a pipe") {
		t.Errorf("got %+v", got)
	}
}

func TestForgetAsksOnATerminal(t *testing.T) {
	for answer, want := range map[string]int{"kim@example.kr\n": ExitDone, "y\n": ExitFailed, "\n": ExitFailed} {
		term := newTerminal(t, 80)
		if _, err := io.WriteString(term.keyboard, answer); err != nil {
			t.Fatal(err)
		}
		w := &watchman{}
		got := publisherIn(t.Context(), t, Backends{Eraser: opens[Eraser](w)}, term.screen, "forget", "kim@example.kr")
		term.close(t)
		if got.code != want || (w.forgot != "") != (want == ExitDone) || !strings.HasPrefix(got.err, "Everything about kim@example.kr is removed for good.") {
			t.Errorf("after %q: %+v, forgot %q", answer, got, w.forgot)
		}
	}
}

// id2 is the UUIDv7 number i of a run.
func id2(i int) uuid.UUID {
	u := id(byte(i))
	u[14] = byte(i >> 8)
	return u
}

func TestReplayOfEverythingAsksOnATerminal(t *testing.T) {
	for answer, want := range map[string]int{"all\n": ExitDone, "yes\n": ExitFailed} {
		term := newTerminal(t, 80)
		if _, err := io.WriteString(term.keyboard, answer); err != nil {
			t.Fatal(err)
		}
		box := letterSample()
		got := publisherIn(t.Context(), t, Backends{DeadLetters: opens[DeadLetters](box)}, term.screen, "deadletters", "replay")
		term.close(t)
		if got.code != want || (box.order.By != "") != (want == ExitDone) || !strings.HasPrefix(got.err, "Every open dead letter is run again. Type all to go on: ") {
			t.Errorf("after %q: %+v", answer, got)
		}
	}
}
