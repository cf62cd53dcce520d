package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServeWritesItsAddressAndEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "addr")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--project", "shop-dev", "--addr-file", file}, new(bytes.Buffer))
	}()
	addr := waitForFile(t, file)
	r, err := http.Get("http://" + addr + "/v3/projects/shop-dev")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("the project: %s", r.Status)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("end: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it did not end")
	}
	if resp, err := http.Get("http://" + addr + "/"); err == nil {
		_ = resp.Body.Close()
		t.Error("the port still answers after the end")
	}
}

func waitForFile(t *testing.T, file string) string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(5 * time.Second)
	for {
		if b, err := os.ReadFile(file); err == nil {
			return string(b)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no address file after 5 s")
		}
	}
}

func TestArguments(t *testing.T) {
	for name, args := range map[string][]string{
		"no command":      nil,
		"unknown command": {"start"},
		"unknown flag":    {"serve", "--portt", "1"},
		"argument":        {"serve", "now"},
		"public address":  {"serve", "--listen", "0.0.0.0:0"},
		"no directory":    {"serve", "--addr-file", "/nowhere/at/all"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := run(ctx, args, new(bytes.Buffer)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-addr-file") {
		t.Errorf("help: %v\n%s", err, help.String())
	}
}

// serving starts the command with the arguments until the test ends, and returns its address.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "addr")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"serve", "--addr-file", file}, args...), new(bytes.Buffer)) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("end: %v", err)
		}
	})
	return waitForFile(t, file)
}

func send(t *testing.T, verb, url, body string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), verb, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	content, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s (%v)", verb, url, r.Status, content, err)
	}
	return string(content)
}

func TestFlagsAndFileSetWhatTheControlAPISets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "control.json")
	if err := os.WriteFile(file, []byte(`{"propagation": [{"delay": "4m"}], "latency": [{"method": "None", "duration": "5ms"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := serving(t, "--control", file, "--fault", `{"method": "GetSecret", "occurrence": 7}`, "--operation", `{"duration": "3h"}`,
		"--image", "registry.example/a@sha256:0=crash", "--latency", "ListSecrets=7ms", "--stockout", "asia-northeast1-a", "--clock-speed", "0",
		"--now", "2030-01-01T00:00:00Z", "--deny", "run.services.get=reader@example.com", "--disable-api", "iam.googleapis.com",
		"--extra-project", "acme-prod=210987654321")
	for route, want := range map[string]string{
		"faults": `"occurrence": 7`, "operations": `"3h0m0s"`, "images": `"registry.example/a@sha256:0": "crash"`, "latency": `"7ms"`,
		"stockout": `"asia-northeast1-a"`, "clock": `"now": "2030-01-01T00:00:0`, "permissions": `"reader@example.com"`,
		"apis": `"iam.googleapis.com": false`, "projects": `"210987654321"`, "propagation": `"4m0s"`,
	} {
		if got := send(t, "GET", "http://"+addr+"/_fake/"+route, ""); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s in it", route, got, want)
		}
	}
}

func TestFlagsThatSetNothingAreRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"--image", "a"}, {"--image", "a=dance"}, {"--fault", `{"metod": "x"}`}, {"--fault", "x"}, {"--latency", "GetSecret"}, {"--clock-speed", "fast"},
		{"--now", "today"}, {"--disable-api", "run"}, {"--extra-project", "acme-prod"}, {"--control", "/nowhere"}, {"--journal-size", "-1"},
		{"--state", "/nowhere/at/all"}, {"--stockout", "Tokyo"},
	} {
		if err := run(ctx, append([]string{"serve"}, args...), new(bytes.Buffer)); err == nil {
			t.Errorf("%v: accepted", args)
		}
	}
}
