package config

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long files must be quiet: editors and secret stores write in
	// several steps.
	settle = 100 * time.Millisecond
	// poll finds what a file system does not announce, such as NFS.
	poll = 5 * time.Second
)

// Watcher notices that the content of files has changed. It watches folders, not
// files, so that a replaced file and a swapped symbolic link (as Kubernetes
// mounts configuration) are seen.
type Watcher struct {
	notify *fsnotify.Watcher // nil where the system has none to give; then only the poll looks

	mu     sync.Mutex
	prints map[string]digest
}

// digest is of a file's content; a file that cannot be read has a zero one.
type digest [sha256.Size]byte

// NewWatcher remembers the files as they are now: what changes between this call
// and Run is seen. Run, or Close when it is never run, releases the watcher.
func NewWatcher(files ...string) *Watcher {
	w := &Watcher{}
	w.notify, _ = fsnotify.NewWatcher()
	w.SetFiles(files...)
	return w
}

// SetFiles changes what is watched, such as after a reload that names other
// secret files, and reports whether there are new ones. Those count as they are
// now; of others, a change that was not reported yet still is.
func (w *Watcher) SetFiles(files ...string) (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.folders(files)
	now := fingerprints(files)
	for file := range now {
		before, known := w.prints[file]
		if known {
			now[file] = before
		}
		more = more || !known
	}
	w.prints = now
	return more
}

// Run calls changed after the content of a file has changed, until ctx ends.
// Changed runs in the caller's goroutine. A file that is gone for a moment is
// waited for: its absence is no change.
func (w *Watcher) Run(ctx context.Context, changed func()) {
	defer w.Close()
	var events chan fsnotify.Event
	var failures chan error
	if w.notify != nil {
		events, failures = w.notify.Events, w.notify.Errors
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	quiet := time.NewTimer(0) // looks once at the start
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			quiet.Reset(settle)
			continue
		case <-failures: //nolint:errcheck // it says that events were lost: the files tell
		case <-quiet.C:
		case <-ticker.C:
		}
		if w.look() {
			changed()
		}
	}
}

// Close stops watching. It need not be called after Run.
func (w *Watcher) Close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

// look reports whether a file differs from what is remembered, and remembers it.
func (w *Watcher) look() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	differs := false
	var files []string
	for file := range w.prints {
		files = append(files, file)
	}
	for file, now := range fingerprints(files) {
		if now != (digest{}) && now != w.prints[file] {
			w.prints[file], differs = now, true
		}
	}
	if differs {
		w.folders(files) // a link may lead somewhere else now
	}
	return differs
}

// folders watches the folders of the files and of what they link to. One that
// cannot be watched is left to the poll.
func (w *Watcher) folders(files []string) {
	if w.notify == nil {
		return
	}
	for _, file := range files {
		_ = w.notify.Add(filepath.Dir(file))
		if target, err := filepath.EvalSymlinks(file); err == nil {
			_ = w.notify.Add(filepath.Dir(target))
		}
	}
}

func fingerprints(files []string) map[string]digest {
	prints := make(map[string]digest, len(files))
	for _, file := range files {
		prints[file] = digest{}
		if text, err := os.ReadFile(file); err == nil {
			prints[file] = sha256.Sum256(text)
		}
	}
	return prints
}
