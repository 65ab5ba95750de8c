package devstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldestPostgres is the first version that Gangway supports.
const oldestPostgres = 14

// binaries are the server programs of one installed Postgres.
type binaries struct {
	initdb, postgres string
	major            int
}

// findBinaries returns the first Postgres in folders that is new enough. With
// major it must be that version, because a data directory belongs to one.
func findBinaries(ctx context.Context, folders []string, major int) (binaries, error) {
	var found []int
	for _, folder := range folders {
		b := binaries{initdb: filepath.Join(folder, "initdb"), postgres: filepath.Join(folder, "postgres")}
		if !executable(b.initdb) || !executable(b.postgres) {
			continue
		}
		out, err := exec.CommandContext(ctx, b.postgres, "--version").Output()
		if ctx.Err() != nil {
			return binaries{}, ctx.Err() // it is there, and was not asked to the end
		}
		if err != nil {
			continue
		}
		b.major = majorVersion(string(out))
		if b.major == major || major == 0 && b.major >= oldestPostgres {
			return b, nil
		}
		found = append(found, b.major)
	}
	switch {
	case major != 0:
		return binaries{}, fmt.Errorf("the data were made by Postgres %d and need that version, found %v: install it, or remove the data", major, found)
	case len(found) > 0:
		return binaries{}, fmt.Errorf("Postgres %d or newer is needed, found only %v: install the package postgresql", oldestPostgres, found)
	default:
		return binaries{}, fmt.Errorf("no Postgres on this machine: install version %d or newer (apt-get install postgresql, dnf install postgresql-server, brew install postgresql@17)", oldestPostgres)
	}
}

// installFolders lists where server programs are installed: the search path,
// then the places that distributions keep off it, newest version first.
func installFolders() []string {
	folders := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // Red Hat, from postgresql.org
		"/opt/homebrew/opt/postgresql*/bin", // macOS on ARM
		"/usr/local/opt/postgresql*/bin",    // macOS on Intel
		"/usr/libexec/postgresql*",          // Alpine
		"/usr/local/pgsql/bin",              // from source
	} {
		matches, _ := filepath.Glob(pattern)
		slices.SortFunc(matches, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
		folders = append(folders, matches...)
	}
	return folders
}

var firstNumber = regexp.MustCompile(`\d+`)

// majorVersion is the first number in "postgres (PostgreSQL) 15.18 (Debian …)",
// "/usr/pgsql-16/bin" or the file PG_VERSION; 0 when there is none.
func majorVersion(text string) int {
	n, _ := strconv.Atoi(firstNumber.FindString(text))
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
