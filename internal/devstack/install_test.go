package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindBinaries(t *testing.T) {
	root := t.TempDir()
	install := func(name, version string) string {
		folder := filepath.Join(root, name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{"initdb", "postgres"} {
			script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", program, version)
			if err := os.WriteFile(filepath.Join(folder, program), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	old, good, newer := install("a", "13.9"), install("b", "15.18 (Debian 15.18-0)"), install("c", "18beta2")
	half := install("d", "16.1")
	if err := os.Remove(filepath.Join(half, "initdb")); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name    string
		folders []string
		major   int
		want    string // folder
		err     string
	}{
		{name: "the first that is new enough", folders: []string{root, half, old, good, newer}, want: good},
		{name: "the version of the data", folders: []string{good, newer}, major: 18, want: newer},
		{name: "data of a version we would not choose", folders: []string{good, old}, major: 13, want: old},
		{name: "none", folders: []string{root, half}, err: "no Postgres on this machine: install version 14 or newer"},
		{name: "too old", folders: []string{old}, err: "Postgres 14 or newer is needed, found only [13]"},
		{name: "data of another version", folders: []string{good, newer}, major: 17, err: "made by Postgres 17 and need that version, found [15 18]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := findBinaries(t.Context(), tt.folders, tt.major)
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
			case err != nil:
				t.Fatal(err)
			case filepath.Dir(got.postgres) != tt.want:
				t.Errorf("found %s, want %s", got.postgres, tt.want)
			}
		})
	}
}

// stranger is a user that owns nothing here, so that the tests say the same for
// root and for everybody else.
var stranger = account{uid: 54321, gid: 54321, name: "stranger"}

func TestClosedTo(t *testing.T) {
	temp := passable(t)
	root := filepath.Join(temp, "TestX", "001") // as testing makes them
	mkdir(t, filepath.Dir(root), 0o700)
	mkdir(t, root, 0o755)
	mkdir(t, filepath.Join(root, "closed"), 0o750)
	mkdir(t, filepath.Join(root, "closed", "open"), 0o755)
	mkdir(t, filepath.Join(root, "passable"), 0o711)
	if got := closedTo(filepath.Join(root, "passable"), stranger); got != filepath.Dir(root) {
		t.Errorf("closed at %q, want %q", got, filepath.Dir(root))
	}
	if err := (house{temp: temp}).open(root, stranger); err != nil {
		t.Fatal(err)
	}
	if got := closedTo(filepath.Join(root, "passable"), stranger); got != "" {
		t.Errorf("closed at %q, want open", got)
	}
	if got, want := closedTo(filepath.Join(root, "closed", "open"), stranger), filepath.Join(root, "closed"); got != want {
		t.Errorf("closed at %q, want %q", got, want)
	}
	owner := account{uid: os.Geteuid(), gid: os.Getegid()}
	if got := closedTo(filepath.Join(root, "closed", "open"), owner); got != "" {
		t.Errorf("closed to its owner at %q", got)
	}
}

func TestFindBinariesInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := findBinaries(ctx, installFolders(), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the end of the context", err)
	}
}

func TestPlaceOfTheCluster(t *testing.T) {
	temp := passable(t)
	fallback := filepath.Join(temp, "lib")

	t.Run("in the data directory", func(t *testing.T) {
		dir := mustOpen(t, filepath.Join(temp, "inside"))
		folder, err := house{temp: temp, fallback: fallback}.place(dir, stranger)
		if want := filepath.Join(dir.Path(), "postgres"); err != nil || folder != want {
			t.Fatalf("placed in %q, %v, want %q", folder, err, want)
		}
	})
	t.Run("elsewhere, and found again", func(t *testing.T) {
		home := filepath.Join(temp, "home")
		mkdir(t, home, 0o700)
		dir := mustOpen(t, filepath.Join(home, "data"))
		h := house{temp: filepath.Join(temp, "tmp"), fallback: fallback}
		folder, err := h.place(dir, stranger)
		if err != nil || filepath.Dir(folder) != fallback {
			t.Fatalf("placed in %q, %v, want below %q", folder, err, fallback)
		}
		if info, err := os.Stat(home); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("home is now %v, %v", info.Mode(), err)
		}
		openAll := account{uid: os.Geteuid(), gid: os.Getegid()}
		again, err := h.place(dir, openAll)
		if err != nil || again != folder {
			t.Errorf("second start in %q, %v, want %q", again, err, folder)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if third, err := h.place(dir, openAll); err != nil || third == folder {
			t.Errorf("after the data were removed: %q, %v", third, err)
		}
	})
	t.Run("closed after the first start", func(t *testing.T) {
		moved := filepath.Join(temp, "moved")
		mkdir(t, moved, 0o755)
		dir := mustOpen(t, filepath.Join(moved, "data"))
		mkdir(t, filepath.Join(dir.Path(), "postgres"), 0o700)
		if err := os.Chmod(moved, 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := house{fallback: fallback}.place(dir, stranger)
		if err == nil || !strings.Contains(err.Error(), "stranger cannot enter "+moved) {
			t.Fatalf("error %v, want one that names %s", err, moved)
		}
	})
}

func TestChoosePort(t *testing.T) {
	listener, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port
	if _, err := choosePort(loopback, taken, 1); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a taken port was given, or for another reason not: %v", err)
	}
	for _, wanted := range []int{0, AnyPort} {
		got, err := choosePort(loopback, wanted, taken)
		if err != nil || got == taken || got < lowestFree || got >= highestFree {
			t.Errorf("wanted %d: got %d, %v", wanted, got, err)
		}
	}
}

func TestCause(t *testing.T) {
	tests := []struct{ name, output, want string }{
		{"a fatal line among others", "LOG:  starting\n2026 UTC [7] FATAL:  could not map\nHINT:  less\n", "FATAL:  could not map"},
		{"initdb", "creating…\ninitdb: error: could not create directory\n", "error: could not create directory"},
		{"a last line without end", "one\ntwo", "two"},
		{"nothing", "", "it printed nothing"},
		{"many lines", strings.Repeat("x\n", 3*keptLines) + "last\n", "last"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			out := &output{log: &log}
			for i := range len(tt.output) { // in pieces, as a pipe may give them
				fmt.Fprint(out, tt.output[i:i+1])
			}
			if log.String() != tt.output {
				t.Errorf("logged %q", log.String())
			}
			if got := out.cause(); got != tt.want {
				t.Errorf("cause %q, want %q", got, tt.want)
			}
			if len(out.lines) > keptLines {
				t.Errorf("keeps %d lines", len(out.lines))
			}
		})
	}
}

// passable is a folder that everybody may pass through, as the one that t.TempDir
// gives on some systems is not.
func passable(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("/tmp", "passable-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(path); err != nil {
			t.Error(err)
		}
	})
	mkdir(t, path, 0o755)
	return resolved(path)
}

func mkdir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(path, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
