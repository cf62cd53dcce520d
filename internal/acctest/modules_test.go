package acctest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestModules runs each module's own tests (modules/*/tests): defaults by environment, and one refused value for each
// validation. The provider is mocked there; TestExamples applies the modules for real.
func TestModules(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(filepath.Join(root, "modules", "*", "tests"))
	if err != nil || len(modules) == 0 {
		t.Fatalf("modules with tests: %v, %v", modules, err)
	}
	all, err := os.ReadDir(filepath.Join(root, "modules"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(modules) {
		t.Errorf("%d modules, but %d with tests", len(all), len(modules))
	}
	for _, tests := range modules {
		module := filepath.Base(filepath.Dir(tests))
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			cli := New(t).CLI(t)
			copyProject(t, root, cli.Dir)
			cli.Dir = filepath.Join(cli.Dir, "modules", module)
			cli.MustRun(t, "get")
			cli.MustRun(t, "test")
		})
	}
}
