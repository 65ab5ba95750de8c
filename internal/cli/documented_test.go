package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestDocumentedCommandsExist holds every command line of publisher in the
// documents to the program.
func TestDocumentedCommandsExist(t *testing.T) {
	shown := testkit.DocumentedCommands(t, "publisher")
	if len(shown) < 40 {
		t.Fatalf("only %d command lines are found", len(shown))
	}
	for _, d := range shown {
		root := newProgram(strings.NewReader(""), io.Discard, io.Discard, everything(t)).root()
		if mistake := unknown(root, d.Words); mistake != "" {
			t.Errorf("%s: publisher %s: %s", d.Where, strings.Join(d.Words, " "), mistake)
		}
	}
	for _, words := range [][]string{{"deadmails", "list"}, {"list", "--state", "x"}, {"providers", "stop", "ses"}} {
		root := newProgram(strings.NewReader(""), io.Discard, io.Discard, everything(t)).root()
		if unknown(root, words) == "" {
			t.Errorf("publisher %s is not noticed", strings.Join(words, " "))
		}
	}
}

// unknown says which word of a command line the program does not know.
func unknown(root *cobra.Command, words []string) string {
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	for _, word := range rest {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case !strings.HasPrefix(word, "-"):
			if !cmd.HasParent() || cmd.HasSubCommands() {
				return word + " is no command of " + cmd.CommandPath()
			}
		case strings.HasPrefix(word, "--"):
			if name != "help" && cmd.Flag(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				return word + " is no flag of " + cmd.CommandPath()
			}
		case word != "-" && cmd.Flags().ShorthandLookup(name) == nil && cmd.InheritedFlags().ShorthandLookup(name) == nil:
			return word + " is no flag of " + cmd.CommandPath()
		}
	}
	return ""
}
