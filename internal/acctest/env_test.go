package acctest_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

func TestMain(m *testing.M) { acctest.Main(m) }

func TestCheckNothingLeftSeesWhatIsLeft(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	if err := env.CheckNothingLeft(); err != nil {
		t.Fatalf("a new world: %v", err)
	}
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	secret := &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{
		Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
	}}
	if _, err := client.Secrets().Create(t.Context(), "projects/"+acctest.Project+"/secrets/left", secret); err != nil {
		t.Fatal(err)
	}
	if err := env.CheckNothingLeft(); err == nil || !strings.Contains(err.Error(), "left") {
		t.Errorf("the check found %v", err)
	}
	env.CheckEffects(t, "CreateSecret", 1)
}

func TestCLIRunsTheProviderAsAProcess(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config())
		cli.MustRun(t, "validate")
		cli.Write(t, "wrong.tf", `resource "twelvefactor_cluster" "x" {}`)
		if r := cli.Run(t, "validate", "-no-color"); r.Code == 0 || !strings.Contains(r.Output(), "node_pools") {
			t.Errorf("validate of a wrong configuration ended with %d:\n%s", r.Code, r.Output())
		}
	})
}
