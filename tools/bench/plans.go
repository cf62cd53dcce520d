package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const withProvider = `terraform {
  required_providers {
    twelvefactor = { source = "registry.terraform.io/twelvefactor/twelvefactor" }
  }
}
provider "twelvefactor" {
  project = "acme-dev"
  region  = "asia-northeast1"
  stack   = "bench"
}
`

const oneCluster = withProvider + `resource "twelvefactor_cluster" "dev" {
  name       = "dev"
  location   = "asia-northeast1"
  node_pools = { base = { machine_type = "e2-standard-4", capacity = "on_demand", min_nodes = 1, max_nodes = 3 } }
}
`

// oneService is a service with what most have; PLACE says where it runs.
const oneService = withProvider + `resource "twelvefactor_service" "shop" {
  name      = "shop"
  image     = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  config    = { LOG_LEVEL = "info" }
  processes = { web = { readiness = { path = "/healthz" } }, worker = { command = ["/app", "worker"] } }
  PLACE
}
`

// measurePlans prints what the plan of a service costs in which nothing has changed: every run of Terraform pays it. It is
// measured against a plan without any provider, alternately. Without programs for Kubernetes there is no row for GKE.
func measurePlans(ctx context.Context, root, terraform, kubernetes, work string, runs int) (err error) {
	host, stop, err := startFake(root, kubernetes, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	bin, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		return err
	}
	rc := filepath.Join(work, "plain.tfrc")
	if err := os.WriteFile(rc, []byte(overrides(bin)), 0o600); err != nil {
		return err
	}
	tf := terraformIn{ctx: ctx, terraform: terraform, env: []string{"TF_CLI_CONFIG_FILE=" + rc, "TWELVEFACTOR_EMULATOR_HOST=" + host}}
	without, err := tf.apply(work, "nothing", nothing)
	if err != nil {
		return err
	}
	places := [][2]string{{"Cloud Run", `cloud_run = {}`}}
	if kubernetes != "" {
		if _, err := tf.apply(work, "cluster", oneCluster); err != nil {
			return err
		}
		places = append(places, [2]string{"GKE", `gke = { cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev" }`})
	}
	for _, place := range places {
		with, err := tf.apply(work, "service on "+place[0], strings.Replace(oneService, "PLACE", place[1], 1))
		if err != nil {
			return err
		}
		err = compare("plan of an unchanged service on "+place[0], runs, without, with, func(dir string) (time.Duration, error) {
			return tf.timed(dir, "plan", "-no-color", "-detailed-exitcode") // which fails when there is anything to do
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// terraformIn runs Terraform, until the measurement is interrupted.
type terraformIn struct {
	ctx       context.Context
	terraform string
	env       []string
}

// apply writes a configuration into a folder of its own and applies it.
func (tf terraformIn) apply(work, name, config string) (dir string, err error) {
	dir = filepath.Join(work, strings.ReplaceAll(name, " ", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		return "", err
	}
	_, err = tf.timed(dir, "apply", "-no-color", "-auto-approve")
	return dir, err
}

// timed tells how long a command takes.
func (tf terraformIn) timed(dir string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(tf.ctx, tf.terraform, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "CHECKPOINT_DISABLE=1"), tf.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the provider too
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s in %s: %w: %s", args[0], dir, err, out)
	}
	return time.Since(start), nil
}

// startFake starts the fake Google Cloud and waits until it answers; stop ends it and everything that it started.
func startFake(root, kubernetes, work string) (host string, stop func() error, err error) {
	file := filepath.Join(work, "addr")
	cmd := exec.Command(filepath.Join(root, "bin", "fakegcp"), "serve", "--addr-file", file, "--operation-time", "100ms", "--kubernetes-bin", kubernetes)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			return err
		case <-time.After(30 * time.Second):
			return errors.Join(errors.New("fakegcp did not end in 30 s"), syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
		}
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			return strings.TrimSpace(string(b)), stop, nil
		}
		select {
		case err := <-ended:
			return "", nil, fmt.Errorf("fakegcp ended at once: %w", err)
		default:
		}
	}
	return "", nil, errors.Join(errors.New("fakegcp did not start in 30 s"), stop())
}
