package cluster

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// model is the resource as Terraform holds it.
type model struct {
	ID                 types.String   `tfsdk:"id"`
	Name               types.String   `tfsdk:"name"`
	Project            types.String   `tfsdk:"project"`
	Location           types.String   `tfsdk:"location"`
	NodePools          types.Map      `tfsdk:"node_pools"`
	ReleaseChannel     types.String   `tfsdk:"release_channel"`
	Network            types.String   `tfsdk:"network"`
	Subnetwork         types.String   `tfsdk:"subnetwork"`
	Labels             types.Map      `tfsdk:"labels"`
	EffectiveLabels    types.Map      `tfsdk:"effective_labels"`
	DeletionProtection types.Bool     `tfsdk:"deletion_protection"`
	Endpoint           types.String   `tfsdk:"endpoint"`
	CACertificate      types.String   `tfsdk:"ca_certificate"`
	Version            types.String   `tfsdk:"version"`
	WorkloadPool       types.String   `tfsdk:"workload_pool"`
	Status             types.String   `tfsdk:"status"`
	Drift              types.List     `tfsdk:"drift"`
	Timeouts           timeouts.Value `tfsdk:"timeouts"`
}

// poolModel is one element of node_pools.
type poolModel struct {
	MachineType    types.String `tfsdk:"machine_type"`
	Capacity       types.String `tfsdk:"capacity"`
	MinNodes       types.Int32  `tfsdk:"min_nodes"`
	MaxNodes       types.Int32  `tfsdk:"max_nodes"`
	DiskGB         types.Int32  `tfsdk:"disk_gb"`
	Labels         types.Map    `tfsdk:"labels"`
	Taints         types.List   `tfsdk:"taints"`
	ServiceAccount types.String `tfsdk:"service_account"`
}

type taintModel struct {
	Key    types.String `tfsdk:"key"`
	Value  types.String `tfsdk:"value"`
	Effect types.String `tfsdk:"effect"`
}

var (
	taintType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"key": types.StringType, "value": types.StringType, "effect": types.StringType,
	}}
	poolType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"machine_type": types.StringType, "capacity": types.StringType,
		"min_nodes": types.Int32Type, "max_nodes": types.Int32Type, "disk_gb": types.Int32Type,
		"labels": types.MapType{ElemType: types.StringType}, "taints": types.ListType{ElemType: taintType},
		"service_account": types.StringType,
	}}
)

func (m model) clusterID() names.ClusterID {
	return names.ClusterID{
		Project: m.Project.ValueString(), Location: m.Location.ValueString(), Name: m.Name.ValueString(),
	}
}

// pools gives node_pools as Go values, without those that are null or not known yet.
func (m model) pools(ctx context.Context, diags *diag.Diagnostics) map[string]poolModel {
	pools := map[string]poolModel{}
	for key, element := range m.NodePools.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		var pool poolModel
		diags.Append(object.As(ctx, &pool, basetypes.ObjectAsOptions{})...)
		pools[key] = pool
	}
	return pools
}

// expand turns a plan or a state, in which nothing that is asked for here is unknown, into what the use case takes.
func expand(ctx context.Context, m model) (deploy.ClusterSpec, diag.Diagnostics) {
	var diags diag.Diagnostics
	spec := deploy.ClusterSpec{
		ID:             m.clusterID(),
		Pools:          map[string]deploy.PoolSpec{},
		ReleaseChannel: m.ReleaseChannel.ValueString(),
		Network:        m.Network.ValueString(),
		Subnetwork:     m.Subnetwork.ValueString(),
		Labels:         stringMap(ctx, m.EffectiveLabels, &diags),
	}
	for key, pool := range m.pools(ctx, &diags) {
		spec.Pools[key] = expandPool(ctx, pool, &diags)
	}
	return spec, diags
}

func expandPool(ctx context.Context, m poolModel, diags *diag.Diagnostics) deploy.PoolSpec {
	pool := deploy.PoolSpec{
		MachineType:    m.MachineType.ValueString(),
		Capacity:       m.Capacity.ValueString(),
		MinNodes:       m.MinNodes.ValueInt32(),
		MaxNodes:       m.MaxNodes.ValueInt32(),
		DiskGB:         m.DiskGB.ValueInt32(),
		Labels:         stringMap(ctx, m.Labels, diags),
		ServiceAccount: m.ServiceAccount.ValueString(),
	}
	var taints []taintModel
	diags.Append(m.Taints.ElementsAs(ctx, &taints, false)...)
	for _, t := range taints {
		pool.Taints = append(pool.Taints, deploy.NodeTaint{
			Key: t.Key.ValueString(), Value: t.Value.ValueString(), Effect: t.Effect.ValueString(),
		})
	}
	return pool
}

// stringMap gives a map of strings; null and unknown are empty.
func stringMap(ctx context.Context, value types.Map, diags *diag.Diagnostics) map[string]string {
	out := map[string]string{}
	if !value.IsNull() && !value.IsUnknown() {
		diags.Append(value.ElementsAs(ctx, &out, false)...)
	}
	return out
}

// flatten writes what is live into a model. prior is that model before: it keeps null apart from empty, and what
// only Terraform knows.
func flatten(ctx context.Context, live *deploy.ClusterState, prior model, defaults map[string]string) (model, diag.Diagnostics) {
	var diags diag.Diagnostics
	fresh := prior
	fresh.Endpoint, fresh.CACertificate, fresh.Version = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	m := flattenComputed(live, fresh)
	m.Name = types.StringValue(live.ID.Name)
	m.Project = types.StringValue(live.ID.Project)
	m.Location = types.StringValue(live.ID.Location)
	m.ReleaseChannel = types.StringValue(live.ReleaseChannel)
	m.Network = types.StringValue(live.Network)
	m.Subnetwork = tf.StringOrNull(live.Subnetwork)
	m.WorkloadPool = tf.StringOrNull(live.WorkloadPool)
	m.EffectiveLabels = mapValue(ctx, live.Labels, &diags)
	m.Labels = ownLabels(ctx, live.Labels, prior, defaults, &diags)
	drift, more := types.ListValueFrom(ctx, types.StringType, append([]string{}, live.Drift...))
	diags.Append(more...)
	m.Drift = drift
	if m.DeletionProtection.IsNull() {
		m.DeletionProtection = types.BoolValue(false)
	}
	before := prior.pools(ctx, &diags)
	pools := make(map[string]poolModel, len(live.Pools))
	for key, pool := range live.Pools {
		pools[key] = flattenPool(ctx, pool, before[key], &diags)
	}
	value, more := types.MapValueFrom(ctx, poolType, pools)
	diags.Append(more...)
	m.NodePools = value
	return m, diags
}

// flattenComputed fills only what GKE decides, and leaves what was planned as it is. If that does not hold, the next
// refresh shows it.
func flattenComputed(live *deploy.ClusterState, planned model) model {
	m := planned
	m.ID = types.StringValue(live.ID.String())
	m.Endpoint = keep(planned.Endpoint, live.Endpoint)
	m.CACertificate = keep(planned.CACertificate, live.CACertificate)
	m.Version = keep(planned.Version, live.Version)
	m.Status = types.StringValue(live.Status)
	if planned.Subnetwork.IsUnknown() {
		m.Subnetwork = tf.StringOrNull(live.Subnetwork)
	}
	return m
}

func flattenPool(ctx context.Context, live deploy.PoolSpec, prior poolModel, diags *diag.Diagnostics) poolModel {
	m := poolModel{
		MachineType:    types.StringValue(live.MachineType),
		Capacity:       types.StringValue(live.Capacity),
		MinNodes:       types.Int32Value(live.MinNodes),
		MaxNodes:       types.Int32Value(live.MaxNodes),
		DiskGB:         types.Int32Value(live.DiskGB),
		ServiceAccount: tf.StringOrNull(live.ServiceAccount),
		Labels:         types.MapNull(types.StringType),
		Taints:         types.ListNull(taintType),
	}
	if len(live.Labels) > 0 || isEmpty(prior.Labels, len(prior.Labels.Elements())) {
		m.Labels = mapValue(ctx, live.Labels, diags)
	}
	if len(live.Taints) > 0 || isEmpty(prior.Taints, len(prior.Taints.Elements())) {
		taints := make([]taintModel, 0, len(live.Taints))
		for _, t := range live.Taints {
			taints = append(taints, taintModel{
				Key: types.StringValue(t.Key), Value: types.StringValue(t.Value), Effect: types.StringValue(t.Effect),
			})
		}
		value, more := types.ListValueFrom(ctx, taintType, taints)
		diags.Append(more...)
		m.Taints = value
	}
	return m
}

// ownLabels is the attribute labels: the live values of what it held before. An import, which has no before, takes
// every label that is not one of the provider's default labels.
func ownLabels(ctx context.Context, live map[string]string, prior model, defaults map[string]string, diags *diag.Diagnostics) types.Map {
	before := stringMap(ctx, prior.Labels, diags)
	importing := prior.NodePools.IsNull()
	own := map[string]string{}
	for key, value := range live {
		if _, declared := before[key]; declared || importing && defaults[key] != value {
			own[key] = value
		}
	}
	if len(own) == 0 && !isEmpty(prior.Labels, len(prior.Labels.Elements())) {
		return types.MapNull(types.StringType)
	}
	return mapValue(ctx, own, diags)
}

// keep gives what was planned if that is known: a value that GKE changes by itself, such as the version, must not
// contradict the plan. The next refresh shows it.
func keep(planned types.String, live string) types.String {
	if !planned.IsUnknown() && !planned.IsNull() {
		return planned
	}
	return tf.StringOrNull(live)
}

func mapValue(ctx context.Context, m map[string]string, diags *diag.Diagnostics) types.Map {
	value, more := types.MapValueFrom(ctx, types.StringType, m)
	diags.Append(more...)
	return value
}

// isEmpty tells a known value without elements from null.
func isEmpty(v attr.Value, elements int) bool { return !v.IsNull() && !v.IsUnknown() && elements == 0 }
