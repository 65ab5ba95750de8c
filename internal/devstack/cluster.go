package devstack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is a Postgres data directory with what belongs to it.
type cluster struct {
	folder  string // holds data/ and the password; owned by the account
	account account
	bin     binaries
	log     io.Writer
}

func openCluster(ctx context.Context, dir *Dir, log io.Writer) (*cluster, error) {
	a, err := accountFor(filepath.Join(dir.path, postgresFolder))
	if err != nil {
		return nil, err
	}
	folder, err := house{temp: resolved(os.TempDir()), fallback: "/var/lib/gangway"}.place(dir, a)
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder, account: a, log: log}
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c.bin, err = findBinaries(ctx, installFolders(), majorVersion(string(version)))
	return c, err
}

func (c *cluster) data() string         { return filepath.Join(c.folder, "data") }
func (c *cluster) passwordFile() string { return filepath.Join(c.folder, "password") }

// password returns the superuser's password, made on the first start.
func (c *cluster) password() (string, error) {
	text, err := os.ReadFile(c.passwordFile())
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if _, errData := os.Stat(c.data()); !errors.Is(err, fs.ErrNotExist) || errData == nil {
		return "", fmt.Errorf("the password of the data in %s is lost (%w): remove the folder to start afresh", c.folder, err)
	}
	password := rand.Text()
	if err := os.WriteFile(c.passwordFile(), []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	return password, c.account.own(c.passwordFile()) // initdb reads it
}

// create runs initdb when there are no data yet. The new directory gets its
// name last, so that an interrupted start leaves nothing that looks complete.
func (c *cluster) create(ctx context.Context, sync bool) error {
	if _, err := os.Stat(c.data()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := c.data() + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + unfinished, "--username=" + superuser, "--pwfile=" + c.passwordFile(),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", // the same order of text on every machine
	}
	if !sync {
		args = append(args, "--no-sync")
	}
	out := &output{log: c.log}
	child, err := StartChild(c.command(c.bin.initdb, out, args...), syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	select {
	case <-child.Exited():
	case <-ctx.Done():
		return errors.Join(ctx.Err(), child.Stop(5*time.Second, syscall.SIGTERM, syscall.SIGKILL))
	}
	if child.Err() != nil {
		return fmt.Errorf("initdb: %w: %s", child.Err(), out.cause())
	}
	return os.Rename(unfinished, c.data())
}

// command runs a Postgres program as the cluster's account, with nothing of our
// environment that could change what it does.
func (c *cluster) command(program string, out io.Writer, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...) //nolint:noctx // it is stopped in order, not killed when a context ends
	cmd.Dir = c.folder                    // the account may not be allowed into ours
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = c.account.attributes()
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// reclaim makes way when an earlier server of these data left its pid file. We
// hold the directory's lock, so a server that still runs has lost its owner.
func (c *cluster) reclaim(ctx context.Context) error {
	file := filepath.Join(c.data(), "postmaster.pid")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return fmt.Errorf("%s is damaged: remove it when no server runs on these data", file)
	}
	if !worksIn(pid, c.data()) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return nil // Postgres sees that itself, and whether processes of that server are left
		}
		return os.Remove(file) // another program has the number now; Postgres would refuse to start
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("an earlier server (process %d) cannot be stopped: %w", pid, err)
		}
		if gone, err := c.awaitGone(ctx, pid); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("an earlier server (process %d) does not end", pid)
}

func (c *cluster) awaitGone(ctx context.Context, pid int) (bool, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 250 {
		if !worksIn(pid, c.data()) {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-tick.C:
		}
	}
	return false, nil
}
