package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func composed(t *testing.T, environment types.Mapping) (*types.Project, error) {
	t.Helper()
	root := testkit.Root(t)
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: root, Environment: environment,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml")}},
	}, func(o *loader.Options) { o.SetProjectName("gangway", true) })
}

// freshPasswords runs the script that makes them.
func freshPasswords(t *testing.T) types.Mapping {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(testkit.Root(t), "deploy/compose/env")).Output()
	if err != nil {
		t.Fatal(err)
	}
	environment := types.Mapping{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !regexp.MustCompile(`^g[0-9a-f]{32}$`).MatchString(value) {
			t.Errorf("%s is no password: %q", name, value)
		}
		environment[name] = value
	}
	return environment
}

// TestCompose holds docker-compose.yml to what Compose understands and to what
// stands around it.
func TestCompose(t *testing.T) {
	if _, err := composed(t, types.Mapping{}); err == nil || !strings.Contains(err.Error(), "deploy/compose/env") {
		t.Errorf("without passwords: %v", err)
	}
	environment := freshPasswords(t)
	project, err := composed(t, environment)
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`:v?\d+(\.\d+)*(-alpine)?$`)
	for name, service := range project.Services {
		if service.Build == nil && !pinned.MatchString(service.Image) {
			t.Errorf("%s: the image %q has no version", name, service.Image)
		}
		if name != "migrate" && (service.HealthCheck == nil || len(service.HealthCheck.Test) == 0) {
			t.Errorf("%s has no health check", name)
		}
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to the network at %s", name, port.Published)
			}
		}
		for variable, value := range service.Environment {
			if value == nil || strings.Contains(*value, "${") {
				t.Errorf("%s: %s is not set", name, variable)
			}
		}
	}
	for _, name := range []string{"worker-1", "worker-2", "migrate"} {
		w := project.Services[name]
		if !w.ReadOnly || !slices.Equal(w.CapDrop, []string{"ALL"}) || w.StopGracePeriod == nil || time.Duration(*w.StopGracePeriod) <= 30*time.Second {
			t.Errorf("%s is not confined, or is not given time to finish", name)
		}
	}
	if nats := project.Services["nats"]; !slices.Contains(nats.Command, "/etc/nats/single.conf") {
		t.Errorf("nats runs %v", nats.Command)
	}
	folder := t.TempDir() // promtool looks for the rules beside the configuration
	for _, file := range []string{"deploy/compose/prometheus.yml", "deploy/prometheus/gangway.rules.yml"} {
		text, err := os.ReadFile(filepath.Join(testkit.Root(t), file))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	testkit.Promtool(t, "", "check", "config", "--syntax-only", filepath.Join(folder, "prometheus.yml"))
}

// TestComposedWorker runs a worker with the environment and the file that Compose
// gives it, over the NATS of deploy/nats, and asks it as Compose does.
func TestComposedWorker(t *testing.T) {
	environment := freshPasswords(t)
	project, err := composed(t, environment)
	if err != nil {
		t.Fatal(err)
	}
	s := served(t, "single.conf", func(*server.Options) {})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	port, err := devstack.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"GANGWAY_PROVIDERS_MAILPIT_HOST=127.0.0.1"}
	for name, value := range project.Services["worker-1"].Environment {
		text := *value
		switch name {
		case "GANGWAY_CONFIG":
			text = filepath.Join(testkit.Root(t), "deploy/compose/gangway.yaml")
		case "GANGWAY_NATS_URL":
			if want := "nats://worker:" + environment["NATS_WORKER_PASSWORD"] + "@nats:4222"; text != want {
				t.Errorf("NATS at %q", text)
			}
			text = urlAs(s, "worker")
		case "GANGWAY_POSTGRES_URL":
			text = testkit.Postgres(t)
		case "GANGWAY_ADMIN_ADDR":
			text = fmt.Sprint("0.0.0.0:", port)
		case "GANGWAY_ADMIN_TOKEN_FILE":
			text = filepath.Join(t.TempDir(), "admin_token")
			if err := os.WriteFile(text, []byte(environment["GANGWAY_ADMIN_TOKEN"]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		env = append(env, name+"="+text)
	}
	env = append(env, "GANGWAY_HTTP_ADDR=127.0.0.1:0")
	worker := func(args ...string) *testkit.Process {
		return testkit.Start(t, testkit.Program{Path: testkit.Build(t, "cmd/worker"), Args: args, Env: env, Dir: t.TempDir()})
	}
	if code := worker(project.Services["migrate"].Command...).Wait(patience); code != 0 {
		t.Fatal("migrate")
	}
	probe := project.Services["worker-1"].HealthCheck.Test[2:] // CMD worker …
	if code := worker(probe...).Wait(patience); code != 1 {
		t.Errorf("nobody runs, and the probe ends with %d", code)
	}
	running := worker("run")
	running.WaitOutput(patience, `"worker is ready"`)
	if code := worker(probe...).Wait(patience); code != 0 {
		t.Errorf("the worker runs, and the probe ends with %d", code)
	}
	s.Shutdown()
	testkit.Eventually(t, patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, testkit.Build(t, "cmd/worker"), probe...)
		cmd.Env = append(os.Environ(), env...)
		return cmd.Run() != nil
	}, "NATS is gone, and the probe says that the worker can work")
}

// TestDockerfile holds what the image is made of to what is there.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"USER nonroot", "CGO_ENABLED=0 go build", "FROM gcr.io/distroless/static-debian12:nonroot", `ENTRYPOINT ["/usr/local/bin/worker"]`} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%s is missing", line)
		}
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" || strings.HasPrefix(words[1], "--") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			if _, err := os.Stat(filepath.Join(testkit.Root(t), source)); err != nil {
				t.Errorf("it copies what is not there: %v", err)
			}
		}
	}
	module, err := os.ReadFile(filepath.Join(testkit.Root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))
	if !strings.Contains(string(text), "FROM golang:"+version[1]+" ") {
		t.Errorf("the image is not built with Go %s", version[1])
	}
}
