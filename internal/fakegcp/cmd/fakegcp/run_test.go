package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestRunEndsAsItsCommandDoes: a test runner in a pipeline must see the status of the tests.
func TestRunEndsAsItsCommandDoes(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		status int
	}{
		"success":         {`test "${TWELVEFACTOR_EMULATOR_HOST%:*}" = 127.0.0.1`, 0},
		"failure":         {"exit 7", 7},
		"ended by signal": {"kill -9 $$", 137},
	} {
		err := run(t.Context(), []string{"run", "--", "sh", "-c", c.script}, new(bytes.Buffer))
		var exit exitError
		if errors.As(err, &exit); exit.status != c.status || c.status == 0 && err != nil {
			t.Errorf("%s: %v, want status %d", name, err, c.status)
		}
	}
	if err := run(t.Context(), []string{"run", "--", "no-such-command-anywhere"}, new(bytes.Buffer)); err == nil {
		t.Error("a command that does not exist was run")
	}
}

func TestRunSeesWhatIsLeft(t *testing.T) {
	create := `curl -sf -X POST "$TWELVEFACTOR_EMULATOR_HOST/v1/projects/acme-dev/secrets?secretId=left" -H "Content-Type: application/json" -d '{"replication": {"automatic": {}}}'`
	err := run(t.Context(), []string{"run", "--expect-empty", "--", "sh", "-c", create}, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "secrets/left") {
		t.Errorf("a secret was left: %v, want it named", err)
	}
	if err := run(t.Context(), []string{"run", "--expect-empty", "--", "true"}, new(bytes.Buffer)); err != nil {
		t.Errorf("nothing was left: %v", err)
	}
}
