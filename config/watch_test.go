package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// watched starts a watch and returns the channel of its calls.
func watched(t *testing.T, files ...string) <-chan struct{} {
	t.Helper()
	// The leak check runs after the watch has been ended, since clean-ups run backwards.
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	ctx, cancel := context.WithCancel(t.Context())
	calls := make(chan struct{}, 16)
	ended := make(chan struct{})
	watcher := NewWatcher(files...)
	go func() {
		defer close(ended)
		watcher.Run(ctx, func() { calls <- struct{}{} })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return calls
}

func expectCall(t *testing.T, calls <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-calls:
	case <-time.After(2 * poll):
		t.Fatalf("%s was not seen", what)
	}
}

func TestWatchSeesEveryWayOfChanging(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "worker.yaml", "mock: true")
	missing := filepath.Join(dir, "later")
	calls := watched(t, path, missing)

	write(t, dir, "worker.yaml", "mock: false")
	expectCall(t, calls, "a file written in place")
	if err := os.Rename(write(t, dir, "new", "mock: no"), path); err != nil {
		t.Fatal(err)
	}
	expectCall(t, calls, "a replaced file")
	write(t, dir, "later", "x")
	expectCall(t, calls, "a file that appears")
	// The same content again, and a neighbour, are no change: the next call comes
	// from what follows.
	write(t, dir, "worker.yaml", "mock: no")
	write(t, dir, "neighbour", "x")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "later", "y")
	expectCall(t, calls, "a change after harmless ones")
	select {
	case <-calls:
		t.Error("a harmless change was reported")
	default:
	}
}

// TestWatchSeesASwappedLink mounts configuration as Kubernetes does it: the file
// is a link through ..data, and only ..data changes.
func TestWatchSeesASwappedLink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "..1/worker.yaml", "mock: true")
	write(t, dir, "..2/worker.yaml", "mock: false")
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..1", "..data")
	link("..data/worker.yaml", "worker.yaml")
	calls := watched(t, filepath.Join(dir, "worker.yaml"))
	link("..2", "..tmp")
	if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	expectCall(t, calls, "a swapped link")
	// The new target's folder is watched too.
	write(t, dir, "..2/worker.yaml", "mock: off")
	expectCall(t, calls, "a change behind the swapped link")
}

func TestWatchOfNothingEnds(t *testing.T) {
	watched(t)
}

func TestWatchSeesWhatChangedBeforeItRan(t *testing.T) {
	path := write(t, t.TempDir(), "x", "a")
	watcher := NewWatcher(path)
	write(t, filepath.Dir(path), "x", "b")
	ctx, cancel := context.WithTimeout(t.Context(), 2*poll)
	calls := 0
	watcher.Run(ctx, func() {
		calls++
		cancel()
	})
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestWatchTakesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	first, second := write(t, dir, "a/x", "1"), write(t, dir, "b/x", "1")
	watcher := NewWatcher(first)
	watcher.SetFiles(second)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	calls := make(chan struct{}, 16)
	go func() {
		defer close(ended)
		watcher.Run(ctx, func() { calls <- struct{}{} })
	}()
	write(t, dir, "a/x", "2")
	write(t, dir, "b/x", "2")
	expectCall(t, calls, "a change of the other file")
	cancel()
	<-ended
	if len(calls) != 0 {
		t.Error("the first file is still watched")
	}
}

// TestWatchKeepsWhatItHasNotReported: other files to watch do not hide a change
// that was not reported yet.
func TestWatchKeepsWhatItHasNotReported(t *testing.T) {
	path := write(t, t.TempDir(), "x", "a")
	watcher := NewWatcher(path)
	write(t, filepath.Dir(path), "x", "b")
	other := write(t, t.TempDir(), "y", "1")
	if !watcher.SetFiles(path, other) || watcher.SetFiles(path, other) {
		t.Error("y alone is new, once")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*poll)
	calls := 0
	watcher.Run(ctx, func() {
		calls++
		cancel()
	})
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
