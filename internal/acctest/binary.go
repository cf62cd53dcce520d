package acctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The provider's address. OpenTofu's default registry is another one, so configurations name the host.
const (
	localName = "twelvefactor"
	namespace = "twelvefactor"
	host      = "registry.terraform.io"
	source    = host + "/" + namespace + "/" + localName
)

// Environment variables that name ready binaries, so that nothing has to be built.
const (
	// TofuVariable is the path of an OpenTofu.
	TofuVariable = "TWELVEFACTOR_TOFU"
	// KubernetesVariable is a folder with kube-apiserver, kube-controller-manager, kube-scheduler, etcd and kwok.
	KubernetesVariable = "TWELVEFACTOR_KUBERNETES_BIN"
)

// oldestTerraform is the first Terraform with write-only attributes.
var oldestTerraform = [2]int{1, 11}

// Binary is a command of the Terraform family.
type Binary struct{ Name, Path string }

// OpenTofu is the command that all tests run with: the one that TofuVariable names, else built from tools/opentofu.
func OpenTofu(t testing.TB) Binary {
	t.Helper()
	path, err := tofu()
	if err != nil {
		t.Fatalf("find OpenTofu: %v", err)
	}
	return Binary{Name: "opentofu", Path: path}
}

var tofu = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(TofuVariable); path != "" {
		return path, nil
	}
	dir, err := build("opentofu")
	return filepath.Join(dir, "tofu"), err
})

// kubernetesBin is the folder with the binaries of a control plane.
var kubernetesBin = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(KubernetesVariable); dir != "" {
		return dir, nil
	}
	return build("kubernetes")
})

// build runs tools/build.sh, which keeps what it built, and gives the folder with the binaries.
func build(target string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	var progress bytes.Buffer
	cmd := exec.Command("bash", filepath.Join(root, "tools", "build.sh"), target)
	cmd.Stderr = &progress
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("tools/build.sh %s: %w\n%s", target, err, progress.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// moduleRoot is the folder that holds go.mod, above the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod above %s", dir)
		}
		dir = parent
	}
}

// recentTerraform is a Terraform on the PATH that is recent enough, and whether there is one.
var recentTerraform = sync.OnceValues(func() (Binary, bool) {
	path, err := exec.LookPath("terraform")
	if err != nil {
		return Binary{}, false
	}
	cmd := exec.Command(path, "version", "-json")
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
	out, err := cmd.Output()
	if err != nil {
		return Binary{}, false
	}
	var answer struct {
		Version string `json:"terraform_version"`
	}
	if json.Unmarshal(out, &answer) != nil || !recent(answer.Version) {
		return Binary{}, false
	}
	return Binary{Name: "terraform", Path: path}, true
})

func recent(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	return major > oldestTerraform[0] || major == oldestTerraform[0] && minor >= oldestTerraform[1]
}

// Core runs a test in a world of its own with OpenTofu and, where a Terraform of 1.11 or later is on the PATH, once
// more with that.
func Core(t *testing.T, run func(t *testing.T, env *Env), options ...Option) {
	t.Helper()
	binaries := []Binary{OpenTofu(t)}
	if b, ok := recentTerraform(); ok {
		binaries = append(binaries, b)
	}
	for _, b := range binaries {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			run(t, New(t, append([]Option{WithBinary(b)}, options...)...))
		})
	}
}
