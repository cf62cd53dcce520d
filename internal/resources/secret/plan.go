package secret

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// ValidateConfig refuses two values, and a value that no version belongs to: it would never be written.
func (r *secretResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var version types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("value_wo_version"), &version)...)
	valueOf(ctx, req.Config, &resp.Diagnostics).check(version, &resp.Diagnostics)
}

// ModifyPlan plans what the provider computes. It depends on configuration, state and provider configuration only.
func (r *secretResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.provider == nil || req.Plan.Raw.IsNull() {
		return
	}
	r.provider.PlanProject(ctx, req, resp, path.Root("project"))
	r.provider.PlanEffectiveLabels(ctx, req, resp)
	var c change
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &c.plan)...)
	value := valueOf(ctx, req.Config, &resp.Diagnostics)
	if !req.State.Raw.IsNull() {
		c.prior = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, c.prior)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if c.needsValue() && value.absent() && !c.plan.ValueWOVersion.IsUnknown() {
		c.refuse(&resp.Diagnostics)
		return
	}
	for name, planned := range c.computed() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), planned)...)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("surplus_versions"), tf.NoVersions())...)
	// A degraded secret without a managed value is nothing that an apply could repair.
	unready := c.prior != nil && slices.Contains([]string{deploy.SecretCreating, deploy.SecretDrifted}, c.prior.Status.ValueString())
	tf.PlanStatus(ctx, req, resp, unready, path.Root("status"))
}

// change is a plan and what was before it; prior is nil for a create.
type change struct {
	plan  model
	prior *model
}

// needsValue tells whether the apply adds a version.
func (c change) needsValue() bool {
	switch version := c.plan.ValueWOVersion; {
	case version.IsNull():
		return false
	case c.prior == nil:
		return true
	default:
		return c.prior.Version.IsNull() || !version.Equal(c.prior.ValueWOVersion)
	}
}

// computed plans id and version.
func (c change) computed() map[string]types.String {
	planned := map[string]types.String{
		"id": types.StringUnknown(), "version": types.StringUnknown(), "version_id": types.StringUnknown(),
	}
	if !c.plan.Project.IsUnknown() && !c.plan.Location.IsUnknown() && !c.plan.Name.IsUnknown() {
		planned["id"] = types.StringValue(c.plan.secretID().String())
	}
	if !c.needsValue() {
		planned["version"], planned["version_id"] = types.StringNull(), types.StringNull()
		if c.prior != nil {
			planned["version"], planned["version_id"] = c.prior.Version, c.prior.VersionID
		}
	}
	return planned
}

// refuse says why a value is needed and is not there, and what else would help.
func (c change) refuse(diags *diag.Diagnostics) {
	version := names.Quote(c.plan.ValueWOVersion.ValueString())
	why := fmt.Sprintf("value_wo_version is %s, but value_wo and value_base64_wo are null, and there is no version yet that could hold the value.", version)
	otherwise := "Without value_wo_version the secret is created empty, and others add versions."
	switch {
	case c.prior == nil:
	case !c.plan.ValueWOVersion.Equal(c.prior.ValueWOVersion):
		why = fmt.Sprintf("value_wo_version changes from %s to %s, which writes a new version, but value_wo and value_base64_wo are null.",
			names.Quote(c.prior.ValueWOVersion.ValueString()), version)
		otherwise = "Or set value_wo_version back: the value may be null while it stays the same."
	case c.prior.Version.IsNull():
		why = fmt.Sprintf("The version that held the value of value_wo_version = %s was disabled or destroyed outside of Terraform, so the "+
			"value has to be written again, but value_wo and value_base64_wo are null.", version)
		otherwise = "A version that was only disabled can be enabled again instead."
	}
	diags.AddAttributeError(path.Root("value_wo_version"), "Missing value_wo", why+"\n\nGive the value for this run, for example with "+
		"TF_VAR_NAME for the ephemeral variable that value_wo refers to. "+otherwise)
}
