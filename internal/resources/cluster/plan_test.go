package cluster_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// Everything may come out of another resource of the same run.
func TestClusterPlansWithUnknownInput(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const inputs = `
resource "terraform_data" "input" {
  input = { project = "acme-dev", location = "asia-northeast1", machine = "e2-standard-4", max = 3, label = "shop" }
}
`
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: env.Config(inputs, cluster(
			set("project", "terraform_data.input.output.project"), set("location", "terraform_data.input.output.location"),
			set("labels", "{ team = terraform_data.input.output.label }"),
			pool("base", `machine_type = terraform_data.input.output.machine, min_nodes = 1, max_nodes = terraform_data.input.output.max`),
		)),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectUnknownValue(address, tfjsonpath.New("workload_pool")),
		}},
		ConfigStateChecks: []statecheck.StateCheck{
			at("id", knownvalue.StringExact(clusterID)),
			atPool("base", "max_nodes", knownvalue.Int64Exact(3)),
		},
	}}})
}

// A whole pool or taint may be unknown while the cluster is planned, the first time and for a change.
func TestClusterPlansWithUnknownPools(t *testing.T) {
	t.Parallel()
	data := func(machine string) string {
		return fmt.Sprintf(`
resource "terraform_data" "input" {
  input = {
    pool  = { machine_type = %q, capacity = null, min_nodes = null, max_nodes = 3, disk_gb = null, labels = null, taints = null, service_account = null }
    taint = { key = "team", value = null, effect = "NoSchedule" }
  }
}
`, machine)
	}
	base := tfjsonpath.New("node_pools").AtMapKey("base")
	for name, row := range map[string]struct {
		change  change
		unknown tfjsonpath.Path
	}{
		"pool": {poolAs("base", "terraform_data.input.output.pool"), base},
		"taint": {
			pool("base", `machine_type = terraform_data.input.output.pool.machine_type, max_nodes = 3, taints = [terraform_data.input.output.taint]`),
			base.AtMapKey("machine_type"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			step := func(machine string, unknown tfjsonpath.Path) resource.TestStep {
				return resource.TestStep{
					Config: env.Config(data(machine), cluster(row.change)),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectUnknownValue(address, unknown),
					}},
					ConfigStateChecks: []statecheck.StateCheck{
						atPool("base", "machine_type", knownvalue.StringExact(machine)),
						atPool("base", "capacity", knownvalue.StringExact("on_demand")),
						atPool("base", "disk_gb", knownvalue.Int64Exact(100)),
					},
				}
			}
			env.Test(t, resource.TestCase{Steps: []resource.TestStep{
				step("e2-standard-4", row.unknown), step("e2-standard-8", base.AtMapKey("machine_type")),
			}})
		})
	}
}

func TestClusterTakesTheProvidersDefaults(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	with := func(defaults string) string {
		return env.Provider("default_labels = "+defaults) + cluster(set("location", ""), set("labels", `{ team = "shop" }`))
	}
	labels := func(want map[string]string) statecheck.StateCheck {
		checks := map[string]knownvalue.Check{}
		for key, value := range want {
			checks[key] = knownvalue.StringExact(value)
		}
		return at("effective_labels", knownvalue.MapExact(checks))
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: with(`{ owner = "platform", team = "none" }`),
			ConfigStateChecks: []statecheck.StateCheck{
				at("project", knownvalue.StringExact("acme-dev")),
				at("location", knownvalue.StringExact("asia-northeast1")),
				labels(map[string]string{"owner": "platform", "team": "shop"}),
			},
		},
		{
			Config:            with(`{ cost = "42" }`),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{labels(map[string]string{"cost": "42", "team": "shop"})},
		},
	}})
}

// Somebody else's pool and label are left alone.
func TestClusterLeavesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(cluster())
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config},
		{
			PreConfig: func() {
				addForeignPool(t, env)
			},
			Config: config, ConfigPlanChecks: acctest.NoChanges(),
		},
		{
			Config:           env.Config(cluster(pool("spot", ""))),
			ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			PostApplyFunc: func() {
				live := liveCluster(t, env)
				if live.GetResourceLabels()["theirs"] != "1" || len(live.GetNodePools()) != 2 {
					t.Errorf("labels %v, %d pools", live.GetResourceLabels(), len(live.GetNodePools()))
				}
			},
		},
	}})
}

func TestClusterPlansWithReadOnlyCredentials(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(cluster()))
	cli.MustRun(t, "apply", "-auto-approve")
	cli.Write(t, "main.tf", env.Config(cluster(pool("spot", ""))))
	calls := len(env.Fake.Journal())

	reader := cli.With("GOOGLE_OAUTH_ACCESS_TOKEN=" + acctest.ReadOnlyToken)
	if r := reader.Run(t, "plan", "-detailed-exitcode"); r.Code != 2 {
		t.Errorf("the plan ended with %d, want changes (2):\n%s", r.Code, r.Output())
	}
	for _, call := range env.Fake.Journal()[calls:] {
		if call.Mutating {
			t.Errorf("the plan called %s", call.Method)
		}
	}
	if r := reader.Run(t, "apply", "-auto-approve"); r.Code == 0 {
		t.Error("the reader could change the cluster")
	}
}
