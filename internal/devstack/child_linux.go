package devstack

import (
	"os"
	"strconv"
	"syscall"
)

func childAttributes(attr *syscall.SysProcAttr, onDeath syscall.Signal) *syscall.SysProcAttr {
	if attr == nil {
		attr = &syscall.SysProcAttr{}
	}
	attr.Setpgid = true
	attr.Pdeathsig = onDeath
	return attr
}

// worksIn tells whether process pid is alive with dir as its working directory,
// which a Postgres server makes its data directory. A zombie has none.
func worksIn(pid int, dir string) bool {
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	return err == nil && cwd == dir
}
