//go:build !unix || aix || solaris

package fakegcp

import "os"

// lockFile opens the file of the lock; only systems with flock can also refuse a second process.
func lockFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
}
