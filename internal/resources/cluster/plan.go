package cluster

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// ModifyPlan fills in the provider's defaults, plans the repair of what is not as it should be, and refuses to delete
// or replace a protected cluster. It looks at configuration, state and provider only.
func (r *clusterResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var state model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if req.Plan.Raw.IsNull() {
		checkProtection(ctx, state, req.Private, &resp.Diagnostics)
		return
	}
	owned := planDefaults(ctx, req, resp)
	project := r.planPlace(ctx, req, resp, owned)
	r.provider.PlanEffectiveLabels(ctx, req, resp)
	planWorkloadPool(ctx, project, resp)
	r.planUpgrades(ctx, state, resp)
	noDrift := types.ListValueMust(types.StringType, []attr.Value{})
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("drift"), noDrift)...)
	repair := state.Status.ValueString() != deploy.ClusterReady || versionDue(ctx, state, resp)
	tf.PlanStatus(ctx, req, resp, repair, path.Root("status"))
	planVersion(ctx, state, resp)
	planMissing(ctx, resp)
	planRescue(state, resp)
	checkPlannedZones(ctx, req, resp)
	planSoaks(ctx, state, resp)
	switch {
	case !replaces(ctx, state, req.Private, resp):
		planRolls(ctx, state, resp)
	case !givenUp(ctx, state, resp):
		checkProtection(ctx, state, req.Private, &resp.Diagnostics)
	}
}

// checkPlannedZones judges the zones of pools where the location comes from the provider, which a validation does not know.
func checkPlannedZones(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var config, plan model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || !config.Location.IsNull() {
		return
	}
	for key, pool := range config.pools(ctx, &resp.Diagnostics) {
		checkZones(key, pool, plan.Location, path.Root("node_pools").AtMapKey(key).AtName("zones"), &resp.Diagnostics)
	}
}

// replaces tells whether the plan makes another cluster. What the attributes' own modifiers ask for is not in resp.
func replaces(ctx context.Context, state model, private privateState, resp *resource.ModifyPlanResponse) bool {
	var plan model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if state.Name.IsNull() || resp.Diagnostics.HasError() {
		return false
	}
	project, ranges := state.Project.ValueString(), keptRanges(ctx, private)
	return len(resp.RequiresReplace) > 0 || !plan.Name.Equal(state.Name) ||
		isSet(plan.DataplaneV2) && !plan.DataplaneV2.Equal(state.DataplaneV2) ||
		isOtherNetwork(state.Network, plan.Network, project) || isOtherNetwork(state.Subnetwork, plan.Subnetwork, project) ||
		isOtherRange(state.PodsRange, plan.PodsRange, ranges["pods_range"]) ||
		isOtherRange(state.ServicesRange, plan.ServicesRange, ranges["services_range"])
}

// versionDue tells whether the control plane is older than min_version asks for.
func versionDue(ctx context.Context, state model, resp *resource.ModifyPlanResponse) bool {
	var least types.String
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("min_version"), &least)...)
	return !least.IsNull() && !least.IsUnknown() && !state.Version.IsNull() &&
		!deploy.ClusterVersionReached(state.Version.ValueString(), least.ValueString())
}

// planVersion leaves the version open when the apply is to raise it, or may be.
func planVersion(ctx context.Context, state model, resp *resource.ModifyPlanResponse) {
	var least types.String
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("min_version"), &least)...)
	if least.IsUnknown() || versionDue(ctx, state, resp) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("version"), types.StringUnknown())...)
	}
}

func planWorkloadPool(ctx context.Context, project types.String, resp *resource.ModifyPlanResponse) {
	if project.IsNull() {
		return
	}
	pool := types.StringUnknown()
	if !project.IsUnknown() {
		pool = types.StringValue(names.WorkloadPool(project.ValueString()))
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("workload_pool"), pool)...)
}

// planRescue replaces a cluster that no update can bring back: one that GKE has given up, or that somebody deletes.
func planRescue(state model, resp *resource.ModifyPlanResponse) {
	if status := state.Status.ValueString(); status == deploy.ClusterFailed || status == deploy.ClusterDeleting {
		resp.RequiresReplace.Append(path.Root("status"))
	}
}

// planMissing leaves open what GKE had not decided yet when an interrupted create was recorded, once the plan changes
// something: null in a plan is a promise.
func planMissing(ctx context.Context, resp *resource.ModifyPlanResponse) {
	var plan model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if !plan.Status.IsUnknown() {
		return
	}
	for name, value := range map[string]types.String{
		"ca_certificate": plan.CACertificate, "endpoint": plan.Endpoint, "subnetwork": plan.Subnetwork, "version": plan.Version,
		"pods_range": plan.PodsRange, "services_range": plan.ServicesRange,
	} {
		if value.IsNull() {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
	}
}

// servedKey of the private state tells that the cluster was ready once.
const servedKey = "served"

// checkProtection refuses what would delete a cluster that is protected and was ever ready, whatever is wrong with it now:
// people decide then. A failed first create must not need two applies to be tried again, and what GKE is deleting cannot be
// protected any more.
func checkProtection(ctx context.Context, state model, private privateState, diags *diag.Diagnostics) {
	served, more := private.GetKey(ctx, servedKey)
	diags.Append(more...)
	status := state.Status.ValueString()
	neverReady := len(served) == 0 && (status == deploy.ClusterCreating || status == deploy.ClusterFailed)
	if !state.DeletionProtection.ValueBool() || neverReady || status == deploy.ClusterDeleting {
		return
	}
	why := "This plan would delete it, and deletion_protection is true in the state."
	fix := "If that is what you want, set deletion_protection = false, apply, and then apply the deletion or replacement."
	if status == deploy.ClusterFailed {
		why = "GKE reports that it has failed and cannot be used, so this plan makes it anew. It was ready once, and deletion_protection is true in the state."
		fix = "If nothing on it is to be saved, set deletion_protection = false and apply: that deletes it and makes it anew."
	}
	diags.AddAttributeError(path.Root("deletion_protection"), fmt.Sprintf("Cluster %q is protected", state.Name.ValueString()), why+"\n\n"+fix)
}

// givenUp tells whether this plan takes the protection off a cluster that has failed: no update could do that first.
func givenUp(ctx context.Context, state model, resp *resource.ModifyPlanResponse) bool {
	var planned types.Bool
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("deletion_protection"), &planned)...)
	return state.Status.ValueString() == deploy.ClusterFailed && planned.Equal(types.BoolValue(false))
}

// keepServed records that a cluster is ready.
func keepServed(ctx context.Context, private privateState, status string, diags *diag.Diagnostics) {
	if status == deploy.ClusterReady {
		diags.Append(private.SetKey(ctx, servedKey, []byte("true"))...)
	}
}
