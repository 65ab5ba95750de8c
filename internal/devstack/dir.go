// Package devstack runs the two servers that Gangway needs, for `worker dev`,
// `make demo` and the tests: NATS inside this process, Postgres as a child
// process of binaries installed on the machine. Both keep their data in one
// directory, listen on loopback only, and end with this process, however it
// ends.
package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Dir is a data directory that this process alone uses. Having one is the
// permission to start servers in it.
type Dir struct {
	path      string
	lock      lock
	ephemeral bool
	once      sync.Once
	err       error
}

const (
	lockFile        = "lock"
	postgresFolder  = "postgres"
	natsFolder      = "nats"
	ephemeralPrefix = "gangway-"
)

// Open creates the directory at path when it is missing and locks it. It fails
// with the process id of the other user when another process has it open.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("devstack: data directory: %w", err)
	}
	// Others may pass through but not list: Postgres runs as another user when
	// we are root. What lies inside is private to its owner.
	if err := os.MkdirAll(path, 0o711); err != nil {
		return nil, fmt.Errorf("devstack: data directory: %w", err)
	}
	lock, err := acquire(filepath.Join(path, lockFile), syscall.O_CREAT)
	if err != nil {
		return nil, err
	}
	if err := lock.writePID(); err != nil {
		return nil, errors.Join(fmt.Errorf("devstack: data directory: %w", err), lock.release())
	}
	return &Dir{path: path, lock: lock}, nil
}

// Ephemeral opens a new temporary directory that Close removes. It also removes
// what killed processes left behind in earlier runs.
func Ephemeral() (*Dir, error) {
	sweep(os.TempDir())
	path, err := os.MkdirTemp("", ephemeralPrefix)
	if err != nil {
		return nil, fmt.Errorf("devstack: temporary data directory: %w", err)
	}
	if err := os.Chmod(path, 0o711); err != nil {
		return nil, errors.Join(fmt.Errorf("devstack: temporary data directory: %w", err), remove(path))
	}
	dir, err := Open(path)
	if err != nil {
		return nil, errors.Join(err, remove(path))
	}
	dir.ephemeral = true
	return dir, nil
}

// Path is the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close gives the directory free for others, and removes it when it is
// ephemeral. The servers in it must have been closed before.
func (d *Dir) Close() error {
	d.once.Do(func() {
		if d.ephemeral {
			d.err = remove(d.path)
		}
		// Last: until here nobody else may sweep or open it.
		d.err = errors.Join(d.err, d.lock.release())
	})
	return d.err
}

// sweep removes ephemeral directories of ours whose owner was killed: their
// lock is free. The age keeps it away from one that is just being made.
func sweep(parent string) {
	paths, _ := filepath.Glob(filepath.Join(parent, ephemeralPrefix+"*"))
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || ownerOf(info) != os.Geteuid() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := acquire(filepath.Join(path, lockFile), 0)
		if err != nil {
			continue
		}
		_ = remove(path) // nobody waits for it; the next start tries again
		_ = lock.release()
	}
}

// remove deletes a data directory, and the cluster that had to be put elsewhere
// and is only linked from it.
func remove(path string) error {
	elsewhere, err := os.Readlink(filepath.Join(path, postgresFolder))
	if err != nil {
		return os.RemoveAll(path)
	}
	return errors.Join(os.RemoveAll(elsewhere), os.RemoveAll(path))
}

func ownerOf(info os.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Uid)
}
