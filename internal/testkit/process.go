package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// binary builds a program when it is first asked for.
type binary func() (path string, err error)

// Build returns the path of the program in a folder of this module, such as
// "cmd/worker", built with flags of go build, such as "-tags=failpoint". It is
// built once for each test binary.
func Build(t testing.TB, folder string, flags ...string) string {
	t.Helper()
	return build(t, Root(t), "./"+folder, flags...)
}

// build builds a package as seen from the module in dir. Who needs another
// program or a database meanwhile does not wait for it.
func build(t testing.TB, dir, pkg string, flags ...string) string {
	t.Helper()
	path, err := binaryOf(t, dir, pkg, flags)()
	if err != nil {
		t.Fatalf("testkit: go build %s: %v", pkg, err)
	}
	return path
}

func binaryOf(t testing.TB, dir, pkg string, flags []string) binary {
	t.Helper()
	suite.Lock()
	defer suite.Unlock()
	shared := sharedDir(t)
	if suite.binaries == nil {
		suite.binaries = map[string]binary{}
	}
	name := strings.Join(append([]string{pkg}, flags...), " ")
	if suite.binaries[name] == nil {
		suite.binaries[name] = sync.OnceValues(func() (string, error) {
			path := filepath.Join(shared.Path(), "bin", strings.NewReplacer("/", "-", ".", "", " ", "", "=", "-").Replace(name))
			// Without version control stamps: a checkout of another owner has none.
			args := append([]string{"build", "-buildvcs=false", "-o", path}, flags...)
			cmd := exec.Command("go", append(args, pkg)...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				return "", fmt.Errorf("%w\n%s", err, out)
			}
			return path, nil
		})
	}
	return suite.binaries[name]
}

// Program says what to run.
type Program struct {
	Path  string
	Args  []string
	Env   []string // added to the test's own environment
	Dir   string
	Stdin io.Reader
	// User runs it as another user, which only root may; nil for ourselves.
	User *syscall.Credential
}

// Process is a running program. It is killed when the test ends, and by the
// kernel when the test binary dies.
type Process struct {
	t     testing.TB
	child *devstack.Child
	out   lockedBuffer
	both  lockedBuffer
}

// Start starts a program.
func Start(t testing.TB, p Program) *Process {
	t.Helper()
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Dir = p.Dir
	cmd.Stdin = p.Stdin
	if p.User != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.User}
	}
	process := &Process{t: t}
	cmd.Stdout = io.MultiWriter(&process.out, &process.both)
	cmd.Stderr = &process.both
	child, err := devstack.StartChild(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	process.child = child
	t.Cleanup(func() {
		process.Kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(p.Path), ending(process.Output()))
		}
	})
	return process
}

// PID is the process id.
func (p *Process) PID() int { return p.child.PID() }

// Signal sends a signal; to a process that is gone it does nothing.
func (p *Process) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.child.Signal(sig); err != nil {
		p.t.Fatalf("testkit: %v", err)
	}
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.child.Stop(10*time.Second, syscall.SIGKILL); err != nil {
		p.t.Errorf("testkit: process %d: %v", p.PID(), err)
	}
}

// Exited is closed when the process is gone and its output is complete.
func (p *Process) Exited() <-chan struct{} { return p.child.Exited() }

// Wait waits until the process ends by itself and returns its exit code, -1 after
// a signal.
func (p *Process) Wait(within time.Duration) int {
	p.t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.child.Exited():
	case <-timer.C:
		p.t.Fatalf("process %d did not end within %v", p.PID(), within)
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.child.Err()); ok {
		return exit.ExitCode()
	}
	if err := p.child.Err(); err != nil {
		p.t.Fatalf("testkit: process %d: %v", p.PID(), err)
	}
	return 0
}

// Stdout is what the process has written to its standard output so far.
func (p *Process) Stdout() string { return p.out.String() }

// Output is what the process has written so far, with standard error.
func (p *Process) Output() string { return p.both.String() }

// WaitOutput waits until the output contains text. It fails at once when the
// process ends without having written it.
func (p *Process) WaitOutput(within time.Duration, text string) {
	p.t.Helper()
	Eventually(p.t, within, func() bool {
		select {
		case <-p.child.Exited():
			if !strings.Contains(p.Output(), text) {
				p.t.Fatalf("process %d ended without writing %q", p.PID(), text)
			}
		default:
		}
		return strings.Contains(p.Output(), text)
	}, "%q in the output of process %d", text, p.PID())
}

// ending is the end of a text, in whole lines.
func ending(text string) string {
	const most = 16 << 10
	if len(text) <= most {
		return text
	}
	_, text, _ = strings.Cut(text[len(text)-most:], "\n")
	return "…\n" + text
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
