package sessionkey

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/sessionkey"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// ValidateConfig refuses raw keys in a ring: nothing can be told from their bytes, so nothing can stand between two of them.
func (r *sessionKeyResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	tf.ValidateSecretStore(ctx, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || config.Encoding.ValueString() != string(sessionkey.Raw) {
		return
	}
	const why = "A key that is raw may contain any byte, so no separator can be told from it, and the payload holds one key alone."
	if !config.Keep.IsUnknown() && (config.Keep.IsNull() || config.Keep.ValueInt64() != 0) {
		resp.Diagnostics.AddAttributeError(path.Root("keep"), "Previous keys cannot be kept with raw keys",
			fmt.Sprintf("%s keep is %s. Set keep = 0, with which every session ends at a rotation, or choose an encoding that is text, for "+
				"example encoding = \"hex\".", why, keepShown(config.Keep)))
	}
	if !config.Separator.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("separator"), "Raw keys have no separator",
			why+" Remove separator, or choose an encoding that is text, for example encoding = \"hex\".")
	}
}

func keepShown(keep types.Int64) string {
	if keep.IsNull() {
		return fmt.Sprintf("not set, which means %d", defaultKeep)
	}
	return keep.String()
}

// ModifyPlan plans what the provider computes. It depends on configuration, state and provider configuration only, never
// on the time: Terraform calls it again when a saved plan is applied, and what differs then is fatal. That a rotation is
// due was decided by Read and is in the state.
func (r *sessionKeyResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		var prior model
		resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
		tf.CheckSecretDestruction(prior.ID, prior.DeletionProtection, prior.unfinished(), &resp.Diagnostics)
		return
	}
	if r.provider == nil {
		return
	}
	r.provider.PlanProject(ctx, req, resp, path.Root("project"))
	r.provider.PlanEffectiveLabels(ctx, req, resp)
	r.provider.PlanSecretStore(ctx, req, resp)
	var c change
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &c.plan)...)
	if !req.State.Raw.IsNull() && len(resp.RequiresReplace) == 0 { // what replaces a secret is created
		c.prior = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, c.prior)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	for name, planned := range c.computed() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), planned)...)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("surplus_versions"), tf.NoVersions())...)
	unready := c.prior != nil && c.prior.Status.ValueString() != deploy.SecretReady
	tf.PlanStatus(ctx, req, resp, unready, path.Root("status"))
}

// change is a plan and what was before it; prior is nil for a create.
type change struct {
	plan  model
	prior *model
}

// rotates tells whether the apply draws a key.
func (c change) rotates() bool {
	switch {
	case c.prior == nil || c.prior.Version.IsNull():
		return true
	case c.prior.Bytes.IsNull(): // a secret made by hand and imported: its payload stays until a rotation is asked for
		return c.due()
	case c.plan.Bytes.IsUnknown() || c.plan.Encoding.IsUnknown() || c.plan.Separator.IsUnknown() || c.plan.RotationTrigger.IsUnknown():
		return true
	default:
		return c.due() || c.prior.settings().NeedsRotation(c.plan.settings())
	}
}

// due tells whether Read has found the rotation due and the plan has not put it off. How far a longer rotate_after puts
// it off only the next Read can tell. An age that is known later leaves a rotation that is due open: the plan is made again
// before the apply, and what it says then must fit what it said now.
func (c change) due() bool {
	since := timeOf(c.prior.RotationDueSince)
	if since.IsZero() || c.plan.RotateAfter.IsNull() {
		return false
	}
	return c.plan.RotateAfter.IsUnknown() || !c.plan.settings().NextRotation(timeOf(c.prior.RotatedAt)).After(since)
}

// computed plans what depends on whether there is a rotation.
func (c change) computed() map[string]types.String {
	planned := map[string]types.String{
		"id":                 types.StringUnknown(),
		"version":            types.StringUnknown(),
		"version_id":         types.StringUnknown(),
		"rotated_at":         types.StringUnknown(),
		"next_rotation":      types.StringUnknown(),
		"rotation_due_since": types.StringNull(),
	}
	if !c.plan.Project.IsUnknown() && !c.plan.Location.IsUnknown() && !c.plan.Name.IsUnknown() {
		planned["id"] = types.StringValue(c.plan.secretID().String())
	}
	switch {
	case c.plan.RotateAfter.IsNull():
		planned["next_rotation"] = types.StringNull()
	case !c.rotates() && !c.plan.RotateAfter.IsUnknown():
		planned["next_rotation"] = timestamp(c.plan.settings().NextRotation(timeOf(c.prior.RotatedAt)))
	}
	if !c.rotates() {
		planned["version"], planned["version_id"] = c.prior.Version, c.prior.VersionID
		planned["rotated_at"] = c.prior.RotatedAt
	}
	return planned
}
