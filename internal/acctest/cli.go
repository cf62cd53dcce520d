package acctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a command of the CLI may run, and how long WaitForCall waits.
const patience = 2 * time.Minute

// providerBinary is the provider as a program of its own, built once per process.
var providerBinary = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "twelvefactor-provider-")
	if err != nil {
		return "", err
	}
	atEnd(func(context.Context) error { return os.RemoveAll(dir) })
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "terraform-provider-twelvefactor"), ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the provider: %w\n%s", err, out)
	}
	return dir, nil
})

// CLI is a folder with a configuration, in which the test runs the command itself, with the provider as a process of
// its own: for runs that are killed or interrupted, and for what they leave on disk.
type CLI struct {
	// Dir is the folder: configuration, state, plan files.
	Dir string

	env *Env
	// variables are added to the command's environment.
	variables []string
}

// CLI makes an empty folder, and so an empty state, in this world. Variables are KEY=VALUE.
func (e *Env) CLI(t testing.TB, variables ...string) *CLI {
	t.Helper()
	bin, err := providerBinary()
	if err != nil {
		t.Fatal(err)
	}
	c := &CLI{Dir: t.TempDir(), env: e, variables: variables}
	config := filepath.Join(t.TempDir(), "cli.tfrc")
	text := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n    %q = %q\n  }\n  direct {}\n}\n", source, bin)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.variables = append(c.variables, "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1")
	for _, key := range slices.Sorted(maps.Keys(e.process)) {
		c.variables = append(c.variables, key+"="+e.process[key])
	}
	return c
}

// With is the same folder with more variables in the environment.
func (c *CLI) With(variables ...string) *CLI {
	other := *c
	other.variables = slices.Concat(c.variables, variables)
	return &other
}

// Write puts a file into the folder.
func (c *CLI) Write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Result is a command that has ended.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Output is everything that it wrote.
func (r Result) Output() string { return r.Stdout + r.Stderr }

// Run runs the command to its end.
func (c *CLI) Run(t testing.TB, args ...string) Result {
	t.Helper()
	return c.Start(t, args...).Wait(t)
}

// MustRun fails the test if the command does.
func (c *CLI) MustRun(t testing.TB, args ...string) Result {
	t.Helper()
	r := c.Run(t, args...)
	if r.Code != 0 {
		t.Fatalf("%s %s ended with %d:\n%s", c.env.Binary.Name, strings.Join(args, " "), r.Code, r.Output())
	}
	return r
}

// Process is a running command with the provider that it started.
type Process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan error
}

// Start starts the command in a process group of its own. What still runs at the end of the test is killed.
func (c *CLI) Start(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{ended: make(chan error, 1)}
	p.cmd = exec.Command(c.env.Binary.Path, args...)
	p.cmd.Dir = c.Dir
	p.cmd.Env = append(os.Environ(), c.variables...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A killed command's provider may hold the pipes open for a moment.
	p.cmd.WaitDelay = 10 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", c.env.Binary.Name, err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.signal(syscall.SIGKILL) })
	return p
}

func (p *Process) signal(s syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, s) }

// Kill ends the command and the provider at once, as a machine that goes away does.
func (p *Process) Kill(t testing.TB) Result {
	t.Helper()
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Fatalf("kill: %v", err)
	}
	return p.Wait(t)
}

// Interrupt is what Ctrl-C does: both the command and the provider get SIGINT.
func (p *Process) Interrupt(t testing.TB) {
	t.Helper()
	if err := p.signal(syscall.SIGINT); err != nil {
		t.Fatalf("interrupt: %v", err)
	}
}

// Provider is the process id of the provider that the command has started.
func (p *Process) Provider(t testing.TB) int {
	t.Helper()
	for _, pid := range p.group(t) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		name, _, _ := strings.Cut(string(line), "\x00")
		if err == nil && filepath.Base(name) == "terraform-provider-twelvefactor" {
			return pid
		}
	}
	t.Fatal("the command has no provider")
	return 0
}

// group are the ids of the command and of all its descendants: a provider may be in a process group of its own.
func (p *Process) group(t testing.TB) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents := map[int]int{}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var pid, parent int
		var state string
		// The name, in parentheses, may hold anything.
		after := string(text[bytes.LastIndexByte(text, ')')+1:])
		_, _ = fmt.Sscan(string(text), &pid)
		_, _ = fmt.Sscan(after, &state, &parent)
		parents[pid] = parent
	}
	family := []int{p.cmd.Process.Pid}
	for i := 0; i < len(family); i++ {
		for pid, parent := range parents {
			if parent == family[i] {
				family = append(family, pid)
			}
		}
	}
	return family
}

// Wait waits for the end.
func (p *Process) Wait(t testing.TB) Result {
	t.Helper()
	select {
	case err := <-p.ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
			t.Fatalf("wait: %v", err)
		}
	case <-time.After(patience):
		_ = p.signal(syscall.SIGKILL)
		t.Fatalf("the command did not end in %s", patience)
	}
	return Result{Code: p.cmd.ProcessState.ExitCode(), Stdout: p.stdout.String(), Stderr: p.stderr.String()}
}

// WaitForCall waits until the fake has answered a method (its short name) that many times.
func (e *Env) WaitForCall(t testing.TB, method string, times int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for e.Effects(method) < times {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not take place %d times in %s", method, times, patience)
		}
		if err := e.Clock.Sleep(t.Context(), pollInterval); err != nil {
			t.Fatal(err)
		}
	}
}
