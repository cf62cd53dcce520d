package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestKubernetesIsBuiltFromACheckout(t *testing.T) {
	var o fakegcp.Options
	if err := chooseKubernetes(&o, quiet()); err != nil || o.KubernetesBuild == nil {
		t.Errorf("inside of a checkout with Go: %v, builds: %v; want a build", err, o.KubernetesBuild != nil)
	}
}

func TestKubernetesWithoutGoOrSourceIsNone(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := findBuildScript(); err == nil || !strings.Contains(err.Error(), "go is not there") {
		t.Errorf("without Go: %v, want it named", err)
	}
	if root, ok := checkoutAround(t.TempDir()); ok {
		t.Errorf("a folder in %s counts as a checkout", root)
	}
	var o fakegcp.Options
	if err := chooseKubernetes(&o, quiet()); err != nil || o.KubernetesBuild != nil {
		t.Errorf("without Go: %v, builds: %v; want the fake without Kubernetes", err, o.KubernetesBuild != nil)
	}
}

func TestKubernetesBinMustHoldThePrograms(t *testing.T) {
	o := fakegcp.Options{KubernetesBin: t.TempDir()}
	if err := chooseKubernetes(&o, quiet()); err == nil || !strings.Contains(err.Error(), "etcd") {
		t.Errorf("an empty folder: %v, want the programs that it lacks", err)
	}
}

// script writes a tools/build.sh of a test's own.
func script(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "build.sh")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestBuildGivesTheFolderOrTheLastWords(t *testing.T) {
	dir, err := buildKubernetes(t.Context(), script(t, "echo working >&2; echo /built/$1"), quiet())
	if err != nil || dir != "/built/kubernetes" {
		t.Errorf("build: %q, %v; want /built/kubernetes", dir, err)
	}
	_, err = buildKubernetes(t.Context(), script(t, "echo the disk is full >&2; exit 1"), quiet())
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("a failed build: %v, want what it said last", err)
	}
}

func TestClustersShareOneBuildUntilItSucceeds(t *testing.T) {
	builds, failure := 0, errors.New("no network")
	build := onceBuilt(func(context.Context) (string, error) {
		if builds++; builds == 1 {
			return "", failure
		}
		return "/built", nil
	})
	if _, err := build(t.Context()); !errors.Is(err, failure) {
		t.Errorf("first: %v, want %v", err, failure)
	}
	for range 2 {
		if dir, err := build(t.Context()); err != nil || dir != "/built" {
			t.Errorf("again: %q, %v", dir, err)
		}
	}
	if builds != 2 {
		t.Errorf("%d builds, want one that failed and one that all share", builds)
	}
}
