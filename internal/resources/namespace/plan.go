package namespace

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// ModifyPlan plans what the provider computes. It depends on configuration, state and provider configuration only.
func (r *namespaceResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.provider == nil || req.Plan.Raw.IsNull() {
		return
	}
	r.provider.PlanEffectiveLabels(ctx, req, resp)
	var plan model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.check(ctx, &resp.Diagnostics)
	plan.checkLabels(&resp.Diagnostics)
	plan.ID = plan.plannedID()
	plan.Drift = tf.ListOf(nil)
	if !req.State.Raw.IsNull() && len(resp.RequiresReplace) == 0 {
		var prior model
		resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
		plan.Status, plan.Objects = prior.Status, prior.Objects
		resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
		if prior.Status.ValueString() == deploy.NamespaceReady && resp.Plan.Raw.Equal(req.State.Raw) {
			return
		}
	}
	plan.Status, plan.Objects = types.StringUnknown(), types.ListUnknown(types.StringType)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// plannedID is the id as soon as cluster and name are known.
func (m model) plannedID() types.String {
	cluster, err := names.ParseClusterID(m.Cluster.ValueString())
	if err != nil || m.Name.IsUnknown() {
		return types.StringUnknown()
	}
	return types.StringValue(names.KubeNamespaceID{Cluster: cluster, Name: m.Name.ValueString()}.String())
}
