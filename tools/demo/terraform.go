package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// terraform runs Terraform or OpenTofu in a copy of the quickstart, with the provider that was just built.
type terraform struct {
	binary, dir string
	vars        []string
}

// newTerraform copies the example and writes a CLI configuration with a mirror on disk, so that init finds the built
// provider and reaches for nothing else.
func newTerraform(binary, root, work, fakeAddr string) (*terraform, error) {
	const address, version = "registry.terraform.io/twelvefactor/twelvefactor", "0.1.0"
	mirror := filepath.Join(work, "mirror")
	target := filepath.Join(mirror, address, version, runtime.GOOS+"_"+runtime.GOARCH)
	dir := filepath.Join(work, "quickstart")
	for _, d := range []string{target, dir} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	provider := filepath.Join(root, "bin", "terraform-provider-twelvefactor")
	if err := os.Symlink(provider, filepath.Join(target, "terraform-provider-twelvefactor_v"+version)); err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", "quickstart"))); err != nil {
		return nil, err
	}
	rc := filepath.Join(work, "cli.tfrc")
	body := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(rc, []byte(body), 0o600); err != nil {
		return nil, err
	}
	return &terraform{binary: binary, dir: dir, vars: []string{
		"TF_CLI_CONFIG_FILE=" + rc,
		"CHECKPOINT_DISABLE=1",
		"TWELVEFACTOR_EMULATOR_HOST=" + fakeAddr,
		"TF_VAR_payments_api_key=demo-value",
	}}, nil
}

// exports is what a shell needs to go on by hand.
func (t *terraform) exports() string { return "export " + strings.Join(t.vars, " ") }

func (t *terraform) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.binary, args...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), t.vars...)
	// A group of its own: Ctrl-C at the terminal reaches it once, through Cancel, and not twice, which makes it give up
	// without saving its state.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// An interrupt lets Terraform write its state; it is killed only if it does not end.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// stream runs a command and shows what it prints.
func (t *terraform) stream(ctx context.Context, args ...string) error {
	fmt.Printf("$ %s %s\n", filepath.Base(t.binary), strings.Join(args, " "))
	cmd := t.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", filepath.Base(t.binary), args[0], err)
	}
	return nil
}

// quiet runs a command and shows what it prints only if it fails.
func (t *terraform) quiet(ctx context.Context, args ...string) error {
	fmt.Printf("$ %s %s\n", filepath.Base(t.binary), strings.Join(args, " "))
	if out, err := t.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(t.binary), args[0], err, out)
	}
	return nil
}

// output reads one output that is a string.
func (t *terraform) output(ctx context.Context, name string) (string, error) {
	out, err := t.command(ctx, "output", "-json", name).Output()
	if err != nil {
		return "", fmt.Errorf("output %s: %w", name, err)
	}
	var s string
	return s, json.Unmarshal(bytes.TrimSpace(out), &s)
}

// clusterAccess reads endpoint and CA certificate of the cluster from the state, as a user's own configuration would.
func (t *terraform) clusterAccess(ctx context.Context) (endpoint, ca string, err error) {
	out, err := t.command(ctx, "show", "-json").Output()
	if err != nil {
		return "", "", fmt.Errorf("show: %w", err)
	}
	var state struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Type   string
					Values struct {
						Endpoint      string
						CACertificate string `json:"ca_certificate"`
					}
				}
			} `json:"root_module"`
		}
	}
	if err := json.Unmarshal(out, &state); err != nil {
		return "", "", err
	}
	for _, r := range state.Values.RootModule.Resources {
		if r.Type == "twelvefactor_cluster" {
			return r.Values.Endpoint, r.Values.CACertificate, nil
		}
	}
	return "", "", fmt.Errorf("no cluster in the state")
}
