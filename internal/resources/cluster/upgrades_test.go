package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const (
	prodAddress = "twelvefactor_cluster.prod"
	prodID      = "projects/acme-dev/locations/asia-northeast1/clusters/prod"
	exclusion   = "twelvefactor-upgrade-after"
	oldVersion  = "1.34.9-gke.1065000" // the fake's only patches of these minor versions
	newVersion  = "1.35.6-gke.1250000"
)

// prod is a cluster beside cluster(), with more lines in its block.
func prod(lines ...string) string {
	return fmt.Sprintf(`
resource "twelvefactor_cluster" "prod" {
  name       = "prod"
  location   = "asia-northeast1"
  node_pools = { base = { machine_type = "e2-standard-2", max_nodes = 3, min_nodes = 1 } }
  %s
}
`, strings.Join(lines, "\n  "))
}

func prodAt(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(prodAddress, tfjsonpath.New("upgrades").AtMapKey(attribute), value)
}

func plannedProd(action plancheck.ResourceActionType, held bool) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(prodAddress, action),
		plancheck.ExpectKnownValue(prodAddress, tfjsonpath.New("upgrades").AtMapKey("held"), knownvalue.Bool(held)),
		plancheck.ExpectKnownValue(prodAddress, tfjsonpath.New("upgrades").AtMapKey("due"), knownvalue.Null()),
	}}
}

// olderVersions sets clusters back to the version before the channel's, as if they had been made with it.
func olderVersions(t *testing.T, env *acctest.Env, ids ...string) {
	t.Helper()
	for _, id := range ids {
		err := env.Fake.UpdateCluster(id, func(c *containerpb.Cluster) {
			c.InitialClusterVersion, c.CurrentMasterVersion = oldVersion, oldVersion
			for _, pool := range c.GetNodePools() {
				pool.Version = oldVersion
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// gkeUpgrades lets GKE do what it does by itself: the control plane first, then the nodes.
func gkeUpgrades(t *testing.T, env *acctest.Env, cluster string, pools ...string) {
	t.Helper()
	start := func(kind fakegcp.Unattended, pool string) {
		if _, err := env.Fake.StartUnattended(kind, cluster, pool); err != nil {
			t.Fatalf("GKE's upgrade of %s %s: %v", cluster, pool, err)
		}
		env.Fake.Advance(time.Hour)
	}
	start(fakegcp.UnattendedUpgradeMaster, "")
	for _, pool := range pools {
		start(fakegcp.UnattendedUpgradeNodes, pool)
	}
}

// exclusionOf is the provider's exclusion of a live cluster, nil when there is none.
func exclusionOf(t *testing.T, env *acctest.Env, id string) *containerpb.TimeWindow {
	t.Helper()
	var found *containerpb.TimeWindow
	err := env.Fake.UpdateCluster(id, func(c *containerpb.Cluster) {
		found = c.GetMaintenancePolicy().GetWindow().GetMaintenanceExclusions()[exclusion]
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Development is upgraded, soaks, and then production is: each change of the exclusion is one plan and one call, and
// between them nothing is planned.
func TestClusterUpgradesAlternate(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		config := env.Config(cluster(), prod(
			`upgrade_after = { cluster = twelvefactor_cluster.dev.id, soak = "168h" }`,
			`maintenance   = { window = { start = "2026-01-03T18:00:00Z", end = "2026-01-04T18:00:00Z", recurrence = "FREQ=WEEKLY;BYDAY=SA,SU" } }`,
		))
		calls := func(want int) func() {
			return func() { env.CheckEffects(t, "SetMaintenancePolicy", want) }
		}
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config: config, ConfigPlanChecks: plannedProd(plancheck.ResourceActionCreate, true),
				PostApplyFunc: func() {
					if exclusionOf(t, env, prodID) == nil {
						t.Error("the new cluster is not held")
					}
					calls(0)()
					olderVersions(t, env, clusterID, prodID)
				},
			},
			{ // GKE wants to upgrade both; development has not been upgraded
				Config: config, ConfigPlanChecks: acctest.NoChanges(), PostApplyFunc: calls(0),
				ConfigStateChecks: []statecheck.StateCheck{
					prodAt("held", knownvalue.Bool(true)), prodAt("due", knownvalue.Null()),
					prodAt("target_version", knownvalue.StringExact(newVersion)),
					prodAt("running_version", knownvalue.StringExact(oldVersion)),
					prodAt("reason", knownvalue.StringRegexp(wrapped("is not there yet"))),
				},
			},
			{ // it has, and soaks
				PreConfig: func() {
					if _, err := env.Fake.StartUnattended(fakegcp.UnattendedUpgradeMaster, prodID, ""); err == nil {
						t.Error("GKE started an upgrade of the held cluster")
					}
					gkeUpgrades(t, env, clusterID, "base", "spot")
					env.Fake.Advance(100 * time.Hour)
				},
				Config: config, ConfigPlanChecks: acctest.NoChanges(), PostApplyFunc: calls(0),
				ConfigStateChecks: []statecheck.StateCheck{
					prodAt("held", knownvalue.Bool(true)), prodAt("running_version", knownvalue.StringExact(newVersion)),
					prodAt("reason", knownvalue.StringRegexp(wrapped("soaks until"))),
				},
			},
			{ // it has soaked: lifted
				PreConfig: func() { env.Fake.Advance(68 * time.Hour) },
				Config:    config, ConfigPlanChecks: plannedProd(plancheck.ResourceActionUpdate, false),
				ConfigStateChecks: []statecheck.StateCheck{
					prodAt("held", knownvalue.Bool(false)), prodAt("soaked_version", knownvalue.StringExact(newVersion)),
				},
				PostApplyFunc: calls(1),
			},
			{ // nothing more until GKE has upgraded production
				PreConfig: func() { env.Fake.Advance(24 * time.Hour) },
				Config:    config, ConfigPlanChecks: acctest.NoChanges(), PostApplyFunc: calls(1),
			},
			{ // control plane only: the nodes are to follow
				PreConfig: func() { gkeUpgrades(t, env, prodID) },
				Config:    config, ConfigPlanChecks: acctest.NoChanges(), PostApplyFunc: calls(1),
			},
			{ // held again, for the next version
				PreConfig: func() {
					if _, err := env.Fake.StartUnattended(fakegcp.UnattendedUpgradeNodes, prodID, "base"); err != nil {
						t.Fatal(err)
					}
					env.Fake.Advance(time.Hour)
				},
				Config: config, ConfigPlanChecks: plannedProd(plancheck.ResourceActionUpdate, true),
				PostApplyFunc: func() {
					calls(2)()
					if exclusionOf(t, env, prodID) == nil {
						t.Error("the upgraded cluster is not held")
					}
				},
			},
			{ // without the attribute the exclusion goes; the window stays
				Config: env.Config(cluster(), prod(
					`maintenance = { window = { start = "2026-01-03T18:00:00Z", end = "2026-01-04T18:00:00Z", recurrence = "FREQ=WEEKLY;BYDAY=SA,SU" } }`)),
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(prodAddress, plancheck.ResourceActionUpdate)}},
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(prodAddress, tfjsonpath.New("upgrades"), knownvalue.Null())},
				PostApplyFunc: func() {
					calls(3)()
					if exclusionOf(t, env, prodID) != nil {
						t.Error("the exclusion was left behind")
					}
				},
			},
		}})
	})
}
