package fakegcp_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// googleVariable names a binary of hashicorp/google, any version that has the resources in testdata/google.
const googleVariable = "TWELVEFACTOR_GOOGLE_PROVIDER"

// planChanges is the status of `plan -detailed-exitcode` when there is something to do.
const planChanges = 2

// googleCLI is Terraform or OpenTofu in a copy of testdata/google, with hashicorp/google and a fake to talk to.
type googleCLI struct {
	t           *testing.T
	binary, dir string
	environment []string
}

func newGoogleCLI(t *testing.T, provider, endpoint string) *googleCLI {
	t.Helper()
	binary := cmp.Or(os.Getenv("TWELVEFACTOR_TOFU"), "terraform")
	binary, err := exec.LookPath(binary)
	if err != nil {
		t.Skipf("no Terraform: put it on PATH, or have TWELVEFACTOR_TOFU name OpenTofu: %v", err)
	}
	// Terraform finds a provider by its file name, whatever the binary is called.
	plugins, dir := t.TempDir(), t.TempDir()
	provider, err = filepath.Abs(provider)
	must(t, err)
	if _, err := os.Stat(provider); err != nil {
		t.Fatalf("%s: %v", googleVariable, err)
	}
	must(t, os.Symlink(provider, filepath.Join(plugins, "terraform-provider-google")))
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "google"))))
	rc := filepath.Join(plugins, "cli.tfrc")
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n    \"hashicorp/google\" = %q\n  }\n  direct {}\n}\n", plugins)
	must(t, os.WriteFile(rc, []byte(config), 0o600))
	return &googleCLI{t: t, binary: binary, dir: dir, environment: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TF_CLI_CONFIG_FILE=" + rc, "TF_IN_AUTOMATION=1", "TF_INPUT=0",
		"TF_CLI_ARGS=-no-color", "TF_VAR_endpoint=" + endpoint,
	}}
}

// status runs a command and returns its exit status and what it wrote.
func (c *googleCLI) status(args ...string) (int, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.binary, args...)
	cmd.Dir, cmd.Env = c.dir, c.environment
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) } // it ends its provider too
	cmd.WaitDelay = 30 * time.Second
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (c *googleCLI) run(args ...string) string {
	c.t.Helper()
	code, out := c.status(args...)
	if code != 0 {
		c.t.Fatalf("%s: exit status %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// settled checks that there is nothing left to do.
func (c *googleCLI) settled(release string) {
	c.t.Helper()
	switch code, out := c.status("plan", "-detailed-exitcode", "-var", release); code {
	case 0:
	case planChanges:
		c.t.Errorf("%s: the plan is not empty\n%s", release, out)
	default:
		c.t.Fatalf("%s: exit status %d\n%s", release, code, out)
	}
}

// adopt takes an object out of the state and imports it again.
func (c *googleCLI) adopt(release, address, id string) {
	c.t.Helper()
	c.run("state", "rm", address)
	c.run("import", "-var", release, address, id)
}

// TestGoogleProvider has hashicorp/google create, change, import and destroy what testdata/google declares.
func TestGoogleProvider(t *testing.T) {
	provider := os.Getenv(googleVariable)
	if provider == "" {
		t.Skipf("%s does not name a binary of hashicorp/google: make test-google-provider tells more", googleVariable)
	}
	s, err := fakegcp.Start(fakegcp.Options{OperationTime: 20 * time.Millisecond})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	c := newGoogleCLI(t, provider, "http://"+s.Addr())
	const first, second = "release=1", "release=2"
	c.run("apply", "-auto-approve", "-var", first)
	c.settled(first)
	c.run("apply", "-auto-approve", "-var", second)
	c.settled(second)
	c.adopt(second, "google_service_account.app", project+"/serviceAccounts/app-runner@acme-dev.iam.gserviceaccount.com")
	c.adopt(second, "google_container_node_pool.base", "acme-dev/asia-northeast1/dev/base")
	c.settled(second)
	c.run("destroy", "-auto-approve", "-var", second)
	left, err := s.Remaining()
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left after destroy: %v", left)
	}
}
