package acctest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Secrets are the canaries of all tests of a process whose TestMain is ScannedMain.
var Secrets = NewCanaries()

// ScannedMain is Main for packages whose resources have secret inputs. Everything that the testing library's runs leave
// behind (state, plan files, private state, configuration, traces of the command and of the provider) is kept in one
// folder, scanned for Secrets after the last test, and then deleted.
//
// For each input there is a variable of that name with a canary as its value: declare it as ephemeral (SecretVariables).
// Session keys are drawn from Secrets.Reader with WithRand.
func ScannedMain(m *testing.M, inputs ...string) {
	dir, err := os.MkdirTemp("", "twelvefactor-scanned-")
	if err != nil {
		panic(err)
	}
	settings := map[string]string{
		"TF_ACC_PERSIST_WORKING_DIR": "1",
		"TF_ACC_TEMP_DIR":            dir,
		"TF_LOG":                     "TRACE",
		"TF_LOG_PATH_MASK":           filepath.Join(dir, "trace-%s.log"),
	}
	for _, input := range inputs {
		value, err := Secrets.draw(input)
		if err != nil {
			panic(err)
		}
		settings["TF_VAR_"+input] = value
	}
	for key, value := range settings {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	atEnd(func(context.Context) error { return errors.Join(scanKept(dir), os.RemoveAll(dir)) })
	Main(m)
}

// SecretVariables declares the variables that ScannedMain has set.
func SecretVariables(inputs ...string) string {
	var blocks []string
	for _, input := range inputs {
		blocks = append(blocks, fmt.Sprintf("variable %q {\n  type      = string\n  ephemeral = true\n  default   = null\n}\n", input))
	}
	return strings.Join(blocks, "\n")
}

// scanKept is an error for every leak.
func scanKept(dir string) error {
	leaks, err := Secrets.ScanDir(dir)
	if err != nil {
		return err
	}
	var failures []error
	for _, leak := range leaks {
		failures = append(failures, fmt.Errorf("secret value leaked: %s", leak))
	}
	return errors.Join(failures...)
}

// CheckRun scans the folder of a CLI and what its runs have written.
func (c *Canaries) CheckRun(t testing.TB, cli *CLI, runs ...Result) {
	t.Helper()
	c.CheckDir(t, cli.Dir)
	for i, run := range runs {
		c.CheckText(t, fmt.Sprintf("output of run %d", i+1), run.Stdout)
		c.CheckText(t, fmt.Sprintf("stderr of run %d", i+1), run.Stderr)
	}
}

// ScanProcesses scans the command line and the environment of a command and of every process that it has started. It
// gives how many there were.
func (c *Canaries) ScanProcesses(t testing.TB, p *Process) (leaks []Leak, processes int) {
	t.Helper()
	for _, pid := range p.group(t) {
		for _, file := range []string{"cmdline", "environ"} {
			where := fmt.Sprintf("/proc/%d/%s", pid, file)
			text, err := os.ReadFile(where)
			if err != nil {
				t.Fatal(err)
			}
			leaks = append(leaks, c.Scan(where, text)...)
		}
		processes++
	}
	return leaks, processes
}
