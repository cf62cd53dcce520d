package tf

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Environment variables of the provider's configuration, in the order in which they are looked at.
var (
	ProjectVariables = []string{"GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT"}
	RegionVariables  = []string{"GOOGLE_REGION"}
)

// PlanProject fills the attribute at p from the provider's project when the configuration leaves it out, and plans a
// replacement when that is another project than before. It gives the planned value.
func (p *Provider) PlanProject(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, at path.Path) types.String {
	return p.planDefault(ctx, req, resp, at, "project", ProjectVariables)
}

// PlanLocation does the same for a location, from the provider's region.
func (p *Provider) PlanLocation(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, at path.Path) types.String {
	return p.planDefault(ctx, req, resp, at, "region", RegionVariables)
}

func (p *Provider) planDefault(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
	at path.Path, setting string, variables []string,
) types.String {
	var configured, prior types.String
	if p == nil || req.Plan.Raw.IsNull() {
		return types.StringNull()
	}
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, at, &configured)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, at, &prior)...)
	}
	planned := configured
	if configured.IsNull() {
		planned = p.Project
		if setting == "region" {
			planned = p.Region
		}
		if planned.IsUnknown() && !prior.IsNull() {
			planned = prior // a value that is not known yet is no reason to replace what exists
		}
	}
	if planned.IsNull() {
		resp.Diagnostics.AddAttributeError(at, "Missing "+at.String(), fmt.Sprintf(
			"It is set nowhere. Set one of: %s in this resource; %s in provider \"twelvefactor\"; the environment variable %s.",
			at, setting, strings.Join(variables, " or ")))
		return planned
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, planned)...)
	if !prior.IsNull() && !prior.Equal(planned) {
		resp.RequiresReplace = append(resp.RequiresReplace, at)
	}
	return planned
}

// PlanStatus plans the computed attributes at paths as unknown when the plan changes something or when repair is
// due, and leaves them as they were otherwise. Planning a status that the apply then does not reach would be fatal.
func PlanStatus(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, repair bool, paths ...path.Path) {
	if req.Plan.Raw.IsNull() || req.State.Raw.IsNull() {
		return
	}
	if !repair && resp.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	for _, at := range paths {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, types.StringUnknown())...)
	}
}
