package acctest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// examplePrograms are the programs of examples/, each built once per process.
var examplePrograms sync.Map

// ExampleProgram builds the Go module in that folder of examples/ and gives the program's path.
func ExampleProgram(t testing.TB, folder string) string {
	t.Helper()
	once, _ := examplePrograms.LoadOrStore(folder, sync.OnceValues(func() (string, error) { return buildExample(folder) }))
	path, err := once.(func() (string, error))() //nolint:forcetypeassert // stored above
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func buildExample(folder string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "twelvefactor-example-")
	if err != nil {
		return "", err
	}
	atEnd(func(context.Context) error { return os.RemoveAll(dir) })
	path := filepath.Join(dir, folder)
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join(root, "examples", folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build examples/%s: %w\n%s", folder, err, out)
	}
	return path, nil
}

// Program is a running web application that logs JSON lines to standard output, one of them {"msg": "listening",
// "address": "HOST:PORT"}, or with "message" in place of "msg", as Cloud Logging has it.
type Program struct {
	// Address is where it listens.
	Address string

	cmd   *exec.Cmd
	ended chan error
	out   *lines
}

// lines collects output, and gives the address as soon as it is there.
type lines struct {
	mu      sync.Mutex
	all     bytes.Buffer
	address chan string
	found   bool
}

// Write takes a piece of the output.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(p)
	for line := range strings.Lines(l.all.String()) {
		var entry struct{ Msg, Message, Address string }
		if !l.found && strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &entry) == nil && entry.Msg+entry.Message == "listening" {
			l.found = true
			l.address <- entry.Address
		}
	}
	return len(p), nil
}

// StartProgram starts a program with these variables (KEY=VALUE) and no others, on a free loopback port, and waits until it
// listens. It ends with the test at the latest.
func StartProgram(t testing.TB, path string, variables ...string) *Program {
	t.Helper()
	return StartProcess(t, path, nil, variables...)
}

// StartProcess is StartProgram with arguments.
func StartProcess(t testing.TB, path string, arguments []string, variables ...string) *Program {
	t.Helper()
	p := startProgram(t, path, arguments, variables)
	select {
	case p.Address = <-p.out.address:
	case err := <-p.ended:
		t.Fatalf("%s ended (%v) before it listened:\n%s", filepath.Base(path), err, p.Output())
	case <-time.After(patience):
		t.Fatalf("%s did not listen in %s:\n%s", filepath.Base(path), patience, p.Output())
	}
	return p
}

// RunProcess runs a process to its end, which has to be a good one.
func RunProcess(t testing.TB, path string, arguments []string, variables ...string) (output string) {
	t.Helper()
	p := startProgram(t, path, arguments, variables)
	if err := p.wait(t); err != nil {
		t.Fatalf("%s %v ended with %v:\n%s", filepath.Base(path), arguments, err, p.Output())
	}
	return p.Output()
}

// FailProgram starts a program that is expected to refuse to run, and gives its exit status and output.
func FailProgram(t testing.TB, path string, variables ...string) (code int, output string) {
	t.Helper()
	p := startProgram(t, path, nil, variables)
	_ = p.wait(t) // the exit status is what the caller looks at
	return p.cmd.ProcessState.ExitCode(), p.Output()
}

func startProgram(t testing.TB, path string, arguments, variables []string) *Program {
	t.Helper()
	p := &Program{ended: make(chan error, 1), out: &lines{address: make(chan string, 1)}}
	p.cmd = exec.Command(path, arguments...)
	p.cmd.Env = append([]string{"HOST=127.0.0.1", "PORT=0"}, variables...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // one that has ended already is not there any more
	return p
}

// Stop sends SIGTERM, as Kubernetes and Cloud Run do, and demands that the program ends well.
func (p *Program) Stop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	if err := p.wait(t); err != nil {
		t.Errorf("the program ended with %v:\n%s", err, p.Output())
	}
}

func (p *Program) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		t.Fatalf("the program did not end in %s:\n%s", patience, p.Output())
		return nil
	}
}

// Output is what it has written so far.
func (p *Program) Output() string {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return p.out.all.String()
}
