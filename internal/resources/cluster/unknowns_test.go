package cluster_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// Whatever is unknown in a plan may turn out to be a new value, what it was, or null: each has to fit what was planned.
func TestClusterPlansWithAnythingUnknown(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	plain := declaredCluster("", nil)
	state := settled(t, env, provider, plain)
	for _, row := range actions {
		if slices.Contains([]string{"name", "node_pools", "timeouts"}, row.attribute) {
			continue // an unknown name makes another cluster, a map of pools is known by its keys, timeouts plan nothing
		}
		unknown := declaredCluster(row.attribute, provider.Unknown(t, row.attribute))
		for what, final := range map[string]any{"changed": row.after, "as before": row.before, "null": nil} {
			if final == nil && (row.attribute == "node_pools.machine_type" || row.attribute == "location" || row.attribute == "node_pools.max_nodes") {
				continue // cannot be null
			}
			known := declaredCluster(row.attribute, final)
			if final == nil && strings.Contains(strings.TrimPrefix(row.attribute, "node_pools."), ".") {
				known = declaredCluster(row.attribute, nil)
			}
			for when, prior := range map[string]*acctest.State{"create": nil, "update": state} {
				for _, problem := range provider.FinalPlanProblems(t, prior, unknown, known) {
					t.Errorf("%s of %s, %s: inconsistent final plan: %s", when, row.attribute, what, problem)
				}
			}
		}
	}
}

// Bounds may be variables of which only one kind is set.
func TestClusterBoundsMayTurnOutNull(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	with := func(bounds acctest.Attributes) acctest.Attributes {
		config := declaredCluster("", nil)
		pools, _ := config["node_pools"].(map[string]acctest.Attributes)
		pools["base"] = bounds
		bounds["machine_type"] = "e2-standard-2"
		return config
	}
	open := with(acctest.Attributes{
		"max_nodes": provider.Unknown(t, "node_pools.max_nodes"), "max_nodes_per_zone": provider.Unknown(t, "node_pools.max_nodes_per_zone"),
	})
	if text := acctest.DiagnosticsText(provider.Validate(t, open)); text != "" {
		t.Errorf("refused before anything is known: %s", text)
	}
	for _, bound := range []string{"max_nodes", "max_nodes_per_zone"} {
		for _, problem := range provider.FinalPlanProblems(t, nil, open, with(acctest.Attributes{bound: int64(3)})) {
			t.Errorf("%s: inconsistent final plan: %s", bound, problem)
		}
	}
}

// A rule whose other cluster is replaced in the same apply does not know its id while it is planned.
func TestClusterUpgradeAfterAClusterThatIsReplaced(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	rule := acctest.Attributes{"cluster": "projects/acme-dev/locations/asia-northeast1/clusters/other", "soak": "168h"}
	config := declaredCluster("upgrade_after", rule)
	plan, diagnostics := provider.Plan(t, nil, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	state, _ := provider.Apply(t, plan)
	state, _ = provider.Read(t, state)
	open := declaredCluster("upgrade_after", acctest.Attributes{"cluster": provider.Unknown(t, "upgrade_after.cluster"), "soak": "168h"})
	for _, problem := range provider.FinalPlanProblems(t, state, open, config) {
		t.Errorf("inconsistent final plan: %s", problem)
	}
	channel := declaredCluster("upgrade_after", rule)
	channel["release_channel"] = provider.Unknown(t, "release_channel")
	for _, problem := range provider.FinalPlanProblems(t, state, channel, config) {
		t.Errorf("unknown channel: inconsistent final plan: %s", problem)
	}
}

// A network is the same whether it is written as a name, as a path or as a link.
func TestClusterNetworkMayBeWrittenInAnyForm(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	state := settled(t, env, provider, declaredCluster("", nil))
	const network, subnetwork = "projects/acme-dev/global/networks/default", "projects/acme-dev/regions/asia-northeast1/subnetworks/default"
	for _, form := range []string{"", "https://www.googleapis.com/compute/v1/"} {
		config := declaredCluster("network", form+network)
		config["subnetwork"] = form + subnetwork
		state = changes(t, env, provider, state, config, nil)
	}
	for _, other := range []string{"projects/acme-other/global/networks/default", "projects/acme-dev/global/networks/web"} {
		plan, diagnostics := provider.Plan(t, state, declaredCluster("network", other))
		if plan == nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
		if !plan.Replaces {
			t.Errorf("%s does not make another cluster", other)
		}
	}
}

// So is a secondary range, as size, block or name.
func TestClusterRangeMayBeWrittenInAnyForm(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	state := settled(t, env, provider, declaredCluster("pods_range", "/17"))
	ranges := liveCluster(t, env).GetIpAllocationPolicy()
	for _, form := range []string{ranges.GetClusterIpv4CidrBlock(), ranges.GetClusterSecondaryRangeName(), "/17"} {
		state = changes(t, env, provider, state, declaredCluster("pods_range", form), nil)
	}
	for _, other := range []string{"/18", "10.200.0.0/17", "pods"} {
		plan, diagnostics := provider.Plan(t, state, declaredCluster("pods_range", other))
		if plan == nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
		if !plan.Replaces {
			t.Errorf("%s does not make another cluster", other)
		}
	}
}

// Variables that turn out to be null are no contradiction while nothing is known.
func TestClusterValidatesWithVariables(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(`
variable "nodes" {
  type    = number
  default = 3
}
variable "none" {
  type    = number
  default = null
}
variable "start" {
  type    = string
  default = "03:00"
}
variable "window" {
  type    = object({ start = string, end = string, recurrence = string })
  default = null
}
variable "blue_green" {
  type    = object({ batch_nodes = number })
  default = { batch_nodes = 1 }
}
`, cluster(
		set("maintenance", "{ daily_start = var.start, window = var.window }"),
		pool("base", `machine_type = "e2-standard-2", max_nodes = var.nodes, max_nodes_per_zone = var.none, upgrade = { max_surge = var.none, blue_green = var.blue_green }`),
	)))
	cli.MustRun(t, "validate")
	cli.MustRun(t, "plan")
}

// Machines of another family take GKE's disk for them, those of the same family keep theirs.
func TestClusterDiskOfAnotherMachineFamily(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	state := settled(t, env, provider, declaredCluster("node_pools.disk_type", "pd-ssd"))
	disk := func(state *acctest.State) string {
		var text string
		if err := state.Attribute(t, "node_pools", "base", "disk_type").As(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	state = changes(t, env, provider, state, declaredCluster("node_pools.machine_type", "e2-standard-8"), []string{"UpdateNodePool"})
	if disk(state) != "pd-ssd" {
		t.Errorf("a larger machine has the disk %s", disk(state))
	}
	state = changes(t, env, provider, state, declaredCluster("node_pools.machine_type", "n4-standard-8"), []string{"UpdateNodePool"})
	if disk(state) != "hyperdisk-balanced" {
		t.Errorf("a machine of another family has the disk %s", disk(state))
	}
}
