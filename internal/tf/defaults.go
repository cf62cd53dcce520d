package tf

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
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
		addMissing(at, setting, variables, "resource", &resp.Diagnostics)
		return planned
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, planned)...)
	if !prior.IsNull() && !prior.Equal(planned) {
		resp.RequiresReplace = append(resp.RequiresReplace, at)
	}
	return planned
}

func addMissing(at path.Path, setting string, variables []string, where string, diags *diag.Diagnostics) {
	diags.AddAttributeError(at, "Missing "+at.String(), fmt.Sprintf(
		"It is set nowhere. Set one of: %s in this %s; %s in provider \"twelvefactor\"; the environment variable %s.",
		at, where, setting, strings.Join(variables, " or ")))
}

// ProjectOr gives what a data source's configuration says, or else the provider's project.
func (p *Provider) ProjectOr(configured types.String, at path.Path, diags *diag.Diagnostics) string {
	return configuredOr(configured, p.Project, at, "project", ProjectVariables, diags)
}

// LocationOr does the same for a location, from the provider's region.
func (p *Provider) LocationOr(configured types.String, at path.Path, diags *diag.Diagnostics) string {
	return configuredOr(configured, p.Region, at, "region", RegionVariables, diags)
}

func configuredOr(configured, byDefault types.String, at path.Path, setting string, variables []string, diags *diag.Diagnostics) string {
	switch {
	case !configured.IsNull():
		return configured.ValueString()
	case byDefault.IsUnknown():
		diags.AddAttributeError(at, "Unknown "+at.String(), fmt.Sprintf(
			"It is left out, and the provider's %s is known after apply only, while a data source is read during the plan. Set %s here.", setting, at))
	case byDefault.IsNull():
		addMissing(at, setting, variables, "data source", diags)
	}
	return byDefault.ValueString()
}

// PlanStatus plans the computed attributes at paths as unknown when the plan changes something or when repair is
// due, and as they were otherwise. Planning a status that the apply then does not reach would be fatal. The framework
// leaves them open as soon as a default differs from the state, also where ModifyPlan takes the state's value after all.
func PlanStatus(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, repair bool, paths ...path.Path) {
	if req.Plan.Raw.IsNull() || req.State.Raw.IsNull() {
		return
	}
	unchanged := resp.Plan
	for _, at := range paths {
		var before attr.Value
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, at, &before)...)
		resp.Diagnostics.Append(unchanged.SetAttribute(ctx, at, before)...)
	}
	if !repair && unchanged.Raw.Equal(req.State.Raw) {
		resp.Plan = unchanged
		return
	}
	for _, at := range paths {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, types.StringUnknown())...)
	}
}
