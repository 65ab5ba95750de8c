package main

import (
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestDocumentedCommandsExist holds every command line of worker in the documents,
// in the units of systemd and in docker-compose.yml to the program.
func TestDocumentedCommandsExist(t *testing.T) {
	shown := testkit.DocumentedCommands(t, "worker")
	if len(shown) < 15 {
		t.Fatalf("only %d command lines are found", len(shown))
	}
	shown = append(shown, testkit.Documented{Where: "Dockerfile", Words: []string{"ready"}})
	for _, d := range shown {
		if mistake := unknown(d.Words); mistake != "" {
			t.Errorf("%s: worker %s: %s", d.Where, strings.Join(d.Words, " "), mistake)
		}
	}
	for _, words := range [][]string{{"migrate", "--all"}, {"serve"}, {"secrets", "print"}} {
		if unknown(words) == "" {
			t.Errorf("worker %s is not noticed", strings.Join(words, " "))
		}
	}
}

// unknown says which word of a command line the program does not know.
func unknown(words []string) string {
	root := rootCommand()
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	for _, word := range rest {
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		switch {
		case isFlag && name != "help" && cmd.Flag(name) == nil:
			return word + " is no flag of " + cmd.CommandPath()
		case !isFlag && (!cmd.HasParent() || cmd.HasSubCommands()):
			return word + " is no command of " + cmd.CommandPath()
		case !isFlag && len(cmd.ValidArgs) > 0 && !strings.Contains(strings.Join(cmd.ValidArgs, " "), word):
			return word + " is nothing that " + cmd.CommandPath() + " takes"
		}
	}
	return ""
}
