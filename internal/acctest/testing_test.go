package acctest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestTestingExample runs what examples/testing tells the authors of modules to run: their tests under "fakegcp run", with
// nothing but the three commands on the PATH.
func TestTestingExample(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	commands := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(commands, "fakegcp"), "./internal/fakegcp/cmd/fakegcp")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build fakegcp: %v\n%s", err, out)
	}
	for name, arguments := range map[string][]string{
		"terraform test": {"terraform", "test"},
		"go test":        {"go", "test", "-count=1", "."},
	} {
		Core(t, func(t *testing.T, env *Env) {
			cli := env.CLI(t)
			copyProject(t, root, cli.Dir)
			cli.Dir = filepath.Join(cli.Dir, "examples", "testing")
			terraform := t.TempDir()
			if err := os.Symlink(env.Binary.Path, filepath.Join(terraform, "terraform")); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				flags := []string{"run", "--expect-empty", "--operation-time", "50ms", "--"}
				cmd := exec.CommandContext(ctx, filepath.Join(commands, "fakegcp"), append(flags, arguments...)...)
				cmd.Dir = cli.Dir
				cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
				cmd.WaitDelay = 10 * time.Second
				cmd.Env = append(append(os.Environ(), cli.variables...), "PATH="+terraform+string(os.PathListSeparator)+os.Getenv("PATH"), "GOWORK=off")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("fakegcp run -- %v: %v\n%s", arguments, err, out)
				}
			})
		})
	}
}
