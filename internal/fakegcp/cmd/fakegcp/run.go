package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// emulatorVariable is what the provider reads the fake's address from.
const emulatorVariable = "TWELVEFACTOR_EMULATOR_HOST"

// exitError is a command that ended with another status than 0: fakegcp ends with the same.
type exitError struct {
	command string
	status  int
}

func (e exitError) Error() string {
	return fmt.Sprintf("%s ended with status %d", e.command, e.status)
}

// cutCommand splits the arguments at the first "--".
func cutCommand(args []string) (flags, command []string) {
	i := slices.Index(args, "--")
	if i < 0 {
		return args, nil
	}
	return args[:i], args[i+1:]
}

// runCommand runs the command against the server and waits for it. SIGINT reaches the command from the terminal; SIGTERM is
// passed on to it, so that it can end in order before the server does.
func runCommand(server *fakegcp.Server, command []string, expectEmpty bool) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), emulatorVariable+"="+server.Addr())
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	defer signal.Stop(terminated)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err := waitFor(cmd, ended, terminated)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exitError{command[0], exitStatus(exit)}
	case err != nil:
		return fmt.Errorf("run %s: %w", command[0], err)
	case expectEmpty:
		return checkEmpty(server)
	}
	return nil
}

// waitFor waits for the command's end, and for nothing else: after a SIGINT, which it has got as well, it ends in order.
func waitFor(cmd *exec.Cmd, ended <-chan error, terminated <-chan os.Signal) error {
	for {
		select {
		case err := <-ended:
			return err
		case s := <-terminated:
			_ = cmd.Process.Signal(s) // it may have ended by itself meanwhile
		}
	}
}

// exitStatus is the status as a shell gives it: 128 and the signal for a command that a signal ended.
func exitStatus(e *exec.ExitError) int {
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return e.ExitCode()
}

// checkEmpty fails when the command has left objects behind.
func checkEmpty(server *fakegcp.Server) error {
	left, err := server.Remaining()
	if err != nil {
		return fmt.Errorf("look for what is left: %w", err)
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("--expect-empty: %d objects are left:\n  %s", len(left), strings.Join(left, "\n  "))
}
