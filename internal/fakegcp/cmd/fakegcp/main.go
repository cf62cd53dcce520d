// Command fakegcp serves a fake Google Cloud on a loopback port.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const usage = `fakegcp is a fake Google Cloud for trying things out and for tests: GKE, Secret Manager, IAM, Resource Manager and
Cloud Run, over gRPC and REST on one loopback port. Nothing leaves this machine, and nothing is kept without --state.

Usage:

  fakegcp serve [flags]                  serve until SIGTERM or SIGINT
  fakegcp run [flags] -- COMMAND [ARG…]  serve while COMMAND runs, with TWELVEFACTOR_EMULATOR_HOST set for it
  fakegcp version

"fakegcp run -- terraform test" ends with COMMAND's exit status; with --expect-empty it also fails when COMMAND leaves
objects behind. With serve, point the twelvefactor provider at it with TWELVEFACTOR_EMULATOR_HOST=127.0.0.1:PORT. A GET of
http://127.0.0.1:PORT/_fake/ lists the control API: objects, journal, faults, operations, clock and whatever else a test may
want to force. It ends, and ends every process it started, on SIGTERM and on SIGINT.

Flags of serve and run:

`

// version is set by the release build.
var version = "dev"

// closeTimeout bounds the orderly end; a control plane needs a few seconds.
const closeTimeout = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(fakegcp.GCPercent)
	}
	err := run(ctx, os.Args[1:], os.Stderr)
	var exit exitError
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, &exit):
		os.Exit(exit.status) // the command has said why itself
	case err != nil:
		fmt.Fprintf(os.Stderr, "fakegcp: %v\n", err)
		os.Exit(1)
	}
}

// settings are what the command line says.
type settings struct {
	fake        fakegcp.Options
	addrFile    string
	command     []string // of run
	expectEmpty bool
}

// run serves until ctx ends, or while the command of the run subcommand does.
func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	if len(args) == 1 && args[0] == "version" {
		_, err := fmt.Fprintln(os.Stdout, "fakegcp", version)
		return err
	}
	set, err := parse(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	set.fake.Log = log
	if err := chooseKubernetes(&set.fake, log); err != nil {
		return err
	}
	server, err := fakegcp.Start(set.fake)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, server.Close(closing))
	}()
	if err := writeAddr(set.addrFile, server.Addr()); err != nil {
		return err
	}
	log.Info("serving", "address", server.Addr(), "project", set.fake.Project, "number", set.fake.ProjectNumber)
	if len(set.command) > 0 {
		return runCommand(server, set.command, set.expectEmpty)
	}
	<-ctx.Done()
	return nil
}

// writeAddr writes the address so that whoever waits for the file never reads half of it.
func writeAddr(file, addr string) error {
	if file == "" {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("address file: %w", err)
	}
	_, err = io.WriteString(tmp, addr)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("address file: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}
