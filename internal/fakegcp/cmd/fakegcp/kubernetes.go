package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

// sourceModule is the first line of the go.mod of the checkout whose tools/build.sh builds Kubernetes.
const sourceModule = "module github.com/twelvefactor/terraform-provider-twelvefactor"

// buildEndsWithin is how long an interrupted build has to end by itself.
const buildEndsWithin = 10 * time.Second

// chooseKubernetes decides what runs behind the clusters' endpoints and says so: the programs in the directory that was
// asked for, else those that are built from the checkout around the command or the working directory, else nothing.
func chooseKubernetes(o *fakegcp.Options, log *slog.Logger) error {
	if o.KubernetesBin != "" {
		if err := kubernetes.CheckBin(o.KubernetesBin); err != nil {
			return fmt.Errorf("--kubernetes-bin: %w", err)
		}
		log.Info("clusters run a real Kubernetes", "programs", o.KubernetesBin)
		return nil
	}
	script, err := findBuildScript()
	if err != nil {
		log.Warn("clusters have no Kubernetes: everything but their endpoints is served", "reason", err)
		return nil
	}
	log.Info("Kubernetes is built when a cluster's endpoint is first used: about 7 minutes on two cores, once", "script", script)
	o.KubernetesBuild = onceBuilt(func(ctx context.Context) (string, error) { return buildKubernetes(ctx, script, log) })
	return nil
}

// findBuildScript is tools/build.sh of the checkout, if what it needs is here.
func findBuildScript() (string, error) {
	for _, program := range []string{"go", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("no --kubernetes-bin is given, and %s is not there to build it", program)
		}
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if file, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(file))
	}
	for _, start := range starts {
		if root, ok := checkoutAround(start); ok {
			return filepath.Join(root, "tools", "build.sh"), nil
		}
	}
	return "", errors.New("no --kubernetes-bin is given, and there is no checkout of the source to build it from")
}

// checkoutAround is the nearest folder at or above dir that is a checkout of the source.
func checkoutAround(dir string) (string, bool) {
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), sourceModule+"\n") {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// onceBuilt lets clusters share one build. One that failed or was cut off is tried again by the next cluster.
func onceBuilt(build func(context.Context) (string, error)) func(context.Context) (string, error) {
	var mu sync.Mutex
	var built string
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if built != "" {
			return built, nil
		}
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		dir, err := build(ctx)
		if err == nil {
			built = dir
		}
		return dir, err
	}
}

// buildKubernetes runs the script, which prints the directory with the programs, and its progress to standard error.
func buildKubernetes(ctx context.Context, script string, log *slog.Logger) (string, error) {
	progress := &progressLog{log: log}
	cmd := exec.CommandContext(ctx, "bash", script, "kubernetes")
	cmd.Stderr = progress
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it takes its half-built folder away
	cmd.WaitDelay = buildEndsWithin
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s kubernetes: %w; it said last: %s", script, err, progress.last)
	}
	return strings.TrimSpace(string(out)), nil
}

// progressLog logs what is written to it, line by line.
type progressLog struct {
	log  *slog.Logger
	rest []byte
	last string
}

func (p *progressLog) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		line, rest, found := bytes.Cut(p.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		p.last, p.rest = string(line), rest
		p.log.Info("building Kubernetes", "progress", p.last)
	}
}
