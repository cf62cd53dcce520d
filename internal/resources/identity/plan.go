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
	checkGrants(m.Grants, &resp.Diagnostics)
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

// checkGrants wants a role and exactly one target in every grant. The schema cannot require the role: the framework
// would miss it in a grant that is not known yet.
func checkGrants(set types.Set, diags *diag.Diagnostics) {
	for _, element := range set.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		if object.Attributes()["role"].IsNull() {
			diags.AddAttributeError(path.Root("grants").AtSetValue(element).AtName("role"), "Missing role",
				"role must be set in every grant, for example role = \"roles/cloudsql.client\".")
		}
		project, secret := object.Attributes()["project"], object.Attributes()["secret"]
		if project.IsUnknown() || secret.IsUnknown() || project.IsNull() != secret.IsNull() {
			continue
		}
		diags.AddAttributeError(path.Root("grants").AtSetValue(element), "One target per grant",
			"A grant is for a project or for a secret: set exactly one of project (\"acme-dev\") and secret (twelvefactor_secret.NAME.id).")
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
	r.provider.PlanProject(ctx, req, resp, path.Root("project"))
	planAccountID(ctx, req, resp, state.ServiceAccountID)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("drift"), stringList(nil))...)
	repair := state.Status.ValueString() != deploy.IdentityReady
	tf.PlanStatus(ctx, req, resp, repair, path.Root("status"))
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
