package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is the system user that runs Postgres: ourselves, or when we are root,
// as which Postgres refuses to run, another one.
type account struct {
	uid, gid int
	name     string
	other    bool // not ourselves
}

// accountFor returns the user for the cluster at path. As root it is the owner
// of a cluster that is already there, else postgres, else nobody.
func accountFor(path string) (account, error) {
	self := account{uid: os.Geteuid(), gid: os.Getegid(), name: "this user"}
	if self.uid != 0 {
		return self, nil
	}
	if info, err := os.Stat(path); err == nil && ownerOf(info) != 0 {
		uid := ownerOf(info)
		return account{uid: uid, gid: int(info.Sys().(*syscall.Stat_t).Gid), name: fmt.Sprintf("uid %d", uid), other: true}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{uid: uid, gid: gid, name: name, other: true}, nil
		}
	}
	return account{}, errors.New("Postgres refuses to run as root, and there is neither a user postgres nor nobody: add one, or start as an ordinary user")
}

// attributes makes a child process run as the account.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.other {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
}

// own gives path to the account.
func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// house says where a cluster may live when its user cannot reach the data
// directory, as below root's home.
type house struct {
	temp     string // below it we open folders of ours for passing through
	fallback string // else the cluster lives below this, linked from the data directory
}

// place returns the folder of the cluster of dir, made for the account.
func (h house) place(dir *Dir, a account) (string, error) {
	link := filepath.Join(dir.path, postgresFolder)
	folder, err := filepath.EvalSymlinks(link)
	switch {
	case err == nil: // from an earlier start
		if closed := closedTo(filepath.Dir(folder), a); closed != "" {
			return "", fmt.Errorf("%s cannot enter %s, which leads to the data in %s: chmod o+x it, or start as the user that started it before", a.name, closed, folder)
		}
		return folder, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	// A link whose target is gone is not there either.
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	path, err := filepath.EvalSymlinks(dir.path)
	if err != nil {
		return "", err
	}
	if err := h.open(path, a); err != nil {
		return "", err
	}
	if closedTo(path, a) == "" {
		folder := filepath.Join(path, postgresFolder)
		if err := os.Mkdir(folder, 0o700); err != nil {
			return "", err
		}
		return folder, a.own(folder)
	}
	return h.elsewhere(link, a)
}

// open lets the account pass through our own folders below the directory for
// temporary files; they can still not be listed, and their files keep their modes.
func (h house) open(path string, a account) error {
	for {
		closed := closedTo(path, a)
		if closed == "" || !strings.HasPrefix(closed, h.temp+string(filepath.Separator)) {
			return nil
		}
		info, err := os.Stat(closed)
		if err != nil {
			return err
		}
		if err := os.Chmod(closed, info.Mode().Perm()|0o011); err != nil {
			return err
		}
	}
}

func (h house) elsewhere(link string, a account) (string, error) {
	if err := os.MkdirAll(h.fallback, 0o711); err != nil {
		return "", fmt.Errorf("%s cannot enter %s, and no other place can be made: %w", a.name, filepath.Dir(link), err)
	}
	folder, err := os.MkdirTemp(resolved(h.fallback), "postgres-")
	if err != nil {
		return "", err
	}
	return folder, errors.Join(a.own(folder), os.Symlink(folder, link))
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// closedTo returns the first folder on the absolute path, from the root down,
// that the account may not pass through; "" when all are open.
func closedTo(path string, a account) string {
	if path != filepath.Dir(path) {
		if closed := closedTo(filepath.Dir(path), a); closed != "" {
			return closed
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	stat := info.Sys().(*syscall.Stat_t)
	pass := fs.FileMode(0o001)
	switch {
	case int(stat.Uid) == a.uid:
		pass = 0o100
	case int(stat.Gid) == a.gid:
		pass = 0o010
	}
	if info.Mode().Perm()&pass == 0 {
		return path
	}
	return ""
}
