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
	"syscall"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const usage = `fakegcp is a fake Google Cloud for trying things out and for tests: GKE, Secret Manager, IAM, Resource Manager and
Cloud Run, over gRPC and REST on one loopback port. Nothing leaves this machine, and nothing is kept without --state.

Usage:

  fakegcp serve [flags]

Point the twelvefactor provider at it with TWELVEFACTOR_EMULATOR_HOST=127.0.0.1:PORT. A GET of
http://127.0.0.1:PORT/_fake/ lists the control API: objects, journal, faults, operations, clock and whatever else a test may
want to force. It ends, and ends every process it started, on SIGTERM and on SIGINT.

Flags of serve:

`

// closeTimeout bounds the orderly end; a control plane needs a few seconds.
const closeTimeout = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "fakegcp: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	options, addrFile, err := parse(args, stderr)
	if err != nil {
		return err
	}
	options.Log = slog.New(slog.NewTextHandler(stderr, nil))
	server, err := fakegcp.Start(options)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, server.Close(closing))
	}()
	if err := writeAddr(addrFile, server.Addr()); err != nil {
		return err
	}
	options.Log.Info("serving", "address", server.Addr(), "project", options.Project, "number", options.ProjectNumber)
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
