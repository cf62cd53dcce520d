package acctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSessionAppExample runs the checks of examples/session-app, a module of its own that "go test ./..." does not see. That
// it reads a rotated ring is tested in internal/resources/sessionkey.
func TestSessionAppExample(t *testing.T) {
	t.Parallel()
	checkExampleModule(t, "session-app")
}

// checkExampleModule vets and tests a module of its own in examples/.
func checkExampleModule(t *testing.T, folder string) {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"vet", "./..."}, {"test", "-count=1", "./..."}} {
		cmd := exec.CommandContext(t.Context(), "go", arguments...)
		cmd.Dir = filepath.Join(root, "examples", folder)
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %v: %v\n%s", arguments, err, out)
		}
	}
}
