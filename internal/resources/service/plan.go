package service

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// ModifyPlan plans what the provider computes, and that a service which moves is made anew. It depends on
// configuration, state and provider configuration only: Terraform calls it again when a saved plan is applied, and what
// differs then is fatal. The live APIs are asked last, to refuse or to warn.
func (r *serviceResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.provider == nil || req.Plan.Raw.IsNull() {
		return
	}
	var c change
	if !req.State.Raw.IsNull() {
		c.prior = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, c.prior)...)
	}
	r.planPlace(ctx, req, resp, c.prior)
	r.provider.PlanEffectiveLabels(ctx, req, resp)
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &c.plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.RequiresReplace = append(resp.RequiresReplace, c.moves(ctx, &resp.Diagnostics)...)
	resp.Diagnostics.Append(refusals(ctx, resp.Plan.Raw, c.plan, r.provider)...)
	c.tellOwnership(ctx, resp.Plan.Raw, &resp.Diagnostics)
	moved := len(resp.RequiresReplace) > 0
	planned := c.computed(ctx, moved, &resp.Diagnostics)
	if c.prior != nil && !moved && c.prior.settled() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, c.unchanged(planned))...)
		if resp.Plan.Raw.Equal(req.State.Raw) {
			return
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, planned)...)
	if !moved { // one that moves is planned once more, as a create
		r.checkLive(ctx, c, planned, &resp.Diagnostics)
	}
}

// refusals are the errors in a plan, where more is known than in the configuration. Warnings were given there.
func refusals(ctx context.Context, raw tftypes.Value, m model, provider *tf.Provider) diag.Diagnostics {
	var diags diag.Diagnostics
	checkApp(ctx, raw, m, provider, &diags)
	checkPlace(ctx, m, &diags)
	return diags.Errors()
}

// planPlace fills in project and location: on GKE the project is the cluster's, else both default to the provider's.
func (r *serviceResource) planPlace(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, prior *model) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	switch {
	case resp.Diagnostics.HasError():
	case config.GKE.IsUnknown() || config.CloudRun.IsUnknown() || !config.GKE.IsNull():
		project := config.Project
		if project.IsNull() {
			project = clusterProject(ctx, config, &resp.Diagnostics)
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("project"), project)...)
		if prior != nil && !prior.Project.Equal(project) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("project"))
		}
	case !config.CloudRun.IsNull():
		at := path.Root("cloud_run").AtName("location")
		r.provider.PlanProject(ctx, req, resp, path.Root("project"))
		location := r.provider.PlanLocation(ctx, req, resp, at)
		if err := checkRegion(location.ValueString()); err != nil && location.ValueString() != "" {
			resp.Diagnostics.AddAttributeError(at, "Location is not a region", "It comes from cloud_run.location or the provider's region: "+err.Error()+".")
		}
	}
}

// clusterProject is the project in the cluster's id, unknown as long as that is.
func clusterProject(ctx context.Context, m model, diags *diag.Diagnostics) types.String {
	g, _ := tf.Object[gkeModel](ctx, m.GKE, diags)
	cluster, err := names.ParseClusterID(g.Cluster.ValueString())
	if err != nil {
		return types.StringUnknown()
	}
	return types.StringValue(cluster.Project)
}

// change is a plan and what was before it; prior is nil for a create.
type change struct {
	plan  model
	prior *model
}

// moves gives the attributes whose change takes the service to another place, where it has to be made anew, except
// project and location, which have defaults and are planned with them. A value that is not known yet may be another
// place: the id of a cluster that is updated in place is known.
func (c change) moves(ctx context.Context, diags *diag.Diagnostics) path.Paths {
	if c.prior == nil {
		return nil
	}
	var moved path.Paths
	compare := func(before, after attr.Value, at path.Path) {
		if !before.Equal(after) {
			moved = append(moved, at)
		}
	}
	compare(c.prior.Name, c.plan.Name, path.Root("name"))
	compare(presence(c.prior.GKE), presence(c.plan.GKE), path.Root("gke"))
	compare(presence(c.prior.CloudRun), presence(c.plan.CloudRun), path.Root("cloud_run"))
	before, wasOnGKE := tf.Object[gkeModel](ctx, c.prior.GKE, diags)
	after, isOnGKE := tf.Object[gkeModel](ctx, c.plan.GKE, diags)
	if wasOnGKE && isOnGKE {
		compare(before.Cluster, after.Cluster, path.Root("gke").AtName("cluster"))
		compare(namespaceOf(*c.prior, before), namespaceOf(c.plan, after), path.Root("gke").AtName("namespace"))
	}
	return moved
}

func presence(o types.Object) types.Bool {
	if o.IsUnknown() {
		return types.BoolUnknown()
	}
	return types.BoolValue(!o.IsNull())
}

// namespaceOf is the namespace with its default.
func namespaceOf(m model, g gkeModel) types.String {
	if g.Namespace.IsNull() {
		return m.Name
	}
	return g.Namespace
}

// computed gives the plan with everything that the provider computes.
func (c change) computed(ctx context.Context, moved bool, diags *diag.Diagnostics) model {
	m := c.plan
	a, more := expand(ctx, m)
	diags.Append(more...)
	m.ID = m.plannedID(ctx, a, diags)
	m.ReleaseID = types.StringUnknown()
	if m.releaseKnown(ctx, diags) {
		m.ReleaseID = types.StringValue(app.ReleaseID(a))
	}
	m.Drift = tf.ListOf(nil)
	m.URL, m.Status, m.Objects = c.url(ctx, moved, diags), types.StringUnknown(), types.ListUnknown(types.StringType)
	m.ImageDigest = types.StringUnknown()
	return m
}

// url is known when the service keeps the one that it has, and when it is to have none.
func (c change) url(ctx context.Context, moved bool, diags *diag.Diagnostics) types.String {
	run, _ := tf.Object[runModel](ctx, c.plan.CloudRun, diags)
	switch {
	case run.DefaultURIDisabled.ValueBool():
		return types.StringNull()
	case run.DefaultURIDisabled.IsUnknown(), c.prior == nil, moved:
		return types.StringUnknown()
	case c.prior.webDeclared() == c.plan.webDeclared() && !c.prior.URL.IsNull():
		return c.prior.URL
	default:
		return types.StringUnknown()
	}
}

// settled tells that there is nothing left to be done about the state's release.
func (m model) settled() bool {
	return m.Status.ValueString() == deploy.ServiceReady || m.Status.ValueString() == deploy.ServiceUnavailable
}

// unchanged is the plan if it changes nothing.
func (c change) unchanged(planned model) model {
	planned.URL, planned.Status, planned.Objects = c.prior.URL, c.prior.Status, c.prior.Objects
	planned.ImageDigest = c.prior.ImageDigest
	if sameFiles(planned.ConfigFiles, c.prior.ConfigFiles) {
		planned.ConfigFiles = c.prior.ConfigFiles
	}
	return planned
}

// plannedID is the id as soon as all of its parts are known.
func (m model) plannedID(ctx context.Context, a app.App, diags *diag.Diagnostics) types.String {
	parts := []types.String{m.Name, m.Project}
	if g, ok := tf.Object[gkeModel](ctx, m.GKE, diags); ok {
		parts = append(parts, g.Cluster, g.Namespace)
	}
	if r, ok := tf.Object[runModel](ctx, m.CloudRun, diags); ok {
		parts = append(parts, r.Location)
	}
	for _, part := range parts {
		if part.IsUnknown() {
			return types.StringUnknown()
		}
	}
	id, err := deploy.ServiceID(a)
	if err != nil {
		return types.StringUnknown()
	}
	return types.StringValue(id)
}

// releaseKnown tells whether everything that a release consists of is known.
func (m model) releaseKnown(ctx context.Context, diags *diag.Diagnostics) bool {
	parts := []attr.Value{m.Image, m.ImageOwner, m.Config, m.Secrets, m.Sidecars, m.ConfigFiles, m.SecretFiles}
	if m.Processes.IsUnknown() {
		return false
	}
	for _, value := range m.Processes.Elements() {
		object, _ := value.(types.Object)
		if object.IsUnknown() {
			return false
		}
		if p, ok := tf.Object[processModel](ctx, object, diags); ok {
			parts = append(parts, p.Command, p.Args)
		}
	}
	for _, part := range parts {
		raw, err := part.ToTerraformValue(ctx)
		if err != nil || !raw.IsFullyKnown() {
			return false
		}
	}
	return true
}
