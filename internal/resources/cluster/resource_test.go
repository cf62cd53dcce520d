package cluster_test

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

func at(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func atPool(key, attribute string, value knownvalue.Check) statecheck.StateCheck {
	path := tfjsonpath.New("node_pools").AtMapKey(key).AtMapKey(attribute)
	return statecheck.ExpectKnownValue(address, path, value)
}

// After every step the testing library itself looks for empty plans, without and with a refresh.
func TestCluster(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		created := env.Config(cluster(set("labels", `{ team = "shop" }`)))
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config: created,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("workload_pool"), knownvalue.StringExact("acme-dev.svc.id.goog")),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("id")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					at("id", knownvalue.StringExact(clusterID)),
					at("status", knownvalue.StringExact("ready")),
					at("endpoint", knownvalue.NotNull()),
					at("ca_certificate", knownvalue.NotNull()),
					at("version", knownvalue.NotNull()),
					at("subnetwork", knownvalue.StringExact("default")),
					at("effective_labels", knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("shop")})),
					at("drift", knownvalue.ListExact(nil)),
				},
			},
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: clusterID,
			},
			{
				Config: env.Config(cluster(
					set("labels", `{ team = "shop", env = "dev" }`), set("release_channel", `"rapid"`),
					pool("spot", `machine_type = "e2-standard-8", capacity = "spot", max_nodes = 12, labels = { tier = "web" }`),
					pool("batch", `machine_type = "e2-standard-4", max_nodes = 3, taints = [{ key = "acme.example/batch", effect = "NoSchedule" }]`),
					pool("base", ""),
				)),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					at("status", knownvalue.StringExact("ready")),
					at("release_channel", knownvalue.StringExact("rapid")),
					at("node_pools", knownvalue.MapSizeExact(2)),
					atPool("spot", "max_nodes", knownvalue.Int64Exact(12)),
				},
			},
		}})
		env.CheckEffects(t, "CreateCluster", 1)
	})
}

func TestClusterImportByIdentity(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: env.Config(cluster()),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
				"project":  knownvalue.StringExact("acme-dev"),
				"location": knownvalue.StringExact("asia-northeast1"),
				"name":     knownvalue.StringExact("dev"),
			})},
		},
		{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
	}})
}

// What the provider sends in the one call that makes a cluster.
func TestClusterIsMadeWithItsPoolsInOneOperation(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	look := func(*testing.T) *containerpb.Cluster { return liveCluster(t, env) }
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: env.Config(cluster()),
		PostApplyFunc: func() {
			live := look(t)
			if live.GetWorkloadIdentityConfig().GetWorkloadPool() != "acme-dev.svc.id.goog" {
				t.Errorf("workload pool is %q", live.GetWorkloadIdentityConfig().GetWorkloadPool())
			}
			if _, marked := live.GetResourceLabels()["twelvefactor-creating"]; marked {
				t.Error("the finished cluster is still marked as being created")
			}
			names := map[string]bool{}
			for _, pool := range live.GetNodePools() {
				names[pool.GetName()] = true
				if mode := pool.GetConfig().GetWorkloadMetadataConfig().GetMode(); mode != containerpb.WorkloadMetadataConfig_GKE_METADATA {
					t.Errorf("pool %s has workload metadata %s", pool.GetName(), mode)
				}
			}
			if len(names) != 2 || !names["base"] || !names["spot"] {
				t.Errorf("pools are %v, want base and spot", names)
			}
		},
	}}})
	env.CheckEffects(t, "CreateCluster", 1)
	env.CheckEffects(t, "CreateNodePool", 0)
	env.CheckEffects(t, "DeleteNodePool", 0)
}

func TestClusterRollsAPoolForAChangeOfCapacity(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(cluster())},
		{
			Config:            env.Config(cluster(pool("base", `machine_type = "e2-standard-2", capacity = "preemptible", max_nodes = 2`))),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{atPool("base", "capacity", knownvalue.StringExact("preemptible"))},
			PostApplyFunc: func() {
				if n := len(liveCluster(t, env).GetNodePools()); n != 2 {
					t.Errorf("%d pools are live, want 2", n)
				}
			},
		},
	}})
	env.CheckEffects(t, "CreateCluster", 1)
	env.CheckEffects(t, "CreateNodePool", 1)
	env.CheckEffects(t, "DeleteNodePool", 1)
}

func TestClusterDriftIsShownAndRepaired(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(cluster(set("labels", `{ team = "shop" }`)))
	behind := func(change func(*containerpb.Cluster)) resource.TestStep {
		return resource.TestStep{
			PreConfig: func() {
				if err := env.Fake.UpdateCluster(clusterID, change); err != nil {
					t.Fatal(err)
				}
			},
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{at("status", knownvalue.StringExact("ready"))},
		}
	}
	poolOf := func(c *containerpb.Cluster, name string) *containerpb.NodePool {
		for _, p := range c.GetNodePools() {
			if p.GetName() == name {
				return p
			}
		}
		t.Fatalf("no pool %s", name)
		return nil
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config},
		behind(func(c *containerpb.Cluster) {
			c.ResourceLabels["team"] = "other"
			poolOf(c, "spot").Autoscaling.TotalMaxNodeCount = 3
		}),
		behind(func(c *containerpb.Cluster) { poolOf(c, "spot").Config.Taints = nil }),
		behind(func(c *containerpb.Cluster) {
			c.NodePools = []*containerpb.NodePool{poolOf(c, "base")}
		}),
		{
			PreConfig: func() {
				if err := env.Fake.Remove(clusterID); err != nil {
					t.Fatal(err)
				}
			},
			Config:           config,
			ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionCreate),
		},
	}})
	env.CheckEffects(t, "CreateCluster", 2)
}

// A cluster that GKE could not start is tainted, so that the next apply makes it anew. Deletion protection does not
// hold back what was never ready.
func TestClusterThatFailedIsMadeAnew(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		config := env.Config(cluster(set("deletion_protection", "true")))
		stockout := func(out bool) func() {
			return func() {
				if err := env.Fake.SetStockout("", out); err != nil {
					t.Fatal(err)
				}
			}
		}
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{PreConfig: stockout(true), Config: config, ExpectError: wrapped("does not have enough resources")},
			{
				PreConfig: stockout(false), Config: config,
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionReplace),
				ConfigStateChecks: []statecheck.StateCheck{at("status", knownvalue.StringExact("ready"))},
			},
			{Config: env.Config(cluster(set("deletion_protection", "false")))},
		}})
	})
}
