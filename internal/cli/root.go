package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Groups of commands in the help.
const (
	groupSend    = "send"
	groupLook    = "look"
	groupOperate = "operate"
)

// root builds the command tree of this run.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "publisher",
		Short: "Publish commands to Gangway, see what became of them, and operate it",
		Long: `Publish commands to Gangway, see what became of them, and operate it.

NATS and Postgres are found by --nats-url and --postgres-url, else by
GANGWAY_NATS_URL and GANGWAY_POSTGRES_URL, else by the configuration file, else
by the development stack that runs here (worker dev writes .gangway/dev.env).

Exit codes: 0 done, 1 failed, 2 the command line is wrong.`,
		Example: `  publisher email --to kim@example.kr --subject "Hello" --text "It works." --wait
  publisher status 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f
  publisher list --status failed --since 24h`,
		Version:           version().Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(p.in)
	root.SetOut(p.out.w)
	root.SetErr(p.err.w)
	root.SetVersionTemplate("publisher {{.Version}}\n")
	root.SetFlagErrorFunc(p.flagError)
	root.AddGroup(
		&cobra.Group{ID: groupSend, Title: "Commands in:"},
		&cobra.Group{ID: groupLook, Title: "Status out:"},
		&cobra.Group{ID: groupOperate, Title: "Operating:"},
	)
	p.globals(root.PersistentFlags())
	for _, cmd := range p.commands() {
		root.AddCommand(cmd)
	}
	root.AddCommand(p.versionCommand(), p.completionCommand())
	Branch(root)
	root.SetHelpCommand(p.helpCommand(root))
	return root
}

// commands returns what this program can do with the backends it has.
func (p *program) commands() []*cobra.Command {
	b := p.backends
	var list []*cobra.Command
	add := func(group string, present bool, commands ...func() *cobra.Command) {
		if !present {
			return
		}
		for _, build := range commands {
			cmd := build()
			cmd.GroupID = group
			list = append(list, cmd)
		}
	}
	publishes := b.Bus != nil || b.Outbox != nil
	add(groupSend, publishes, p.sendCommand, p.emailCommand, p.smsCommand, p.businessCommand, p.addressCommand)
	add(groupSend, publishes && b.Deliveries != nil, p.cancelCommand)
	add(groupSend, b.Templates != nil, p.templatesCommand)
	add(groupLook, b.Deliveries != nil, p.statusCommand, p.listCommand)
	add(groupOperate, b.Manual != nil && b.Deliveries != nil, p.manualCommand)
	add(groupOperate, b.Unknowns != nil && b.Deliveries != nil, p.unknownCommand)
	add(groupOperate, b.DeadLetters != nil, p.deadLettersCommand)
	add(groupOperate, b.Suppressions != nil, p.suppressionsCommand)
	add(groupOperate, b.Providers != nil, p.providersCommand)
	add(groupOperate, b.Stats != nil, p.statsCommand)
	add(groupOperate, b.Cache != nil, p.cacheCommand)
	add(groupOperate, b.Alerts != nil, p.alertsCommand)
	add(groupOperate, b.Webhooks != nil, p.webhooksCommand)
	add(groupOperate, b.Audit != nil, p.auditCommand)
	add(groupOperate, b.Eraser != nil, p.forgetCommand)
	return list
}

func (p *program) globals(flags *pflag.FlagSet) {
	p.format = tableFormat
	p.dataDir = ".gangway"
	flags.VarP(&p.format, "output", "o", "`FORMAT` of the output: table, or json (one object a line)")
	flags.StringVar(&p.endpoints.NATSURL, "nats-url", "", "`URL` of NATS, several with commas")
	flags.StringVar(&p.endpoints.PostgresURL, "postgres-url", "", "connection `URL` of Postgres")
	flags.StringVar(&p.configFile, "config", "", "configuration `FILE`")
	flags.StringVar(&p.dataDir, "data-dir", p.dataDir, "`FOLDER` in which a development stack keeps its data")
}

// Branch gives every command below cmd that only has children its answer to being
// called alone or with a word it does not know.
func Branch(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		Branch(child)
	}
	if cmd.Runnable() || !cmd.HasSubCommands() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = does(func(_ context.Context, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		if !cmd.HasParent() {
			return cmd.Help()
		}
		return usagef("%s: say what to do: %s", called(cmd), strings.Join(childNames(cmd), ", "))
	})
}

func unknownCommand(cmd *cobra.Command, word string) error {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return usagef("%q is not a command of %s: did you mean %s?", word, cmd.CommandPath(), strings.Join(near, " or "))
	}
	return usagef("%q is not a command of %s: give one of %s", word, cmd.CommandPath(), strings.Join(childNames(cmd), ", "))
}

func childNames(cmd *cobra.Command) []string {
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return names
}

// flagError is reached before arguments are looked at: a misspelled command with
// flags behind it would else be told that its flags are wrong.
func (p *program) flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() {
		for _, word := range cmd.Flags().Args() {
			if !slices.Contains(childNames(cmd), word) {
				return unknownCommand(cmd, word)
			}
		}
	}
	return usagef("%w (see %s --help)", err, cmd.CommandPath())
}

// helpCommand is cobra's own, with an example and with mistakes told in one line.
func (p *program) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about any command",
		Example: "  publisher help send",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("help: %q is not a command: see publisher --help", strings.Join(args, " "))
			}
			return cmd.Help()
		},
	}
}

// Arguments refuses a number of arguments other than that of names: [wants] for
// the programs beside publisher.
func Arguments(names ...string) cobra.PositionalArgs { return wants(names...) }

// wants refuses a number of arguments other than that of names. A name in
// brackets may be left out, one that ends with dots may be repeated.
func wants(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		most := len(names)
		for i, name := range names {
			if len(args) <= i && !strings.HasPrefix(name, "[") {
				return usagef("%s: %s is missing (see %s --help)", called(cmd), strings.TrimSuffix(name, "..."), cmd.CommandPath())
			}
			if strings.Contains(name, "...") {
				most = len(args)
			}
		}
		if len(args) > most {
			return usagef("%s: %q is one argument too many (see %s --help)", called(cmd), args[most], cmd.CommandPath())
		}
		return nil
	}
}

// called is a command's path without the name of the program, which stands in
// front of every error already.
func called(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}
