package devstack

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Child is a process of ours that does not outlive us.
type Child struct {
	process *os.Process
	exited  chan struct{}
	err     error
}

// StartChild starts cmd in a process group of its own, so that Ctrl-C in the
// terminal reaches us alone and we stop our children in order. On Linux the
// kernel sends onDeath when we die, by SIGKILL too.
func StartChild(cmd *exec.Cmd, onDeath syscall.Signal) (*Child, error) {
	cmd.SysProcAttr = childAttributes(cmd.SysProcAttr, onDeath)
	// A grandchild may hold our pipes open after the child is gone.
	cmd.WaitDelay = 5 * time.Second
	c := &Child{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the death signal when the thread that forked ends, so
		// this goroutine keeps its thread until the child is gone. It never
		// unlocks: the thread ends with it.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.process = cmd.Process
		started <- nil
		c.err = cmd.Wait()
		close(c.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// PID is the process id.
func (c *Child) PID() int { return c.process.Pid }

// Exited is closed when the process is gone and its output is read.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Err says how the process ended: nil for exit code 0. Only after Exited.
func (c *Child) Err() error { return c.err }

// Signal sends sig; to a process that is gone it does nothing.
func (c *Child) Signal(sig os.Signal) error {
	if err := c.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Stop sends each signal in turn until the process is gone, with patience
// before the next one. The last should be SIGKILL.
func (c *Child) Stop(patience time.Duration, signals ...os.Signal) error {
	for _, sig := range signals {
		if err := c.Signal(sig); err != nil {
			return err
		}
		if c.gone(patience) {
			return nil
		}
	}
	return errors.New("process does not end")
}

func (c *Child) gone(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.exited:
		return true
	case <-timer.C:
		return false
	}
}
