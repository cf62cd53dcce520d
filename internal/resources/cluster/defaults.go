package cluster

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// originKey of the private state tells that this provider made the cluster, so that its defaults hold wherever the
// configuration says nothing. An imported cluster, and one whose private state was lost, keep what they have.
const (
	originKey     = "origin"
	originCreated = `"created"`
)

// clusterDefaults are what attributes have that the configuration leaves out.
var clusterDefaults = map[string]attr.Value{
	"release_channel":      types.StringValue("regular"),
	"private_nodes":        types.BoolValue(true),
	"dns_endpoint":         types.BoolValue(true),
	"public_endpoint":      types.BoolValue(true),
	"authorized_networks":  types.MapNull(types.StringType),
	"gateway_api":          types.BoolValue(true),
	"maintenance":          types.ObjectNull(maintenanceType.AttrTypes),
	"managed_prometheus":   types.BoolValue(true),
	"secret_manager_csi":   types.BoolValue(true),
	"binary_authorization": types.StringValue("disabled"),
	"shielded_nodes":       types.BoolValue(true),
	"security_posture":     types.StringValue("basic"),
	"fleet_project":        types.StringNull(),
	"labels":               types.MapNull(types.StringType),
}

// firstDefaults are what only a new cluster gets: it cannot change later, or GKE decides it (unknown).
var firstDefaults = map[string]attr.Value{
	"network":        types.StringValue("default"),
	"pods_range":     types.StringUnknown(),
	"services_range": types.StringUnknown(),
	"dataplane_v2":   types.BoolValue(true),
	"logging":        types.SetUnknown(types.StringType),
	"monitoring":     types.SetUnknown(types.StringType),
}

// planDefaults fills in what the configuration leaves out, in the cluster and in each of its pools. It tells whether
// this provider's defaults hold.
func planDefaults(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) (owned bool) {
	origin, diags := req.Private.GetKey(ctx, originKey)
	resp.Diagnostics.Append(diags...)
	owned = req.State.Raw.IsNull() || string(origin) == originCreated
	for name, value := range clusterDefaults {
		planDefault(ctx, req, resp, path.Root(name), value, owned)
	}
	for name, value := range firstDefaults {
		planDefault(ctx, req, resp, path.Root(name), value, req.State.Raw.IsNull())
	}
	planPoolDefaults(ctx, req, resp, owned)
	return owned
}

// planPlace plans project and location, and gives the project. The provider's are defaults of clusters that it makes: an
// imported one stays where it is.
func (r *clusterResource) planPlace(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, owned bool,
) (project types.String) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if at := path.Root("project"); owned || !config.Project.IsNull() {
		r.provider.PlanProject(ctx, req, resp, at)
	} else {
		planDefault(ctx, req, resp, at, config.Project, false)
	}
	if at := path.Root("location"); owned || !config.Location.IsNull() {
		r.provider.PlanLocation(ctx, req, resp, at)
	} else {
		planDefault(ctx, req, resp, at, config.Location, false)
	}
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("project"), &project)...)
	return project
}

// planDefault plans a default, or what is in the state where the default does not hold.
func planDefault(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, at path.Path, value attr.Value, holds bool,
) {
	var configured attr.Value
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, at, &configured)...)
	if configured == nil || !configured.IsNull() {
		return
	}
	if !holds {
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, at, &value)...)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, value)...)
}

// planPoolDefaults does it for the node pools. A pool that is not known as a whole stays so.
func planPoolDefaults(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, owned bool) {
	var config, plan, state model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() || plan.NodePools.IsUnknown() || config.NodePools.IsUnknown() {
		return
	}
	pools := map[string]attr.Value{}
	for key, element := range plan.NodePools.Elements() {
		pools[key] = element
		written, isKnown := config.NodePools.Elements()[key].(types.Object)
		if !isKnown || written.IsNull() || written.IsUnknown() {
			continue
		}
		before, exists := state.NodePools.Elements()[key].(types.Object)
		pool := poolPlan{written: written.Attributes(), private: plan.PrivateNodes, owned: owned, exists: exists}
		if exists {
			pool.before = before.Attributes()
		}
		pools[key] = pool.object(element, &resp.Diagnostics)
	}
	value, diags := types.MapValue(poolType, pools)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("node_pools"), value)...)
}

// poolPlan is what the plan of one pool depends on.
type poolPlan struct {
	written, before map[string]attr.Value // configuration and state
	private         types.Bool            // of the cluster, as planned
	owned, exists   bool
}

func (p poolPlan) object(planned attr.Value, diags *diag.Diagnostics) attr.Value {
	object, ok := planned.(types.Object)
	if !ok || object.IsNull() {
		return planned
	}
	attributes := map[string]attr.Value{}
	for name, value := range p.written {
		if attributes[name] = value; value.IsNull() {
			attributes[name] = p.value(name, value)
		}
	}
	// Inside of what is written there are defaults too: the framework has filled them in.
	for _, name := range []string{"taints", "upgrade"} {
		if !p.written[name].IsNull() && object.Attributes()[name] != nil {
			attributes[name] = object.Attributes()[name]
		}
	}
	attributes["upgrade"] = planUpgrade(p.written["upgrade"], attributes["upgrade"], diags)
	value, more := types.ObjectValue(poolType.AttrTypes, attributes)
	diags.Append(more...)
	return value
}

// value is what an attribute has that the configuration leaves out.
func (p poolPlan) value(name string, null attr.Value) attr.Value {
	open := map[string]attr.Value{
		"zones": types.SetUnknown(types.StringType), "disk_type": types.StringUnknown(), "max_pods_per_node": types.Int32Unknown(),
	}
	unset, isOpen := open[name]
	scale := []string{"min_nodes", "max_nodes", "min_nodes_per_zone", "max_nodes_per_zone"}
	switch {
	case slices.Contains(scale, name):
		return p.scale(name, null)
	case name == "disk_type" && p.exists && p.otherFamily():
		return unset
	case p.exists && (isOpen || !p.owned):
		return p.before[name]
	case isOpen:
		return unset
	}
	switch name {
	case "capacity":
		return types.StringValue(deploy.PoolOnDemand)
	case "isolate":
		return types.BoolValue(true)
	case "location_policy":
		return p.locationPolicy()
	case "disk_gb":
		return types.Int32Value(defaultDiskGB)
	case "private_nodes":
		return p.private
	case "upgrade":
		return types.ObjectValueMust(upgradeType.AttrTypes, map[string]attr.Value{
			"max_surge": types.Int32Value(1), "max_unavailable": types.Int32Value(0), "blue_green": types.ObjectNull(blueGreenType.AttrTypes),
		})
	default:
		return null
	}
}

// otherFamily tells whether the machines become ones of another family, or may: not every family takes every disk.
func (p poolPlan) otherFamily() bool {
	before, _ := p.before["machine_type"].(types.String)
	after, _ := p.written["machine_type"].(types.String)
	return after.IsUnknown() || !deploy.SameMachineFamily(before.ValueString(), after.ValueString())
}

// scale gives the lower bound that fits the upper one, in total or per zone; the other pair stays null.
func (p poolPlan) scale(name string, null attr.Value) attr.Value {
	upper := map[string]string{"min_nodes": "max_nodes", "min_nodes_per_zone": "max_nodes_per_zone"}[name]
	switch {
	case upper == "" || p.written[upper].IsNull():
		return null
	case p.written[upper].IsUnknown():
		return types.Int32Unknown() // with an upper bound that turns out to be null it is null too
	}
	if before := p.before[name]; p.exists && !p.owned && !before.IsNull() {
		return before
	}
	return types.Int32Value(0)
}

func (p poolPlan) locationPolicy() attr.Value {
	capacity, ok := p.written["capacity"].(types.String)
	switch {
	case !ok || capacity.IsUnknown():
		return types.StringUnknown()
	case capacity.IsNull():
		return types.StringValue(deploy.DefaultLocationPolicy(deploy.PoolOnDemand))
	default:
		return types.StringValue(deploy.DefaultLocationPolicy(capacity.ValueString()))
	}
}

// planUpgrade completes the counts of a surge that are not written, and leaves them null beside blue_green.
func planUpgrade(written, planned attr.Value, diags *diag.Diagnostics) attr.Value {
	object, isObject := planned.(types.Object)
	config, isWritten := written.(types.Object)
	if !isObject || !isWritten || config.IsNull() || config.IsUnknown() {
		return planned
	}
	attributes := maps.Clone(object.Attributes())
	blueGreen := config.Attributes()["blue_green"]
	for name, byDefault := range map[string]int32{"max_surge": 1, "max_unavailable": 0} {
		switch {
		case !config.Attributes()[name].IsNull():
		case blueGreen.IsNull():
			attributes[name] = types.Int32Value(byDefault)
		case blueGreen.IsUnknown():
			attributes[name] = types.Int32Unknown()
		default:
			attributes[name] = types.Int32Null()
		}
	}
	value, more := types.ObjectValue(upgradeType.AttrTypes, attributes)
	diags.Append(more...)
	return value
}
