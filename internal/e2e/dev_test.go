package e2e

import (
	"bufio"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// machine is where the whole product is run: a working directory and a directory
// for temporary files, both empty, for the user that runs it.
type machine struct {
	t    *testing.T
	bin  string // the programs
	work string
	temp string
	user *syscall.Credential
}

// starting is how long the first start may take: it makes a Postgres cluster.
const starting = time.Minute

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, bin: filepath.Dir(testkit.Build(t, "cmd/worker")), work: t.TempDir(), temp: t.TempDir()}
	testkit.Build(t, "cmd/publisher")
	for _, dir := range []string{m.work, m.temp} {
		open(t, dir)
	}
	return m
}

// open lets other users into a directory of this test: root's Postgres runs as
// another one, and would else be put elsewhere.
func open(t *testing.T, dir string) {
	t.Helper()
	for _, dir := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// asOrdinaryUser moves to a user without rights, when we are root, together with
// copies of the programs that it can read.
func (m *machine) asOrdinaryUser() {
	m.t.Helper()
	if os.Geteuid() != 0 {
		return // we are one
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		m.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	m.user = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	bin := m.t.TempDir()
	open(m.t, bin)
	for _, dir := range []string{m.work, m.temp} {
		if err := os.Chown(dir, uid, gid); err != nil {
			m.t.Fatal(err)
		}
	}
	program, err := os.ReadFile(m.program("worker"))
	if err == nil {
		m.bin = bin
		err = os.WriteFile(m.program("worker"), program, 0o755)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) program(name string) string { return filepath.Join(m.bin, "-cmd-"+name) }

func (m *machine) start(name string, args ...string) *testkit.Process {
	m.t.Helper()
	return testkit.Start(m.t, testkit.Program{
		Path: m.program(name), Args: args, Dir: m.work, User: m.user,
		Env: []string{"TMPDIR=" + m.temp, "HOME=" + m.work, "GANGWAY_RETRY_EMAIL_SEND_BASE=50ms"},
	})
}

// clean reports every file below the directories that should be empty, and every
// process that still works there.
func (m *machine) clean(dirs ...string) {
	m.t.Helper()
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if path != dir {
				m.t.Errorf("left behind: %s (%v)", path, err)
			}
			return nil
		})
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		m.t.Fatal(err)
	}
	for _, file := range commands {
		line, _ := os.ReadFile(file) // it may have ended meanwhile
		for _, dir := range []string{m.work, m.temp} {
			if strings.Contains(string(line), dir) {
				m.t.Errorf("still running: %s: %s", file, strings.ReplaceAll(string(line), "\x00", " "))
			}
		}
	}
}

// occupy listens on the usual ports until the test ends, as far as nobody else
// does: another stack of this machine may have one and give it up meanwhile. It
// returns what a stack that starts now has to say about each of them.
func occupy(t *testing.T) (moved []string) {
	t.Helper()
	for port, line := range map[string]string{
		"4222": "port 4222 is taken; NATS uses ",
		"5432": "port 5432 is taken; Postgres uses ",
		"8080": "127.0.0.1:8080 is taken; the public listener uses ",
		"8081": "127.0.0.1:8081 is taken; the admin listener uses ",
	} {
		if listener, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			t.Cleanup(func() { listener.Close() })
			moved = append(moved, line)
		}
	}
	return moved
}

// isSent: a simulated provider soon reports that it has delivered.
var isSent = regexp.MustCompile(`"status":"(sent|delivered)"`)

func TestDevKeepsItsData(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	moved := occupy(t)
	data := filepath.Join(m.work, ".gangway")
	var id string
	for start := 1; start <= 2; start++ {
		dev := m.start("worker", "dev")
		dev.WaitOutput(starting, "ready; publish with")
		for _, line := range moved {
			if !strings.Contains(dev.Stdout(), line) {
				t.Errorf("start %d does not say %q:\n%s", start, line, dev.Stdout())
			}
		}
		info, err := os.Stat(filepath.Join(data, "dev.env"))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("dev.env: %v, %v; want mode 0600", info, err)
		}
		if start == 1 {
			sent := m.start("publisher", "email", "--to", "kim@example.kr", "--subject", "안녕", "--text", "본문", "--wait")
			if code := sent.Wait(patience); code != 0 {
				t.Fatalf("publisher email --wait: exit code %d: %s", code, sent.Output())
			}
			id = strings.TrimSpace(sent.Stdout())
		}
		status := m.start("publisher", "status", id, "-o", "json")
		if code := status.Wait(patience); code != 0 || !isSent.MatchString(status.Stdout()) {
			t.Errorf("start %d: publisher status: exit code %d: %s", start, code, status.Output())
		}
		dev.Signal(syscall.SIGTERM)
		if code := dev.Wait(patience); code != 0 {
			t.Errorf("start %d: exit code %d after SIGTERM, want 0", start, code)
		}
		if _, err := os.Stat(filepath.Join(data, "dev.env")); err == nil {
			t.Errorf("start %d: dev.env stays behind", start)
		}
		m.clean(m.temp)
	}
}

func TestDevEphemeralLeavesNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	dev := m.start("worker", "dev", "--ephemeral")
	dev.WaitOutput(starting, "ready; publish with")
	interrupt(t, dev)
	if code := dev.Wait(patience); code != 0 {
		t.Errorf("exit code %d after Ctrl-C, want 0", code)
	}
	m.clean(m.work, m.temp)
}

// interrupt does what Ctrl-C in a terminal does: the whole process group gets it.
func interrupt(t *testing.T, p *testkit.Process) {
	t.Helper()
	if err := syscall.Kill(-p.PID(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}

func TestDemosSideBySide(t *testing.T) {
	t.Parallel()
	machines := []*machine{newMachine(t), newMachine(t)}
	machines[1].asOrdinaryUser()
	var demos []*testkit.Process
	for _, m := range machines {
		demos = append(demos, m.start("worker", "demo"))
	}
	ended := regexp.MustCompile(`│ email\.send +│ (\w+)`)
	for i, demo := range demos {
		if code := demo.Wait(2 * starting); code != 0 {
			t.Errorf("demo %d: exit code %d", i+1, code)
		}
		count := map[string]int{}
		lines := bufio.NewScanner(strings.NewReader(demo.Stdout()))
		for lines.Scan() {
			if row := ended.FindStringSubmatch(lines.Text()); row != nil {
				count[row[1]]++
			}
		}
		for _, status := range []string{"delivered", "failed", "dead_lettered", "rejected"} {
			if count[status] == 0 {
				t.Errorf("demo %d: no sample ended as %s:\n%s", i+1, status, demo.Output())
			}
		}
		machines[i].clean(machines[i].work, machines[i].temp)
	}
}

func TestDemoInterruptedLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]func(m *machine, demo *testkit.Process) bool{
		"while it starts": func(_ *machine, demo *testkit.Process) bool {
			return strings.Contains(demo.Stdout(), "starting Postgres")
		},
		"while commands are executed": func(m *machine, _ *testkit.Process) bool {
			found, _ := filepath.Glob(filepath.Join(m.temp, "*", "dev.env"))
			return len(found) == 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			demo := m.start("worker", "demo")
			testkit.Eventually(t, starting, func() bool { return begun(m, demo) })
			interrupt(t, demo)
			if code := demo.Wait(patience); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if !strings.HasSuffix(demo.Output(), "worker: interrupted\n") {
				t.Errorf("it says %q", demo.Output())
			}
			m.clean(m.work, m.temp)
		})
	}
}
