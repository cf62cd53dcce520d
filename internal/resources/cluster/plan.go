package cluster

import (
	"context"
	"fmt"
	"slices"

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
		checkProtection(state, &resp.Diagnostics)
		return
	}
	owned := planDefaults(ctx, req, resp)
	project := r.planPlace(ctx, req, resp, owned)
	r.provider.PlanEffectiveLabels(ctx, req, resp)
	planWorkloadPool(ctx, project, resp)
	noDrift := types.ListValueMust(types.StringType, []attr.Value{})
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("drift"), noDrift)...)
	repair := state.Status.ValueString() != deploy.ClusterReady || versionDue(ctx, state, resp)
	tf.PlanStatus(ctx, req, resp, repair, path.Root("status"))
	planVersion(ctx, state, resp)
	planMissing(ctx, resp)
	planRescue(state, resp)
	planRolls(ctx, state, resp)
	if len(resp.RequiresReplace) > 0 {
		checkProtection(state, &resp.Diagnostics)
	}
}

// versionDue tells whether the control plane is older than min_version asks for.
func versionDue(ctx context.Context, state model, resp *resource.ModifyPlanResponse) bool {
	var least types.String
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("min_version"), &least)...)
	return !least.IsNull() && !least.IsUnknown() && !state.Version.IsNull() &&
		!deploy.ClusterVersionReached(state.Version.ValueString(), least.ValueString())
}

// planVersion leaves the version open when the apply is to raise it.
func planVersion(ctx context.Context, state model, resp *resource.ModifyPlanResponse) {
	if versionDue(ctx, state, resp) {
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

// checkProtection refuses what would delete a cluster that is protected and can be used: a failed first create must not
// need two applies to be tried again, and what GKE has given up or is deleting cannot be protected any more.
func checkProtection(state model, diags *diag.Diagnostics) {
	unprotected := []string{deploy.ClusterCreating, deploy.ClusterFailed, deploy.ClusterDeleting}
	if !state.DeletionProtection.ValueBool() || slices.Contains(unprotected, state.Status.ValueString()) {
		return
	}
	diags.AddAttributeError(path.Root("deletion_protection"), fmt.Sprintf("Cluster %q is protected", state.Name.ValueString()),
		"This plan would delete it, and deletion_protection is true in the state.\n\n"+
			"If that is what you want, set deletion_protection = false, apply, and then apply the deletion or replacement.")
}
