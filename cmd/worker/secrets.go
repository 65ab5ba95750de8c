package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/cli"
)

func secretsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Seal secrets for files, open them, and change the key",
		Long: "A sealed value (sealed:…) may stand in any file: only who has the key of GANGWAY_SECRETS_KEY, or of the\n" +
			"file that GANGWAY_SECRETS_KEY_FILE names, can open it. Several keys may stand there, the newest first.",
		Example: "  worker secrets keygen --out /etc/gangway/key\n" +
			"  worker secrets encrypt --to age1… < password.txt",
	}
	cmd.AddCommand(keygenCommand(), encryptCommand(), decryptCommand(), rotateCommand())
	return cmd
}

func keygenCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "keygen",
		Short:   "Make a key; its public half, which seals, is shown",
		Example: "  worker secrets keygen --out /etc/gangway/key\n  worker secrets keygen > key",
		Args:    cli.Arguments(),
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			key, recipient, err := config.GenerateKey()
			if err != nil {
				return err
			}
			text := fmt.Sprintf("# public key: %s\n%s\n", recipient, key.Reveal())
			if out == "" {
				fmt.Fprint(cmd.OutOrStdout(), text)
				return nil
			}
			// Never over a key that is there: what it sealed would be lost.
			file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("secrets keygen: %w", err)
			}
			_, err = file.WriteString(text)
			if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
				return fmt.Errorf("secrets keygen: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), recipient)
			return nil
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "new file for the key, readable by its owner alone; else it is printed")
	return cmd
}

func encryptCommand() *cobra.Command {
	var to []string
	cmd := &cobra.Command{
		Use:   "encrypt",
		Short: "Seal the secret on standard input; without --to for every key of GANGWAY_SECRETS_KEY",
		Example: "  worker secrets encrypt --to age1… < password.txt\n" +
			"  GANGWAY_SECRETS_KEY_FILE=/etc/gangway/key worker secrets encrypt",
		Args: cli.Arguments(),
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if len(to) == 0 {
				_, recipients, err := keys()
				if err != nil {
					return err
				}
				to = recipients
			}
			secret, err := typed(cmd, "secret: ")
			if err != nil {
				return err
			}
			sealed, err := config.Seal(secret, to...)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), sealed)
			return nil
		}),
	}
	cmd.Flags().StringSliceVar(&to, "to", nil, "public keys (age1…) that may open it")
	return cmd
}

func decryptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "decrypt [VALUE]",
		Short: "Open a sealed value, of the argument or of standard input, and print the secret",
		Example: "  GANGWAY_SECRETS_KEY_FILE=/etc/gangway/key worker secrets decrypt sealed:YWdl…\n" +
			"  worker secrets decrypt < value.txt",
		Args: cli.Arguments("[VALUE]"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			key, _, err := keys()
			if err != nil {
				return err
			}
			var value string
			if len(args) == 1 {
				value = args[0]
			} else {
				text, err := typed(cmd, "sealed value: ")
				if err != nil {
					return err
				}
				value = text.Reveal()
			}
			secret, err := config.Unseal(value, key)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), secret.Reveal())
			return nil
		}),
	}
}

func rotateCommand() *cobra.Command {
	var to []string
	cmd := &cobra.Command{
		Use:   "rotate FILE…",
		Short: "Seal every sealed value of files anew, in place, for every key of GANGWAY_SECRETS_KEY and of --to",
		Long: "Every sealed value of the files is opened and sealed anew, in place; all else in them stays as it is. A file is\n" +
			"replaced whole or not at all. To change a key without a worker that cannot open its file:\n\n" +
			"  1. make a new key, and rotate with the old key and --to the new one: both open the file now;\n" +
			"  2. give the workers the new key;\n" +
			"  3. rotate with the new key alone: the old one opens nothing any more.",
		Example: "  worker secrets keygen --out new.key                                              # prints age1new…\n" +
			"  GANGWAY_SECRETS_KEY_FILE=old.key worker secrets rotate --to age1new… production.yaml\n" +
			"  GANGWAY_SECRETS_KEY_FILE=new.key worker secrets rotate production.yaml",
		Args: cli.Arguments("FILE..."),
		RunE: does(func(cmd *cobra.Command, files []string) error {
			key, recipients, err := keys()
			if err != nil {
				return err
			}
			for _, file := range files {
				n, err := config.ResealFile(file, key, append(recipients, to...)...)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d values sealed anew\n", file, n)
			}
			return nil
		}),
	}
	cmd.Flags().StringSliceVar(&to, "to", nil, "further public keys (age1…) that may open the values")
	return cmd
}

// keys are the identities of the environment and their public keys.
func keys() (config.Secret, []string, error) {
	key, err := config.SecretsKey(nil)
	if err != nil {
		return config.Secret{}, nil, err
	}
	recipients, err := config.Recipients(key)
	if err == nil && len(recipients) == 0 {
		err = errors.New("secrets: no key; set GANGWAY_SECRETS_KEY or GANGWAY_SECRETS_KEY_FILE, or make one with worker secrets keygen")
	}
	return key, recipients, err
}

// typed reads a secret from standard input; of a terminal without showing it.
func typed(cmd *cobra.Command, prompt string) (config.Secret, error) {
	in := cmd.InOrStdin()
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return config.Secret{}, fmt.Errorf("secrets: %w", err)
		}
		return config.NewSecret(string(text)), nil
	}
	return config.ReadSecret(in)
}
