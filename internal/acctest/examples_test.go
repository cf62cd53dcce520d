package acctest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExamples applies every folder under examples/ as a user would: apply from nothing, an empty plan, destroy,
// nothing left. A folder with configuration cannot be left out.
func TestExamples(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range exampleFolders(t, root) {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			applyExample(t, root, example)
		})
	}
}

// exampleFolders are the folders with Terraform files, relative to the project.
func exampleFolders(t *testing.T, root string) []string {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err == nil && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Fatal("there are no examples")
	}
	return folders
}

func applyExample(t *testing.T, root, example string) {
	t.Helper()
	canaries := NewCanaries()
	value := canaries.Text(t, "payments_api_key")
	env := New(t, WithKubernetes(t))
	cli := env.CLI(t, "TF_VAR_payments_api_key="+value)
	copyProject(t, root, cli.Dir)
	base := cli.Dir
	cli.Dir = filepath.Join(cli.Dir, example)
	if strings.Contains(example, "resources") {
		cli.Write(t, "provider.tf", env.Provider()) // these show one resource each, without a provider block
	}
	cli.MustRun(t, "get")
	cli.MustRun(t, "apply", "-auto-approve", "-input=false")
	if r := cli.Run(t, "plan", "-detailed-exitcode", "-input=false"); r.Code != 0 {
		t.Errorf("the second plan ended with %d, want 0 (no changes):\n%s", r.Code, r.Output())
	}
	canaries.CheckDir(t, base)
	cli.MustRun(t, "destroy", "-auto-approve", "-input=false")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// copyProject copies what users copy, so that relative module sources resolve.
func copyProject(t *testing.T, root, to string) {
	t.Helper()
	for _, folder := range []string{"examples", "modules"} {
		if err := os.CopyFS(filepath.Join(to, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
}
