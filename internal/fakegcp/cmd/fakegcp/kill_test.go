package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// childVariable has the test's own program be the command: what is killed must be another process.
const childVariable = "FAKEGCP_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts the command in a process of its own and returns its address; kill ends it by SIGKILL.
func child(t *testing.T, args ...string) (addr string, kill func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "addr")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append([]string{"serve", "--addr-file", file}, args...)...)
	command.Env = append(os.Environ(), childVariable+"=1")
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	kill = func() {
		if !ended {
			ended = true
			_ = command.Process.Kill() // it has ended if this fails
			_ = command.Wait()         // killed is how it is to end
		}
	}
	t.Cleanup(kill)
	return waitForFile(t, file), kill
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	args := []string{"--state", state, "--operation-time", "1h"}
	addr, kill := child(t, args...)
	const parent = "/v2/projects/acme-dev/locations/asia-northeast1"
	operation := send(t, "POST", "http://"+addr+parent+"/services?serviceId=api", `{"template": {"containers": [{"image": "a:1"}]}}`)
	_, rest, _ := strings.Cut(operation, `"name": "`)
	name, _, _ := strings.Cut(rest, `"`)
	if !strings.Contains(name, "/operations/") {
		t.Fatalf("no operation in %s", operation)
	}
	send(t, "POST", "http://"+addr+"/_fake/images", `{"image": "b:1", "behaviour": "crash"}`)

	kill()
	addr, kill = child(t, args...)
	if got := send(t, "GET", "http://"+addr+"/v2/"+name, ""); strings.Contains(got, `"done": true`) {
		t.Errorf("the operation after the kill: %s, want it to run", got)
	}
	if got := send(t, "GET", "http://"+addr+"/_fake/images", ""); !strings.Contains(got, `"b:1": "crash"`) {
		t.Errorf("images after the kill: %s", got)
	}
	send(t, "POST", "http://"+addr+"/_fake/clock", `{"advance": "1h"}`)
	kill()
	addr, _ = child(t, args...)
	if got := send(t, "GET", "http://"+addr+"/v2/"+name, ""); !strings.Contains(got, `"done": true`) || strings.Contains(got, `"error"`) {
		t.Errorf("the operation in the end: %s, want it done", got)
	}
}

func TestAStateFileIsOfOneProcess(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	child(t, "--state", state)
	err := run(t.Context(), []string{"serve", "--state", state}, os.Stderr)
	if err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("a second process: %v", err)
	}
}
