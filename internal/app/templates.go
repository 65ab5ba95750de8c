package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/templates"
)

// templatesLook is how often the folder of templates is looked at. A folder may be
// mounted in ways that announce no changes; looking at a few dozen files costs
// nothing.
const templatesLook = time.Second

// templateFolder keeps the templates loaded: the embedded ones, and above them
// those of a folder, which may change at any time.
type templateFolder struct {
	dir string // "" for none
	log *zap.Logger
	set atomic.Pointer[templates.Set]
}

// openTemplates loads the templates; a mistake in one of them is an error.
func openTemplates(dir string, log *zap.Logger) (*templateFolder, error) {
	f := &templateFolder{dir: dir, log: log}
	return f, f.load()
}

// Set is the templates as they were last found without a mistake.
func (f *templateFolder) Set() *templates.Set { return f.set.Load() }

// load reads everything and swaps it in; with a mistake the old ones stay.
func (f *templateFolder) load() error {
	var options templates.Options
	if f.dir != "" {
		if info, err := os.Stat(f.dir); err != nil || !info.IsDir() {
			return fault.New(fault.Invalid, "templates", "templates.dir %q is no folder that can be read", f.dir)
		}
		options.Overrides = os.DirFS(f.dir)
	}
	set, err := templates.Load(options)
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	f.set.Store(set)
	return nil
}

// watch loads the templates anew when the folder has changed and has been quiet
// for one look, until ctx ends.
func (f *templateFolder) watch(ctx context.Context) {
	if f.dir == "" {
		return
	}
	ticker := time.NewTicker(templatesLook)
	defer ticker.Stop()
	loaded := f.print()
	seen := loaded
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := f.print()
		settled := now == seen
		seen = now
		if now == loaded || !settled {
			continue
		}
		loaded = now
		if err := f.load(); err != nil {
			f.log.Error("templates were changed and have mistakes; the old ones stay in use", zap.String("dir", f.dir), zap.Error(err))
			continue
		}
		f.log.Info("templates loaded anew", zap.String("dir", f.dir), zap.Int("templates", len(f.Set().List())))
	}
}

// print tells states of the folder apart. It looks where the templates are looked
// for, two levels deep, and follows links: mounted configuration is swapped by
// them.
func (f *templateFolder) print() [sha256.Size]byte {
	hash := sha256.New()
	for _, pattern := range []string{"*", "*/*"} {
		found, _ := fs.Glob(os.DirFS(f.dir), pattern) // the patterns are good
		for _, path := range found {
			if info, err := os.Stat(filepath.Join(f.dir, path)); err == nil && !info.IsDir() {
				fmt.Fprintf(hash, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// liveTemplates are the templates of the configuration in force.
type liveTemplates struct {
	ctx     context.Context // of the watches
	log     *zap.Logger
	current atomic.Pointer[watchedTemplates]
}

type watchedTemplates struct {
	*templateFolder
	stop func() // ends the watch and awaits it
}

// startTemplates loads the templates and keeps watching their folder until close.
func startTemplates(ctx context.Context, dir string, log *zap.Logger) (*liveTemplates, error) {
	t := &liveTemplates{ctx: context.WithoutCancel(ctx), log: log}
	first, err := t.open(dir)
	if err != nil {
		return nil, err
	}
	t.current.Store(first)
	return t, nil
}

func (t *liveTemplates) open(dir string) (*watchedTemplates, error) {
	folder, err := openTemplates(dir, t.log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		folder.watch(ctx)
	}()
	return &watchedTemplates{folder, func() { cancel(); <-done }}, nil
}

// Set is the templates to be used now.
func (t *liveTemplates) Set() *templates.Set { return t.current.Load().Set() }

// prepare opens the folder of another configuration.
func (t *liveTemplates) prepare(dir string) (change, error) {
	if dir == t.current.Load().dir {
		return change{commit: func() {}}, nil
	}
	next, err := t.open(dir)
	if err != nil {
		return change{}, err
	}
	return change{undo: next.stop, commit: func() { t.current.Swap(next).stop() }}, nil
}

func (t *liveTemplates) close() error {
	t.current.Load().stop()
	return nil
}
