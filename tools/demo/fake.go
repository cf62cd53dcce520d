package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fake is the fake Google Cloud as a process of its own, driven through its control API.
type fake struct {
	addr string
	cmd  *exec.Cmd
	log  string
	done chan error
}

func startFake(ctx context.Context, binary, kubernetes, work string) (*fake, error) {
	addrFile := filepath.Join(work, "addr")
	f := &fake{log: filepath.Join(work, "fakegcp.log"), done: make(chan error, 1)}
	log, err := os.Create(f.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	f.cmd = exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--project", "acme-dev",
		"--project-number", "123456789012", "--addr-file", addrFile, "--kubernetes-bin", kubernetes)
	f.cmd.Stdout, f.cmd.Stderr = log, log
	// A group of its own: Ctrl-C at the terminal ends Terraform first, then this process ends the fake.
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { f.done <- f.cmd.Wait() }()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if b, err := os.ReadFile(addrFile); err == nil && len(b) > 0 {
			f.addr = strings.TrimSpace(string(b))
			return f, nil
		}
		select {
		case err := <-f.done:
			return nil, fmt.Errorf("fakegcp ended at once: %w: %s", err, f.tail())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.stop())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("fakegcp did not start in 30 s: %s", f.tail()), f.stop())
		}
	}
}

// stop asks the fake to end what it started and waits for it.
func (f *fake) stop() error {
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-f.done:
		if err != nil {
			return fmt.Errorf("fakegcp: %w: %s", err, f.tail())
		}
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("fakegcp did not end in 30 s after SIGTERM"), f.cmd.Process.Kill())
	}
}

func (f *fake) tail() string {
	b, _ := os.ReadFile(f.log)
	return string(b[max(0, len(b)-2000):])
}

func (f *fake) call(ctx context.Context, method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+f.addr+"/_fake/"+path, in)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// object is one thing that exists in the fake.
type object struct {
	Kind    string `json:"kind"`
	BuiltIn bool   `json:"builtIn"`
	Deleted bool   `json:"deleted"`
}

// remaining names what a complete destroy would have taken away.
func (f *fake) remaining(ctx context.Context) ([]string, error) {
	var names []string
	return names, f.call(ctx, http.MethodGet, "remaining", nil, &names)
}

func (f *fake) printObjects(ctx context.Context) error {
	objects := map[string]object{}
	if err := f.call(ctx, http.MethodGet, "objects", nil, &objects); err != nil {
		return err
	}
	byKind := map[string][]string{}
	for name, o := range objects {
		if !o.BuiltIn && !o.Deleted {
			kind := o.Kind[strings.LastIndex(o.Kind, ".")+1:]
			byKind[kind] = append(byKind[kind], name)
		}
	}
	fmt.Printf("\n%-18s %s\n", "KIND", "GOOGLE CLOUD OBJECT")
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		for _, name := range slices.Sorted(slices.Values(byKind[kind])) {
			fmt.Printf("%-18s %s\n", kind, name)
		}
	}
	return nil
}

func (f *fake) preempt(ctx context.Context, cluster string) error {
	return f.call(ctx, http.MethodPost, "preempt", map[string]string{"cluster": cluster}, nil)
}
