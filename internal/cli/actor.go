package cli

import (
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"
)

// actor is who gives an order, for the audit log.
type actor struct{ by, note string }

func (a *actor) flags(cmd *cobra.Command) {
	a.byFlag(cmd)
	cmd.Flags().StringVar(&a.note, "note", "", "`TEXT` that says why, for the audit log")
}

// byFlag is for orders that say why in words of their own.
func (a *actor) byFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.by, "by", "", "`NAME` for the audit log; else the user of this machine")
}

// name is the flag's, else that of the user.
func (a *actor) name() string {
	if by := strings.TrimSpace(a.by); by != "" {
		return by
	}
	return UserName()
}

// UserName is user@host of whoever runs the program, for the audit log.
func UserName() string {
	name := "unknown"
	if account, err := user.Current(); err == nil && account.Username != "" {
		name = account.Username
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		name += "@" + host
	}
	return name
}
