package devstack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDirIsUsedByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "data")
	dir := mustOpen(t, path)

	_, err := Open(path)
	if want := fmt.Sprintf("%s is in use by process %d:", path, os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("second Open: %v, want %q", err, want)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, path)
	if again.Path() != path {
		t.Errorf("path %q, want %q", again.Path(), path)
	}
}

func TestEphemeralLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(dir.Path(), postgresFolder)); err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir.Path(), elsewhere} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there", path)
		}
	}
}

func TestEphemeralSweepsWhatKilledProcessesLeft(t *testing.T) {
	parent := t.TempDir()
	t.Setenv("TMPDIR", parent)
	old := time.Now().Add(-time.Hour)
	age := func(name string) string {
		path := filepath.Join(parent, name)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"gangway-left", "gangway-used", "gangway-new", "other"} {
		dir, err := Open(filepath.Join(parent, name))
		if err != nil {
			t.Fatal(err)
		}
		if name != "gangway-used" {
			if err := dir.lock.release(); err != nil {
				t.Fatal(err)
			}
		}
	}
	left, used, other, fresh := age("gangway-left"), age("gangway-used"), age("other"), filepath.Join(parent, "gangway-new")

	dir, err := Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for path, kept := range map[string]bool{left: false, used: true, other: true, fresh: true} {
		if _, err := os.Stat(path); (err == nil) != kept {
			t.Errorf("%s kept: %v, want %v", path, err == nil, kept)
		}
	}
}

func mustOpen(t *testing.T, path string) *Dir {
	t.Helper()
	dir, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}
