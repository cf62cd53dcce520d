package service_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// stateOf applies a service in the shared cluster and gives its state file. The service stays until the test ends.
func stateOf(t *testing.T, env *acctest.Env, config string) string {
	t.Helper()
	cli := env.CLI(t)
	cli.Write(t, "main.tf", config)
	cli.MustRun(t, "apply", "-auto-approve")
	t.Cleanup(func() { cli.MustRun(t, "destroy", "-auto-approve") })
	return cli.MustRun(t, "state", "pull").Stdout
}

// The cluster is gone, and everything in it: the service leaves the state with a warning, and a destroy ends.
func TestServiceWhoseClusterIsGone(t *testing.T) {
	t.Parallel()
	shared, cluster := acctest.SharedCluster(t)
	config := shared.Config(onGKE(shared, cluster))
	state := stateOf(t, shared, config)

	empty := acctest.New(t).CLI(t)
	empty.Write(t, "main.tf", config)
	empty.Write(t, "terraform.tfstate", state)
	planned := empty.MustRun(t, "plan", "-no-color").Output()
	if !strings.Contains(planned, "gone with its cluster") || !strings.Contains(planned, "1 to add, 0 to change, 0 to destroy") {
		t.Errorf("the plan does not show that the cluster is gone:\n%s", planned)
	}
	empty.MustRun(t, "destroy", "-auto-approve", "-refresh=false")
}

// The cluster does not answer: the state stays as it is, with a warning, and the rest is planned.
func TestServiceWhoseClusterIsUnreachable(t *testing.T) {
	t.Parallel()
	shared, cluster := acctest.SharedCluster(t)
	config := shared.Config(onGKE(shared, cluster))
	state := stateOf(t, shared, config)

	env := acctest.New(t)
	maker := env.CLI(t)
	maker.Write(t, "main.tf", env.Config(`resource "twelvefactor_cluster" "shared" {
  name       = "shared"
  node_pools = { base = { machine_type = "e2-standard-2", max_nodes = 1 } }
}
`))
	maker.MustRun(t, "apply", "-auto-approve")
	if err := env.Fake.UpdateCluster(cluster, func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_PROVISIONING }); err != nil {
		t.Fatal(err)
	}
	cli := env.CLI(t)
	cli.Write(t, "main.tf", config+onRun(labelled("api"), set("name", `"api"`)))
	cli.Write(t, "terraform.tfstate", state)
	planned := cli.MustRun(t, "plan", "-no-color").Output()
	if !strings.Contains(planned, "could not be read") || !strings.Contains(planned, "1 to add, 0 to change, 0 to destroy") {
		t.Errorf("the plan does not show that the cluster is unreachable, or not the rest:\n%s", planned)
	}
}
