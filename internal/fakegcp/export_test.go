package fakegcp

import (
	"errors"
	"os"
)

// FillDisk has a server's state file be one that takes nothing.
func FillDisk(s *Server) error {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	s.file.io.Lock()
	defer s.file.io.Unlock()
	err = s.file.file.Close()
	s.file.file = full
	return errors.Join(err)
}
