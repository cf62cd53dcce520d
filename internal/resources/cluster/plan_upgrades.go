package cluster

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// heldAtFirst is the reason as long as nothing has been found out: it must be the same when the plan is made and when it
// is applied, so it names nothing that may be known later only.
const heldAtFirst = "Held until a refresh has found out what the other cluster has run."

// planUpgrades plans what becomes of the exclusion. Whether it is due to be lifted, or to come back, Read has decided: only
// that may look at the clock and at the other cluster. A new rule holds until the next refresh, and so does a new release
// channel, in which GKE wants other versions.
func (r *clusterResource) planUpgrades(ctx context.Context, state model, resp *resource.ModifyPlanResponse) {
	var plan model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.checkOtherCluster(ctx, plan, &resp.Diagnostics)
	upgrades := types.ObjectNull(upgradesType.AttrTypes)
	switch {
	case plan.UpgradeAfter.IsUnknown(), !state.Upgrades.IsNull() && (!isFullyKnown(ctx, plan.UpgradeAfter) ||
		!plan.UpgradeAfter.IsNull() && plan.ReleaseChannel.IsUnknown()):
		// What is not known yet may turn out to be what it was, or nothing. A rule that is new holds in any case.
		upgrades = types.ObjectUnknown(upgradesType.AttrTypes)
	case !plan.UpgradeAfter.IsNull():
		upgrades = plannedUpgrades(ctx, plan, state, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("upgrades"), upgrades)...)
}

func plannedUpgrades(ctx context.Context, plan, state model, diags *diag.Diagnostics) types.Object {
	found, ok := upgradesOf(ctx, state.Upgrades, diags)
	if !ok || !plan.UpgradeAfter.Equal(state.UpgradeAfter) || !plan.ReleaseChannel.Equal(state.ReleaseChannel) {
		return upgradesModel{Held: types.BoolValue(true), Reason: types.StringValue(heldAtFirst)}.value(ctx, diags)
	}
	if !found.Due.IsNull() {
		found.Held = types.BoolValue(found.Due.ValueString() != deploy.UpgradeLift)
		found.Due = types.StringNull()
	}
	return found.value(ctx, diags)
}

// checkUpgradeAfter asks for what upgrade_after cannot do without, and for room for one more exclusion.
func checkUpgradeAfter(ctx context.Context, m model, diags *diag.Diagnostics) {
	rule, ok := upgradeRule(ctx, m.UpgradeAfter, diags)
	if !ok {
		return
	}
	at := path.Root("upgrade_after")
	checkSet(rule.Cluster, at.AtName("cluster"), "upgrade_after", "cluster = twelvefactor_cluster.dev.id", diags)
	checkSet(rule.Soak, at.AtName("soak"), "upgrade_after", `soak = "168h"`, diags)
	if m.Maintenance.IsNull() || m.Maintenance.IsUnknown() {
		return
	}
	if exclusions, ok := m.Maintenance.Attributes()["exclusions"].(types.Map); ok && len(exclusions.Elements()) >= maxExclusions {
		diags.AddAttributeError(path.Root("maintenance").AtName("exclusions"), "Too many exclusions", fmt.Sprintf(
			"GKE takes %d exclusions, upgrade_after needs one of them, and %d are declared. Remove those that are over.",
			maxExclusions, len(exclusions.Elements())))
	}
}

// checkOtherCluster refuses a cluster that waits for itself, and warns of two that wait for each other.
func (r *clusterResource) checkOtherCluster(ctx context.Context, plan model, diags *diag.Diagnostics) {
	rule, ok := upgradeRule(ctx, plan.UpgradeAfter, diags)
	if !ok || plan.Project.IsUnknown() || plan.Location.IsUnknown() || plan.Name.IsUnknown() {
		return
	}
	other, err := names.ParseClusterID(rule.Cluster.ValueString())
	switch {
	case err != nil: // not known yet, or refused by the schema
	case other == plan.clusterID():
		diags.AddAttributeError(path.Root("upgrade_after").AtName("cluster"), fmt.Sprintf("Cluster %q waits for itself", plan.Name.ValueString()),
			"Its upgrades would be held until its version's end of support, because no version can soak before it comes. Name the cluster of the "+
				"environment that goes first, such as development's.")
	case r.provider.Cloud != nil:
		tf.AddNotices(diags, r.provider.Cloud.UpgradesWait(plan.clusterID(), other))
	}
}
