package identity

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// ValidateConfig checks what holds between attributes.
func (*identityResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	checkPlace(m, &resp.Diagnostics)
	checkGrants(ctx, m, &resp.Diagnostics)
}

// checkPlace refuses combinations of cluster, namespace, mode and account that mean nothing.
func checkPlace(m model, diags *diag.Diagnostics) {
	direct := m.Mode.IsNull() || m.Mode.ValueString() == deploy.IdentityDirect
	for _, rule := range []struct {
		broken       bool
		at, sum, det string
	}{
		{
			!m.Cluster.IsNull() && m.Namespace.IsNull(), "namespace", "Missing namespace",
			"cluster is set, so the Kubernetes service account needs a namespace. Set it, for example namespace = \"shop\".",
		},
		{
			m.Cluster.IsNull() && !m.Namespace.IsNull(), "cluster", "Missing cluster",
			"namespace is set, but there is no cluster that it could be in. Set cluster = twelvefactor_cluster.NAME.id, or leave namespace out.",
		},
		{
			m.Cluster.IsNull() && direct && !m.Mode.IsUnknown(), "mode", "Mode \"direct\" needs a cluster",
			"Without a cluster there is no Kubernetes service account whose principal could get the roles. Set cluster and namespace or, for " +
				"a service on Cloud Run, mode = \"service_account\".",
		},
		{
			direct && !m.Mode.IsUnknown() && !m.ServiceAccountID.IsNull(), "service_account_id", "No service account in mode \"direct\"",
			"Mode \"direct\" makes no Google service account. Leave service_account_id out, or set mode = \"service_account\".",
		},
	} {
		if rule.broken {
			diags.AddAttributeError(path.Root(rule.at), rule.sum, rule.det)
		}
	}
}

// ModifyPlan fills in defaults and plans the repair of what is not as it should be. It looks at configuration, state
// and provider only.
func (r *identityResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.provider == nil || req.Plan.Raw.IsNull() {
		return
	}
	var state model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	replaces := len(resp.RequiresReplace)
	r.provider.PlanProject(ctx, req, resp, path.Root("project"))
	var mode types.String
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("mode"), &mode)...)
	if mode.ValueString() == deploy.IdentityDirect {
		resp.RequiresReplace = resp.RequiresReplace[:replaces] // there is no account that is in the project
	}
	planAccountID(ctx, req, resp, state.ServiceAccountID)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("drift"), stringList(nil))...)
	repair := state.Status.ValueString() != deploy.IdentityReady
	paths := []path.Path{path.Root("status")}
	if repair && !state.Email.IsNull() {
		paths = append(paths, path.Root("unique_id")) // an account that cannot be brought back is made anew
	}
	tf.PlanStatus(ctx, req, resp, repair, paths...)
}

// planAccountID derives the account's id from the name where the configuration leaves it out.
func planAccountID(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, prior types.String) {
	var plan, config model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	planned := config.ServiceAccountID
	switch {
	case !planned.IsNull():
	case plan.Mode.IsUnknown():
		planned = types.StringUnknown()
	case plan.Mode.ValueString() == deploy.IdentityDirect:
		planned = types.StringNull()
	case plan.Name.IsUnknown():
		planned = types.StringUnknown()
	default:
		planned = types.StringValue(names.ServiceAccountID(plan.Name.ValueString()))
	}
	at := path.Root("service_account_id")
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, planned)...)
	if !prior.IsNull() && !prior.Equal(planned) {
		resp.RequiresReplace = append(resp.RequiresReplace, at)
	}
}
