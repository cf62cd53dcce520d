package gke_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// waitCommand is what the wait for the identity runs, as the kubelet hands it to the container, with a wget of the test's own.
func waitCommand(t *testing.T, timeout time.Duration, wget string) *exec.Cmd {
	t.Helper()
	in := base(t)
	in.App.GKE.IdentityWait = &app.IdentityWait{Timeout: timeout}
	for _, o := range objects(t, in) {
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "initContainers")
		for _, c := range containers {
			if c := c.(map[string]any); c["name"] == gke.WaitContainer {
				words, _, _ := unstructured.NestedStringSlice(c, "command")
				for i := range words {
					words[i] = strings.ReplaceAll(words[i], "$$", "$")
				}
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "wget"), []byte("#!/bin/sh\n"+wget), 0o700); err != nil {
					t.Fatal(err)
				}
				command := exec.CommandContext(t.Context(), words[0], words[1:]...)
				command.Env, command.Dir = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, dir
				return command
			}
		}
	}
	t.Fatal("nothing waits")
	return nil
}

func TestWaitForIdentity(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("timeout"); err != nil {
		t.Skip("there is no timeout on this machine")
	}
	exitCode := func(err error) int {
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
		if err == nil {
			return 0
		}
		return exit.ExitCode()
	}
	t.Run("an identity that comes late", func(t *testing.T) {
		t.Parallel()
		wait := waitCommand(t, time.Minute, `echo "$@" >> asked; [ "$(wc -l < asked)" -ge 3 ]`)
		if out, err := wait.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("it says %q, %v", out, err)
		}
		asked, err := os.ReadFile(filepath.Join(wait.Dir, "asked"))
		if err != nil || strings.Count(string(asked), "Metadata-Flavor: Google http://169.254.169.254/") != 3 {
			t.Errorf("asked %q, %v", asked, err)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		wait := waitCommand(t, 2*time.Second, "sleep 60") // a server that takes the connection and says nothing
		out, err := wait.CombinedOutput()
		if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); exitCode(err) != 1 || !strings.HasPrefix(lines[len(lines)-1], "no identity within 2 seconds") {
			t.Errorf("it ends with %v and says %q", err, out)
		}
	})
	t.Run("told to end", func(t *testing.T) {
		t.Parallel()
		wait := waitCommand(t, time.Minute, "echo > asked; exit 1")
		if err := wait.Start(); err != nil {
			t.Fatal(err)
		}
		// The trap is set before anything is asked.
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(wait.Dir, "asked")); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing is asked")
			}
		}
		if err := wait.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		// A shell without the trap is ended by the signal, and has no exit status; as process 1 it would not end at all.
		if code := exitCode(wait.Wait()); code != 143 {
			t.Errorf("it ends with %d", code)
		}
	})
}
