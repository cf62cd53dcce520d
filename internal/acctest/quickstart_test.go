package acctest

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const (
	quickstartImage   = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
	quickstartCluster = "projects/" + Project + "/locations/" + Region + "/clusters/dev"
)

// TestQuickstartKilledTwice kills terraform and the provider while the cluster operation runs, and once more while the
// service rolls out. The next apply converges, with one cluster and one key, and a second, empty state adopts nothing.
func TestQuickstartKilledTwice(t *testing.T) {
	t.Parallel()
	canaries := NewCanaries()
	value := "TF_VAR_payments_api_key=" + canaries.Text(t, "payments_api_key")
	env := New(t, WithKubernetes(t), WithOperationTime(2*time.Second))
	cli := quickstart(t, env, value)

	killed := cli.Start(t, "apply", "-auto-approve", "-input=false")
	env.WaitForCall(t, "CreateCluster", 1)
	killed.Kill(t)

	if err := env.Fake.SetImage(quickstartImage, fakegcp.ImageNeverReady); err != nil {
		t.Fatal(err)
	}
	killed = cli.Start(t, "apply", "-auto-approve", "-input=false")
	waitForDeployment(t, env, killed, "shop", "shop-web")
	killed.Kill(t)

	if err := env.Fake.SetImage(quickstartImage, ""); err != nil {
		t.Fatal(err)
	}
	cli.MustRun(t, "apply", "-auto-approve", "-input=false")
	cli.MustRun(t, "plan", "-detailed-exitcode", "-input=false")
	env.CheckEffects(t, "CreateCluster", 1)
	env.CheckEffects(t, "AddSecretVersion", 2) // one session key and one secret

	refuseSecondState(t, env, value)
	canaries.Add("session key", sessionKeyPayload(t, env))
	canaries.CheckDir(t, cli.Dir)
	cli.MustRun(t, "destroy", "-auto-approve", "-input=false")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// refuseSecondState applies the same configuration from an empty state: every object is refused with its import block,
// and nothing is changed.
func refuseSecondState(t *testing.T, env *Env, value string) {
	t.Helper()
	before := mutations(env)
	second := quickstart(t, env, value)
	refused := second.Run(t, "apply", "-auto-approve", "-input=false", "-no-color")
	if refused.Code == 0 {
		t.Fatalf("a second, empty state took the objects over:\n%s", refused.Output())
	}
	for _, id := range []string{quickstartCluster, "projects/acme-dev/secrets/payments-api-key", "projects/acme-dev/secrets/shop-session-key"} {
		if !strings.Contains(flat(refused.Output()), `import { to = twelvefactor_`) || !strings.Contains(refused.Output(), id) {
			t.Errorf("the refusal does not show the import block of %s:\n%s", id, refused.Output())
		}
	}
	if after := mutations(env); after != before {
		t.Errorf("the refused run changed something: %d effects before, %d after", before, after)
	}
	if state := second.MustRun(t, "show", "-no-color"); strings.Contains(state.Stdout, "twelvefactor_") {
		t.Errorf("the refused run left something in its state:\n%s", state.Stdout)
	}
}

// flat undoes the frame and the line breaks that Terraform puts around a diagnostic.
func flat(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "\n", " ").Replace(output)), " ")
}

// mutations counts the calls that changed something.
func mutations(env *Env) int {
	n := 0
	for _, call := range env.Fake.Journal() {
		if call.Mutating && call.Code == "OK" {
			n++
		}
	}
	return n
}

// sessionKeyPayload reads the key that the provider, a process of its own there, has drawn.
func sessionKeyPayload(t *testing.T, env *Env) []byte {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { _ = client.Close() }()
	payload, err := client.SecretVersions().Access(t.Context(), "projects/acme-dev/secrets/shop-session-key/versions/1")
	if err != nil {
		t.Fatal(err)
	}
	return payload.Reveal()
}

// quickstart is a folder with the quickstart in it.
func quickstart(t *testing.T, env *Env, variables ...string) *CLI {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	cli := env.CLI(t, variables...)
	copyProject(t, root, cli.Dir)
	cli.Dir = filepath.Join(cli.Dir, "examples", "quickstart")
	return cli
}

// waitForDeployment waits until a Deployment is there, ready or not.
func waitForDeployment(t *testing.T, env *Env, run *Process, namespace, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := env.Fake.Kubeconfig(quickstartCluster); err == nil {
			_, err := env.Kubernetes(t, quickstartCluster).AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
			if err == nil {
				return
			}
			if !apierrors.IsNotFound(err) && ctx.Err() != nil {
				t.Fatalf("deployment %s/%s: %v", namespace, name, err)
			}
		}
		if err := env.Clock.Sleep(ctx, 10*pollInterval); err != nil {
			t.Fatalf("deployment %s/%s did not appear: %v; the run said:\n%s", namespace, name, err, run.output(t))
		}
	}
}

// output is what a run has said that may have ended by itself.
func (p *Process) output(t *testing.T) string {
	t.Helper()
	_ = p.signal(syscall.SIGKILL)
	return p.Wait(t).Output()
}
