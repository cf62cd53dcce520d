package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
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
