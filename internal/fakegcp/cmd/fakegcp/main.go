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
	"slices"
	"syscall"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const usage = `fakegcp is a fake Google Cloud for trying things out and for tests: GKE, Secret Manager, IAM, Resource Manager and
Cloud Run, over gRPC and REST on one loopback port. Nothing leaves this machine and nothing is kept.

Usage:

  fakegcp serve [flags]                  serve until SIGTERM or SIGINT
  fakegcp run [flags] -- COMMAND [ARG…]  serve while COMMAND runs, with TWELVEFACTOR_EMULATOR_HOST set for it
  fakegcp version

"fakegcp run -- terraform test" ends with COMMAND's exit status; with --expect-empty it also fails when COMMAND leaves
objects behind. With serve, point the twelvefactor provider at it with TWELVEFACTOR_EMULATOR_HOST=127.0.0.1:PORT. The control API is under
http://127.0.0.1:PORT/_fake/ (objects, remaining, journal, clock, faults, permissions, images, preempt, stockout,
kubeconfig?cluster=NAME). It ends, and ends every process it started, on SIGTERM and on SIGINT.

Flags of serve and run:

`

// version is set by the release build.
var version = "dev"

// closeTimeout bounds the orderly end; a control plane needs a few seconds.
const closeTimeout = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
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
		return runCommand(ctx, server, set.command, set.expectEmpty)
	}
	<-ctx.Done()
	return nil
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var set settings
	o := &set.fake
	flags := flag.NewFlagSet("fakegcp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, usage) // nobody is left to tell if this fails
		flags.PrintDefaults()
	}
	flags.StringVar(&o.Listen, "listen", fakegcp.DefaultListen, "loopback `address` to listen on; port 0 takes a free one")
	flags.StringVar(&o.Project, "project", fakegcp.DefaultProject, "`id` of the project that exists")
	flags.StringVar(&o.ProjectNumber, "project-number", fakegcp.DefaultProjectNumber, "its `number`")
	flags.StringVar(&set.addrFile, "addr-file", "", "`file` that gets 127.0.0.1:PORT, atomically, once the fake is ready")
	flags.DurationVar(&o.OperationTime, "operation-time", fakegcp.DefaultOperationTime, "`duration` that an operation runs")
	flags.DurationVar(&o.PropagationDelay, "propagation-delay", 0, "`duration` until a change of an IAM policy is effective")
	flags.StringVar(&o.KubernetesBin, "kubernetes-bin", "", "`directory` with kube-apiserver, kube-controller-manager, kube-scheduler, etcd and kwok; without it they are built on first use where Go and the source are there, else clusters have no endpoint that answers")
	flags.StringVar(&o.ReadOnlyToken, "read-only-token", "", "bearer `token` whose caller may read everything but secret payloads and change nothing")
	flags.BoolVar(&set.expectEmpty, "expect-empty", false, "run: fail when the command leaves objects behind")
	if len(args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		flags.Usage()
		return set, flag.ErrHelp
	}
	if len(args) == 0 || args[0] != "serve" && args[0] != "run" {
		return set, errors.New("the commands are: fakegcp serve, fakegcp run, fakegcp version; fakegcp --help tells more")
	}
	rest, command := cutCommand(args[1:])
	if err := flags.Parse(rest); err != nil {
		return set, err
	}
	set.command = command
	switch {
	case flags.NArg() > 0:
		return set, fmt.Errorf("unexpected argument %q; flags only, see fakegcp --help", flags.Arg(0))
	case args[0] == "run" && len(command) == 0:
		return set, errors.New("run: name the command after --, for example: fakegcp run -- terraform test")
	case args[0] == "serve" && len(command) > 0:
		return set, errors.New("serve takes no command: use fakegcp run")
	case args[0] == "serve" && set.expectEmpty:
		return set, errors.New("--expect-empty goes with fakegcp run")
	}
	return set, nil
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
