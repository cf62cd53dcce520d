package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// processes are the children of one control plane, in the order of their start.
type processes struct {
	dir string
	// spawn runs functions on one operating system thread that lives as long as the children: Linux sends the parent
	// death signal when the thread that forked ends, not when the process does (golang/go#27505).
	spawn chan func()

	mu      sync.Mutex
	running []*process
}

// process is one child.
type process struct {
	name    string
	command *exec.Cmd
	logFile string
	ended   chan struct{} // closed when it has ended
}

func newProcesses(dir string) *processes {
	p := &processes{dir: dir, spawn: make(chan func())}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for start := range p.spawn {
			start()
		}
	}()
	return p
}

// start runs a program whose output goes to a file of its name. The environment is not handed on: a KUBECONFIG or a
// ~/.kwok of the user must not change what the control plane does.
func (p *processes) start(path string, args ...string) (*process, error) {
	name := filepath.Base(path)
	child := &process{name: name, logFile: filepath.Join(p.dir, name+".log"), ended: make(chan struct{})}
	output, err := os.Create(child.logFile)
	if err != nil {
		return nil, fmt.Errorf("log file of %s: %w", name, err)
	}
	defer func() { _ = output.Close() }() // the child has its own descriptor
	child.command = exec.Command(path, args...)
	child.command.Dir = p.dir
	child.command.Env = []string{"HOME=" + p.dir, "TMPDIR=" + p.dir}
	child.command.Stdout, child.command.Stderr = output, output
	child.command.SysProcAttr = childAttributes()

	started := make(chan error)
	p.spawn <- func() { started <- child.command.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(child.ended)
		_ = child.command.Wait() // how a child ended is in its log
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = append(p.running, child)
	return child, nil
}

// check returns an error for the first child that has ended by itself.
func (p *processes) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, child := range p.running {
		select {
		case <-child.ended:
			return &endedError{process: child.name, log: child.tail()}
		default:
		}
	}
	return nil
}

// stop kills the children, the last started first, and waits for each. Nothing that they hold is worth a clean
// shutdown: their data goes with the directory.
func (p *processes) stop(ctx context.Context) error {
	p.mu.Lock()
	running := slices.Clone(p.running)
	p.running = nil
	p.mu.Unlock()
	slices.Reverse(running)
	var errs []error
	for _, child := range running {
		if err := child.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, fmt.Errorf("kill %s (process %d): %w", child.name, child.command.Process.Pid, err))
		}
	}
	for _, child := range running {
		select {
		case <-child.ended:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("%s (process %d) has not ended: %w", child.name, child.command.Process.Pid, context.Cause(ctx)))
		}
	}
	return errors.Join(errs...)
}

// close ends the thread that started the children; stop comes before it.
func (p *processes) close() { close(p.spawn) }

// memory is the resident memory of the children in bytes, where the system tells.
func (p *processes) memory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var total int64
	for _, child := range p.running {
		total += residentBytes(child.command.Process.Pid)
	}
	return total
}

// tailBytes is how much of a log goes into an error.
const tailBytes = 2 << 10

func (c *process) tail() string {
	content, err := os.ReadFile(c.logFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content[max(0, len(content)-tailBytes):]))
}

// endedError says that a child ended although nobody stopped it.
type endedError struct {
	process, log string
}

func (e *endedError) Error() string {
	return fmt.Sprintf("%s has ended by itself; the end of its log:\n%s", e.process, e.log)
}

// portTaken says whether the child ended because another process had taken its port between the search for a free one
// and the start.
func portTaken(err error) bool {
	var ended *endedError
	return errors.As(err, &ended) && strings.Contains(ended.log, "address already in use")
}
