package cluster

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

type maintenanceModel struct {
	DailyStart types.String `tfsdk:"daily_start"`
	Window     types.Object `tfsdk:"window"`
	Exclusions types.Map    `tfsdk:"exclusions"`
}

type windowModel struct {
	Start      types.String `tfsdk:"start"`
	End        types.String `tfsdk:"end"`
	Recurrence types.String `tfsdk:"recurrence"`
}

type exclusionModel struct {
	Start types.String `tfsdk:"start"`
	End   types.String `tfsdk:"end"`
	Scope types.String `tfsdk:"scope"`
}

var (
	windowType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"start": types.StringType, "end": types.StringType, "recurrence": types.StringType,
	}}
	exclusionType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"start": types.StringType, "end": types.StringType, "scope": types.StringType,
	}}
	maintenanceType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"daily_start": types.StringType, "window": windowType, "exclusions": types.MapType{ElemType: exclusionType},
	}}
)

func expandSettings(ctx context.Context, m model, diags *diag.Diagnostics) deploy.ClusterSettings {
	settings := deploy.ClusterSettings{
		PodsRange:           m.PodsRange.ValueString(),
		ServicesRange:       m.ServicesRange.ValueString(),
		PrivateNodes:        m.PrivateNodes.ValueBool(),
		DNSEndpoint:         m.DNSEndpoint.ValueBool(),
		PublicEndpoint:      m.PublicEndpoint.ValueBool(),
		DataplaneV2:         m.DataplaneV2.ValueBool(),
		MinVersion:          m.MinVersion.ValueString(),
		Maintenance:         expandMaintenance(ctx, m.Maintenance, diags),
		Logging:             sortedStrings(ctx, m.Logging, diags),
		Monitoring:          sortedStrings(ctx, m.Monitoring, diags),
		ManagedPrometheus:   m.ManagedPrometheus.ValueBool(),
		GatewayAPI:          m.GatewayAPI.ValueBool(),
		SecretManagerCSI:    m.SecretManagerCSI.ValueBool(),
		BinaryAuthorization: m.BinaryAuth.ValueString(),
		ShieldedNodes:       m.ShieldedNodes.ValueBool(),
		SecurityPosture:     m.SecurityPosture.ValueString(),
		FleetProject:        m.FleetProject.ValueString(),
	}
	if !m.AuthorizedNetworks.IsNull() && !m.AuthorizedNetworks.IsUnknown() {
		settings.AuthorizedNetworks = stringMap(ctx, m.AuthorizedNetworks, diags)
	}
	return settings
}

func expandMaintenance(ctx context.Context, value types.Object, diags *diag.Diagnostics) deploy.ClusterMaintenance {
	var m maintenanceModel
	if value.IsNull() || value.IsUnknown() {
		return deploy.ClusterMaintenance{}
	}
	diags.Append(value.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	out := deploy.ClusterMaintenance{DailyStart: m.DailyStart.ValueString()}
	if !m.Window.IsNull() {
		var window windowModel
		diags.Append(m.Window.As(ctx, &window, basetypes.ObjectAsOptions{})...)
		out.Window = deploy.MaintenanceWindow{
			Start: window.Start.ValueString(), End: window.End.ValueString(), Recurrence: window.Recurrence.ValueString(),
		}
	}
	exclusions := map[string]exclusionModel{}
	if !m.Exclusions.IsNull() {
		diags.Append(m.Exclusions.ElementsAs(ctx, &exclusions, false)...)
		out.Exclusions = map[string]deploy.MaintenanceExclusion{}
	}
	for name, e := range exclusions {
		out.Exclusions[name] = deploy.MaintenanceExclusion{
			Start: e.Start.ValueString(), End: e.End.ValueString(), Scope: e.Scope.ValueString(),
		}
	}
	return out
}

// flattenSettings writes the live settings into a model; prior is that model before.
func flattenSettings(ctx context.Context, live deploy.ClusterSettings, prior model, m *model, diags *diag.Diagnostics) {
	m.PodsRange, m.ServicesRange = tf.StringOrNull(live.PodsRange), tf.StringOrNull(live.ServicesRange)
	m.PrivateNodes = types.BoolValue(live.PrivateNodes)
	m.DNSEndpoint, m.PublicEndpoint = types.BoolValue(live.DNSEndpoint), types.BoolValue(live.PublicEndpoint)
	m.AuthorizedNetworks = types.MapNull(types.StringType)
	if live.AuthorizedNetworks != nil {
		m.AuthorizedNetworks = mapValue(ctx, live.AuthorizedNetworks, diags)
	}
	m.DataplaneV2, m.GatewayAPI = types.BoolValue(live.DataplaneV2), types.BoolValue(live.GatewayAPI)
	m.Maintenance = flattenMaintenance(ctx, live.Maintenance, prior.Maintenance, diags)
	m.Logging, m.Monitoring = setValue(ctx, live.Logging, diags), setValue(ctx, live.Monitoring, diags)
	m.ManagedPrometheus = types.BoolValue(live.ManagedPrometheus)
	m.SecretManagerCSI = types.BoolValue(live.SecretManagerCSI)
	m.BinaryAuth = types.StringValue(live.BinaryAuthorization)
	m.ShieldedNodes = types.BoolValue(live.ShieldedNodes)
	m.SecurityPosture = types.StringValue(live.SecurityPosture)
	m.FleetProject = tf.StringOrNull(live.FleetProject)
}

func flattenMaintenance(ctx context.Context, live deploy.ClusterMaintenance, prior types.Object, diags *diag.Diagnostics) types.Object {
	if !prior.IsUnknown() && expandMaintenance(ctx, prior, diags).Same(live) {
		return prior // null and empty mean the same, and stay as they were written
	}
	m := maintenanceModel{
		DailyStart: tf.StringOrNull(live.DailyStart),
		Window:     types.ObjectNull(windowType.AttrTypes),
		Exclusions: types.MapNull(exclusionType),
	}
	if live.Window != (deploy.MaintenanceWindow{}) {
		window, more := types.ObjectValueFrom(ctx, windowType.AttrTypes, windowModel{
			Start: types.StringValue(live.Window.Start), End: types.StringValue(live.Window.End),
			Recurrence: types.StringValue(live.Window.Recurrence),
		})
		diags.Append(more...)
		m.Window = window
	}
	if len(live.Exclusions) > 0 {
		exclusions := map[string]exclusionModel{}
		for name, e := range live.Exclusions {
			exclusions[name] = exclusionModel{
				Start: types.StringValue(e.Start), End: tf.StringOrNull(e.End), Scope: types.StringValue(e.Scope),
			}
		}
		value, more := types.MapValueFrom(ctx, exclusionType, exclusions)
		diags.Append(more...)
		m.Exclusions = value
	}
	value, more := types.ObjectValueFrom(ctx, maintenanceType.AttrTypes, m)
	diags.Append(more...)
	return value
}

// sortedStrings gives the elements of a set in order; nil when it is null or not known.
func sortedStrings(ctx context.Context, value types.Set, diags *diag.Diagnostics) []string {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	list := []string{}
	diags.Append(value.ElementsAs(ctx, &list, false)...)
	slices.Sort(list)
	return list
}

func setValue(ctx context.Context, list []string, diags *diag.Diagnostics) types.Set {
	value, more := types.SetValueFrom(ctx, types.StringType, append([]string{}, list...))
	diags.Append(more...)
	return value
}

// stringSet is null for nothing, unless it was written as an empty set.
func stringSet(ctx context.Context, list []string, prior types.Set, diags *diag.Diagnostics) types.Set {
	if len(list) == 0 && !isEmpty(prior, len(prior.Elements())) {
		return types.SetNull(types.StringType)
	}
	return setValue(ctx, list, diags)
}

// stringsOrNull is the same for a map.
func stringsOrNull(ctx context.Context, live map[string]string, prior types.Map, diags *diag.Diagnostics) types.Map {
	if len(live) == 0 && !isEmpty(prior, len(prior.Elements())) {
		return types.MapNull(types.StringType)
	}
	return mapValue(ctx, live, diags)
}
