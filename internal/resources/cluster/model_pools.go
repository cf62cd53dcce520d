package cluster

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// poolModel is one element of node_pools.
type poolModel struct {
	MachineType     types.String `tfsdk:"machine_type"`
	Capacity        types.String `tfsdk:"capacity"`
	Isolate         types.Bool   `tfsdk:"isolate"`
	MinNodes        types.Int32  `tfsdk:"min_nodes"`
	MaxNodes        types.Int32  `tfsdk:"max_nodes"`
	MinNodesPerZone types.Int32  `tfsdk:"min_nodes_per_zone"`
	MaxNodesPerZone types.Int32  `tfsdk:"max_nodes_per_zone"`
	LocationPolicy  types.String `tfsdk:"location_policy"`
	Zones           types.Set    `tfsdk:"zones"`
	DiskGB          types.Int32  `tfsdk:"disk_gb"`
	DiskType        types.String `tfsdk:"disk_type"`
	Labels          types.Map    `tfsdk:"labels"`
	Taints          types.List   `tfsdk:"taints"`
	Tags            types.Set    `tfsdk:"tags"`
	PrivateNodes    types.Bool   `tfsdk:"private_nodes"`
	Upgrade         types.Object `tfsdk:"upgrade"`
	ServiceAccount  types.String `tfsdk:"service_account"`
	Metadata        types.Map    `tfsdk:"metadata"`
	MaxPodsPerNode  types.Int32  `tfsdk:"max_pods_per_node"`
}

type taintModel struct {
	Key    types.String `tfsdk:"key"`
	Value  types.String `tfsdk:"value"`
	Effect types.String `tfsdk:"effect"`
}

type upgradeModel struct {
	MaxSurge       types.Int32  `tfsdk:"max_surge"`
	MaxUnavailable types.Int32  `tfsdk:"max_unavailable"`
	BlueGreen      types.Object `tfsdk:"blue_green"`
}

type blueGreenModel struct {
	BatchNodes   types.Int32  `tfsdk:"batch_nodes"`
	BatchPercent types.Int32  `tfsdk:"batch_percent"`
	BatchSoak    types.String `tfsdk:"batch_soak"`
	Soak         types.String `tfsdk:"soak"`
}

var (
	stringsType = types.SetType{ElemType: types.StringType}
	textsType   = types.MapType{ElemType: types.StringType}
	taintType   = types.ObjectType{AttrTypes: map[string]attr.Type{
		"key": types.StringType, "value": types.StringType, "effect": types.StringType,
	}}
	blueGreenType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"batch_nodes": types.Int32Type, "batch_percent": types.Int32Type, "batch_soak": types.StringType, "soak": types.StringType,
	}}
	upgradeType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"max_surge": types.Int32Type, "max_unavailable": types.Int32Type, "blue_green": blueGreenType,
	}}
	poolType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"machine_type": types.StringType, "capacity": types.StringType, "isolate": types.BoolType,
		"min_nodes": types.Int32Type, "max_nodes": types.Int32Type,
		"min_nodes_per_zone": types.Int32Type, "max_nodes_per_zone": types.Int32Type,
		"location_policy": types.StringType, "zones": stringsType,
		"disk_gb": types.Int32Type, "disk_type": types.StringType,
		"labels": textsType, "taints": types.ListType{ElemType: taintType}, "tags": stringsType,
		"private_nodes": types.BoolType, "upgrade": upgradeType,
		"service_account": types.StringType, "metadata": textsType, "max_pods_per_node": types.Int32Type,
	}}
)

func expandPool(ctx context.Context, m poolModel, diags *diag.Diagnostics) deploy.PoolSpec {
	pool := deploy.PoolSpec{
		MachineType:    m.MachineType.ValueString(),
		Capacity:       m.Capacity.ValueString(),
		Isolate:        m.Isolate.ValueBool(),
		MinNodes:       m.MinNodes.ValueInt32(),
		MaxNodes:       m.MaxNodes.ValueInt32(),
		LocationPolicy: m.LocationPolicy.ValueString(),
		Zones:          sortedStrings(ctx, m.Zones, diags),
		DiskGB:         m.DiskGB.ValueInt32(),
		DiskType:       m.DiskType.ValueString(),
		Labels:         stringMap(ctx, m.Labels, diags),
		Tags:           sortedStrings(ctx, m.Tags, diags),
		PrivateNodes:   m.PrivateNodes.ValueBool(),
		Upgrade:        expandUpgrade(ctx, m.Upgrade, diags),
		ServiceAccount: m.ServiceAccount.ValueString(),
		Metadata:       stringMap(ctx, m.Metadata, diags),
		MaxPodsPerNode: m.MaxPodsPerNode.ValueInt32(),
	}
	if !m.MaxNodesPerZone.IsNull() {
		pool.PerZone, pool.MinNodes, pool.MaxNodes = true, m.MinNodesPerZone.ValueInt32(), m.MaxNodesPerZone.ValueInt32()
	}
	var taints []taintModel
	if !m.Taints.IsUnknown() {
		diags.Append(m.Taints.ElementsAs(ctx, &taints, false)...)
	}
	for _, t := range taints {
		pool.Taints = append(pool.Taints, deploy.NodeTaint{
			Key: t.Key.ValueString(), Value: t.Value.ValueString(), Effect: t.Effect.ValueString(),
		})
	}
	return pool
}

func expandUpgrade(ctx context.Context, value types.Object, diags *diag.Diagnostics) deploy.PoolUpgrade {
	var m upgradeModel
	if value.IsNull() || value.IsUnknown() {
		return deploy.PoolUpgrade{MaxSurge: 1}
	}
	diags.Append(value.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	if m.BlueGreen.IsNull() || m.BlueGreen.IsUnknown() {
		return deploy.PoolUpgrade{MaxSurge: m.MaxSurge.ValueInt32(), MaxUnavailable: m.MaxUnavailable.ValueInt32()}
	}
	var plan blueGreenModel
	diags.Append(m.BlueGreen.As(ctx, &plan, basetypes.ObjectAsOptions{})...)
	return deploy.PoolUpgrade{BlueGreen: &deploy.PoolBlueGreen{
		BatchNodes: plan.BatchNodes.ValueInt32(), BatchPercent: plan.BatchPercent.ValueInt32(),
		BatchSoak: duration(plan.BatchSoak), Soak: duration(plan.Soak),
	}}
}

// duration reads what checkSoak let through.
func duration(text types.String) time.Duration {
	d, _ := time.ParseDuration(text.ValueString())
	return d
}

func flattenPool(ctx context.Context, live deploy.PoolSpec, prior poolModel, diags *diag.Diagnostics) poolModel {
	m := poolModel{
		MachineType:    types.StringValue(live.MachineType),
		Capacity:       types.StringValue(live.Capacity),
		Isolate:        types.BoolValue(live.Isolate),
		LocationPolicy: types.StringValue(live.LocationPolicy),
		Zones:          stringSet(ctx, live.Zones, prior.Zones, diags),
		DiskGB:         types.Int32Value(live.DiskGB),
		DiskType:       tf.StringOrNull(live.DiskType),
		Labels:         stringsOrNull(ctx, live.Labels, prior.Labels, diags),
		Taints:         types.ListNull(taintType),
		Tags:           stringSet(ctx, live.Tags, prior.Tags, diags),
		PrivateNodes:   types.BoolValue(live.PrivateNodes),
		Upgrade:        flattenUpgrade(ctx, live.Upgrade, prior.Upgrade, diags),
		ServiceAccount: tf.StringOrNull(live.ServiceAccount),
		Metadata:       stringsOrNull(ctx, live.Metadata, prior.Metadata, diags),
		MaxPodsPerNode: types.Int32Null(),
	}
	switch {
	case live.MaxNodes == 0: // no autoscaling: bounds are missing, which the plan shows
	case live.PerZone:
		m.MinNodesPerZone, m.MaxNodesPerZone = types.Int32Value(live.MinNodes), types.Int32Value(live.MaxNodes)
	default:
		m.MinNodes, m.MaxNodes = types.Int32Value(live.MinNodes), types.Int32Value(live.MaxNodes)
	}
	if live.MaxPodsPerNode != 0 {
		m.MaxPodsPerNode = types.Int32Value(live.MaxPodsPerNode)
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

// flattenUpgrade keeps durations as they were written as long as they mean the same.
func flattenUpgrade(ctx context.Context, live deploy.PoolUpgrade, prior types.Object, diags *diag.Diagnostics) types.Object {
	m := upgradeModel{BlueGreen: types.ObjectNull(blueGreenType.AttrTypes)}
	if live.BlueGreen == nil {
		m.MaxSurge, m.MaxUnavailable = types.Int32Value(live.MaxSurge), types.Int32Value(live.MaxUnavailable)
	} else {
		var before upgradeModel
		var written blueGreenModel
		if !prior.IsNull() && !prior.IsUnknown() {
			diags.Append(prior.As(ctx, &before, basetypes.ObjectAsOptions{})...)
		}
		if !before.BlueGreen.IsNull() && !before.BlueGreen.IsUnknown() {
			diags.Append(before.BlueGreen.As(ctx, &written, basetypes.ObjectAsOptions{})...)
		}
		plan := blueGreenModel{
			BatchSoak: durationAs(live.BlueGreen.BatchSoak, written.BatchSoak), Soak: durationAs(live.BlueGreen.Soak, written.Soak),
		}
		if n := live.BlueGreen.BatchNodes; n > 0 {
			plan.BatchNodes = types.Int32Value(n)
		} else {
			plan.BatchPercent = types.Int32Value(live.BlueGreen.BatchPercent)
		}
		value, more := types.ObjectValueFrom(ctx, blueGreenType.AttrTypes, plan)
		diags.Append(more...)
		m.BlueGreen = value
	}
	value, more := types.ObjectValueFrom(ctx, upgradeType.AttrTypes, m)
	diags.Append(more...)
	return value
}

func durationAs(live time.Duration, written types.String) types.String {
	if !written.IsNull() && !written.IsUnknown() && duration(written) == live {
		return written
	}
	return types.StringValue(live.String())
}
