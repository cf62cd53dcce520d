package acctest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
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
	if strings.Contains(example, "resources") || strings.Contains(example, "data-sources") {
		cli.Write(t, "provider.tf", env.Provider()) // these show one thing each, without a provider block
	}
	removeOthers := func() {}
	if strings.Contains(example, "data-sources") {
		removeOthers = somebodys(t, env, filepath.Base(example))
	}
	if strings.Contains(example, "ephemeral-resources") {
		cli = withStandIns(t, cli)
	}
	cli.MustRun(t, "get")
	cli.MustRun(t, "apply", "-auto-approve", "-input=false")
	if r := cli.Run(t, "plan", "-detailed-exitcode", "-input=false"); r.Code != 0 {
		t.Errorf("the second plan ended with %d, want 0 (no changes):\n%s", r.Code, r.Output())
	}
	canaries.CheckDir(t, base)
	cli.MustRun(t, "destroy", "-auto-approve", "-input=false")
	removeOthers()
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// somebodys is what is there before the example of a data source looks for it. It gives the way to end it.
func somebodys(t *testing.T, env *Env, noun string) (remove func()) {
	t.Helper()
	if noun == TypePrefix+"service" {
		return somebodysService(t, env)
	}
	return somebodysCluster(t, env)
}

// somebodysService is made by another configuration.
func somebodysService(t *testing.T, env *Env) (remove func()) {
	t.Helper()
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config("resource \"twelvefactor_service\" \"orders\" {\n  name = \"orders\"\n"+
		"  image = \"asia-docker.pkg.dev/acme/orders/server:1.0.0\"\n  cloud_run = { location = \""+Region+"\" }\n  processes = { web = {} }\n}\n"))
	cli.MustRun(t, "apply", "-auto-approve", "-input=false")
	return func() { cli.MustRun(t, "destroy", "-auto-approve", "-input=false") }
}

// somebodysCluster is there before the examples of data sources look for it. It gives the way to end it.
func somebodysCluster(t *testing.T, env *Env) (remove func()) {
	t.Helper()
	id := names.ClusterID{Project: Project, Location: Region, Name: "shared"}
	if err := makeCluster(t.Context(), env.Fake.Addr(), id); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := env.Fake.Remove(id.String()); err != nil {
			t.Error(err)
		}
	}
}

// withStandIns has the command find stand-ins for the providers of others that examples use, for want of a registry.
func withStandIns(t *testing.T, cli *CLI) *CLI {
	t.Helper()
	bin, err := providerBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overrides := fmt.Sprintf("    %q = %q\n", source, bin)
	for _, name := range []string{"kubernetes", "helm"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "terraform-provider-"+name), "./standins")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build the stand-in for %s: %v\n%s", name, err, out)
		}
		for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
			overrides += fmt.Sprintf("    %q = %q\n", registry+"/hashicorp/"+name, dir)
		}
	}
	config := filepath.Join(t.TempDir(), "cli.tfrc")
	text := "disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n" + overrides + "  }\n  direct {}\n}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return cli.With("TF_CLI_CONFIG_FILE=" + config)
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
