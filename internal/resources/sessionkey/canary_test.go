package sessionkey_test

import (
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// TestAccSessionKey_failuresLeakNothing is a sample of the same through both commands, with the provider as a process of
// its own and everything traced. The keys are drawn over there, so they become canaries when they have been stored.
func TestAccSessionKey_failuresLeakNothing(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")
		var runs []acctest.Result
		run := func(method, lines string) {
			t.Helper()
			cli.Write(t, "main.tf", env.Config(block(lines)))
			if method != "" {
				must(env.Fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, Code: codes.PermissionDenied}))
			}
			planned := cli.Run(t, "plan", "-no-color", "-out=plan.bin")
			applied := cli.Run(t, "apply", "-no-color", "plan.bin")
			env.Fake.ClearFaults()
			runs = append(runs, planned, applied)
			if (applied.Code != 0) != (method != "") {
				t.Errorf("with %q failing, apply ended with %d:\n%s", method, applied.Code, applied.Stdout)
			}
		}
		run("AddSecretVersion", `rotation_trigger = "1"`)
		run("", `rotation_trigger = "1"`)
		run("UpdateSecret", `rotation_trigger = "2"`)
		run("AccessSecretVersion", `rotation_trigger = "2"`)
		run("AddSecretVersion", `rotation_trigger = "2"`)
		run("", `rotation_trigger = "2"`)
		canaries := stored(t, env)
		runs = append(runs, cli.MustRun(t, "plan", "-no-color", "-detailed-exitcode"), cli.MustRun(t, "destroy", "-no-color", "-auto-approve"))
		canaries.CheckRun(t, cli, runs...)
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// stored makes canaries of the keys that the secret holds.
func stored(t *testing.T, env *acctest.Env) *acctest.Canaries {
	t.Helper()
	canaries := acctest.NewCanaries()
	for n := range versions(t, env) {
		for key := range strings.SplitSeq(payload(t, env, strconv.Itoa(n+1)), ",") {
			canaries.Add("stored key", []byte(key))
		}
	}
	return canaries
}

// payload reads a version as an application would.
func payload(t *testing.T, env *acctest.Env, version string) string {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	value, err := client.SecretVersions().Access(t.Context(), id+"/versions/"+version)
	must(err)
	return string(value.Reveal())
}

// makeByHand makes a secret with one version that the provider knows nothing of.
func makeByHand(t *testing.T, env *acctest.Env, value string) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	automatic := &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}
	_, err := client.Secrets().Create(t.Context(), "projects/acme-dev/secrets/shop", &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: automatic},
	})
	must(err)
	_, err = client.SecretVersions().Add(t.Context(), id, secret.FromString(value))
	must(err)
}
