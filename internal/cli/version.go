package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build says what this program was made of.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitzero"`
	Built    string `json:"built,omitzero"` // time of the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// version reads what the toolchain stamped into the program.
func version() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			b.Revision = setting.Value
		case setting.Key == "vcs.time":
			b.Built = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true" && !strings.Contains(b.Version, "dirty"):
			b.Version += "+dirty"
		}
	}
	return b
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long:  "Print the version of this program, and what it was built from.",
		Example: `  publisher version
  publisher version -o json`,
		Args: wants(),
		RunE: does(func(context.Context, []string) error {
			b := version()
			if p.format == jsonFormat {
				return p.out.object(b)
			}
			p.out.pairs([]pair{
				{"publisher", b.Version}, {"revision", b.Revision}, {"built", b.Built}, {"go", b.Go}, {"platform", b.Platform},
			})
			return nil
		}),
	}
}

// completionCommand is cobra's own generator under a command with an example.
func (p *program) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	cmd := &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion script of a shell",
		Long:  "Print the completion script of a shell: " + joined(shells) + ".",
		Example: `  source <(publisher completion bash)
  publisher completion zsh > "${fpath[1]}/_publisher"`,
		Args:              wants("SHELL"),
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.RunE = does(func(_ context.Context, args []string) error {
		root := cmd.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(p.out.w, true)
		case "zsh":
			return root.GenZshCompletion(p.out.w)
		case "fish":
			return root.GenFishCompletion(p.out.w, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(p.out.w)
		}
		return usagef("%q is not a shell that is known: give one of %s", args[0], joined(shells))
	})
	return cmd
}
