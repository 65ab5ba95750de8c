package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lock is the descriptor of a locked file. The kernel releases it when this
// process ends. It is no os.File, which would release it once nothing refers to
// the Dir any more, under servers that still run.
type lock int

// acquire locks the file at path, or fails with the process that has it.
func acquire(path string, flags int) (lock, error) {
	folder := filepath.Dir(path)
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NOFOLLOW|syscall.O_CLOEXEC|flags, 0o600)
	if err != nil {
		return 0, fmt.Errorf("devstack: data directory: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	l := lock(fd)
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := l.readPID()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("devstack: data directory %s is in use by %s: stop it, or choose another directory", folder, holder)
		} else {
			err = fmt.Errorf("devstack: data directory %s cannot be locked: %w", folder, err)
		}
		return 0, errors.Join(err, l.release())
	}
	return l, nil
}

func (l lock) release() error { return syscall.Close(int(l)) }

func (l lock) writePID() error {
	if err := syscall.Ftruncate(int(l), 0); err != nil {
		return err
	}
	_, err := syscall.Pwrite(int(l), []byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (l lock) readPID() string {
	buf := make([]byte, 20)
	n, err := syscall.Pread(int(l), buf, 0)
	if pid := strings.TrimSpace(string(buf[:max(n, 0)])); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}
