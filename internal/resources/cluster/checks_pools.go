package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// maxNodeLabels is how many characters the labels of one pool may have together.
// Source: google.container.v1, NodeConfig.labels.
const maxNodeLabels = 1024

// checkPools asks for what a pool cannot do without, and holds the rules between its fields. What is not known yet is
// not judged.
func checkPools(ctx context.Context, m model, diags *diag.Diagnostics) {
	pools := m.pools(ctx, diags)
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		at, pool := path.Root("node_pools").AtMapKey(key), pools[key]
		checkSet(pool.MachineType, at.AtName("machine_type"), fmt.Sprintf("node pool %q", key), `machine_type = "e2-standard-4"`, diags)
		checkScale(key, pool, at, diags)
		checkTaints(key, pool, at.AtName("taints"), diags)
		checkZones(key, pool, m.Location, at.AtName("zones"), diags)
		checkUpgrade(ctx, key, pool, at.AtName("upgrade"), diags)
		checkLabelBudget(key, pool, at, diags)
	}
}

// checkScale wants the bounds in total or per zone, and the lower one below the upper one.
func checkScale(key string, pool poolModel, at path.Path, diags *diag.Diagnostics) {
	where := fmt.Sprintf("node pool %q", key)
	total, perZone := isSet(pool.MinNodes) || isSet(pool.MaxNodes), isSet(pool.MinNodesPerZone) || isSet(pool.MaxNodesPerZone)
	open := pool.MaxNodes.IsUnknown() || pool.MaxNodesPerZone.IsUnknown()
	switch {
	case total && perZone:
		diags.AddAttributeError(at.AtName("max_nodes_per_zone"), "Bounds in total and per zone", fmt.Sprintf(
			"Pool %q has both kinds of bounds, and GKE's autoscaler takes one. Keep min_nodes and max_nodes (totals over all zones), or "+
				"min_nodes_per_zone and max_nodes_per_zone.", key))
	case perZone:
		checkSet(pool.MaxNodesPerZone, at.AtName("max_nodes_per_zone"), where, "max_nodes_per_zone = 2", diags)
		checkBounds(key, at, "min_nodes_per_zone", "max_nodes_per_zone", pool.MinNodesPerZone, pool.MaxNodesPerZone, "Both are for each zone.", diags)
	case total || !open:
		checkSet(pool.MaxNodes, at.AtName("max_nodes"), where, "max_nodes = 3", diags)
		checkBounds(key, at, "min_nodes", "max_nodes", pool.MinNodes, pool.MaxNodes, "Both are totals over all zones.", diags)
	}
}

// isSet tells whether a value is known and there: what is not known yet may turn out to be null.
func isSet(value attr.Value) bool { return !value.IsNull() && !value.IsUnknown() }

func checkBounds(key string, at path.Path, low, high string, least, most types.Int32, meaning string, diags *diag.Diagnostics) {
	if least.IsUnknown() || most.IsUnknown() || most.IsNull() || least.ValueInt32() <= most.ValueInt32() {
		return
	}
	diags.AddAttributeError(at.AtName(low), low+" is above "+high, fmt.Sprintf(
		"Pool %q has %s = %d and %s = %d. %s Lower %s, or raise %s to at least %d.",
		key, low, least.ValueInt32(), high, most.ValueInt32(), meaning, low, high, least.ValueInt32()))
}

// checkZones wants the zones of a pool in the region of the cluster.
func checkZones(key string, pool poolModel, location types.String, at path.Path, diags *diag.Diagnostics) {
	if location.IsNull() || location.IsUnknown() {
		return
	}
	region := location.ValueString()
	if names.IsZone(region) {
		region = region[:strings.LastIndex(region, "-")]
	}
	for _, element := range pool.Zones.Elements() {
		zone, ok := element.(types.String)
		if ok && !zone.IsNull() && !zone.IsUnknown() && !strings.HasPrefix(zone.ValueString(), region+"-") {
			diags.AddAttributeError(at, "Zone outside of the cluster's region", fmt.Sprintf(
				"Pool %q has the zone %s, and the cluster is in %s. Name zones of that region, such as %q.",
				key, names.Quote(zone.ValueString()), region, region+"-b"))
		}
	}
}

// checkUpgrade wants one way of replacing nodes.
func checkUpgrade(ctx context.Context, key string, pool poolModel, at path.Path, diags *diag.Diagnostics) {
	var upgrade upgradeModel
	if pool.Upgrade.IsNull() || pool.Upgrade.IsUnknown() {
		return
	}
	diags.Append(pool.Upgrade.As(ctx, &upgrade, basetypes.ObjectAsOptions{})...)
	if upgrade.BlueGreen.IsNull() {
		if upgrade.MaxSurge.Equal(types.Int32Value(0)) && (upgrade.MaxUnavailable.IsNull() || upgrade.MaxUnavailable.Equal(types.Int32Value(0))) {
			diags.AddAttributeError(at, "No way to replace a node", fmt.Sprintf(
				"Pool %q allows neither a node more (max_surge = 0) nor a node less (max_unavailable = 0). Set one of them to at least 1.", key))
		}
		return
	}
	if upgrade.BlueGreen.IsUnknown() {
		return
	}
	if isSet(upgrade.MaxSurge) || isSet(upgrade.MaxUnavailable) {
		diags.AddAttributeError(at.AtName("blue_green"), "Two ways to replace nodes", fmt.Sprintf(
			"Pool %q has blue_green beside max_surge or max_unavailable. Keep one of the two.", key))
	}
	var plan blueGreenModel
	diags.Append(upgrade.BlueGreen.As(ctx, &plan, basetypes.ObjectAsOptions{})...)
	if plan.BatchNodes.IsNull() == plan.BatchPercent.IsNull() && !plan.BatchNodes.IsUnknown() && !plan.BatchPercent.IsUnknown() {
		diags.AddAttributeError(at.AtName("blue_green"), "One size of a batch", fmt.Sprintf(
			"Exactly one of batch_nodes and batch_percent must be set in blue_green of node pool %q, for example batch_percent = 20.", key))
	}
}

func checkTaints(key string, pool poolModel, at path.Path, diags *diag.Diagnostics) {
	for i, element := range pool.Taints.Elements() {
		taint, ok := element.(types.Object)
		if !ok || taint.IsNull() || taint.IsUnknown() {
			continue
		}
		where := fmt.Sprintf("taint %d of node pool %q", i+1, key)
		checkSet(taint.Attributes()["key"], at.AtListIndex(i).AtName("key"), where, `key = "acme.example/team"`, diags)
		checkSet(taint.Attributes()["effect"], at.AtListIndex(i).AtName("effect"), where, `effect = "NoSchedule"`, diags)
	}
}

// checkSet asks for a value inside of an object that is known.
func checkSet(value attr.Value, at path.Path, where, example string, diags *diag.Diagnostics) {
	if value.IsNull() {
		name, _, _ := strings.Cut(example, " ")
		diags.AddAttributeError(at, "Missing "+name, fmt.Sprintf("%s must be set in %s, for example %s.", name, where, example))
	}
}

func checkLabelBudget(key string, pool poolModel, at path.Path, diags *diag.Diagnostics) {
	total := len(names.KubePool) + len(key) + len(names.KubeCapacity) + len(pool.Capacity.ValueString())
	for label, value := range pool.Labels.Elements() {
		total += len(label) + len(strings.Trim(value.String(), `"`))
	}
	if total > maxNodeLabels {
		diags.AddAttributeError(at.AtName("labels"), "Too many node labels", fmt.Sprintf(
			"The labels of pool %q have %d characters together with the provider's own; GKE takes %d. Remove or shorten some.",
			key, total, maxNodeLabels))
	}
}
