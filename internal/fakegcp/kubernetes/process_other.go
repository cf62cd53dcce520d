//go:build !linux

package kubernetes

import "syscall"

// childAttributes puts a child into a process group of its own, so that an interrupt from the terminal reaches only this
// process. Only Linux can also tie the child's life to the parent's.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// residentBytes is not known outside Linux.
func residentBytes(int) int64 { return 0 }
