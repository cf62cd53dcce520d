package cluster

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

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
	PodsRange          types.String   `tfsdk:"pods_range"`
	ServicesRange      types.String   `tfsdk:"services_range"`
	PrivateNodes       types.Bool     `tfsdk:"private_nodes"`
	DNSEndpoint        types.Bool     `tfsdk:"dns_endpoint"`
	PublicEndpoint     types.Bool     `tfsdk:"public_endpoint"`
	AuthorizedNetworks types.Map      `tfsdk:"authorized_networks"`
	DataplaneV2        types.Bool     `tfsdk:"dataplane_v2"`
	GatewayAPI         types.Bool     `tfsdk:"gateway_api"`
	MinVersion         types.String   `tfsdk:"min_version"`
	Maintenance        types.Object   `tfsdk:"maintenance"`
	UpgradeAfter       types.Object   `tfsdk:"upgrade_after"`
	Upgrades           types.Object   `tfsdk:"upgrades"`
	Logging            types.Set      `tfsdk:"logging"`
	Monitoring         types.Set      `tfsdk:"monitoring"`
	ManagedPrometheus  types.Bool     `tfsdk:"managed_prometheus"`
	SecretManagerCSI   types.Bool     `tfsdk:"secret_manager_csi"`
	BinaryAuth         types.String   `tfsdk:"binary_authorization"`
	ShieldedNodes      types.Bool     `tfsdk:"shielded_nodes"`
	SecurityPosture    types.String   `tfsdk:"security_posture"`
	FleetProject       types.String   `tfsdk:"fleet_project"`
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
		Settings:       expandSettings(ctx, m, &diags),
		UpgradeAfter:   expandUpgrades(ctx, m, &diags),
	}
	for key, pool := range m.pools(ctx, &diags) {
		spec.Pools[key] = expandPool(ctx, pool, &diags)
	}
	return spec, diags
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
	m.ReleaseChannel = tf.StringOrNull(live.ReleaseChannel)
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
	flattenSettings(ctx, live.Settings, prior, &m, &diags)
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

// applied is the state after a create or an update that went well: what was planned, and what GKE decided where the plan
// left it open.
func applied(ctx context.Context, live *deploy.ClusterState, planned model, defaults map[string]string) (model, diag.Diagnostics) {
	full, diags := flatten(ctx, live, planned, defaults)
	m := flattenComputed(live, planned)
	m.PodsRange = decided(planned.PodsRange, full.PodsRange)
	m.ServicesRange = decided(planned.ServicesRange, full.ServicesRange)
	m.Logging, m.Monitoring = decided(planned.Logging, full.Logging), decided(planned.Monitoring, full.Monitoring)
	pools := map[string]attr.Value{}
	for key, element := range planned.NodePools.Elements() {
		pools[key] = element
		pool, ok := element.(types.Object)
		actual, there := full.NodePools.Elements()[key].(types.Object)
		if !ok || pool.IsNull() || pool.IsUnknown() {
			continue
		}
		attributes := map[string]attr.Value{}
		for name, value := range pool.Attributes() {
			attributes[name] = value
			switch {
			case value.IsUnknown() && there:
				attributes[name] = actual.Attributes()[name]
			case value.IsUnknown(): // a pool that is not there yet: null until a refresh finds it
				attributes[name] = nullOf(ctx, value)
			}
		}
		value, more := types.ObjectValue(poolType.AttrTypes, attributes)
		diags.Append(more...)
		pools[key] = value
	}
	value, more := types.MapValue(poolType, pools)
	diags.Append(more...)
	m.NodePools = value
	return m, diags
}

// decided is a planned value, or what GKE decided where nothing was planned.
func decided[T attr.Value](planned, live T) T {
	if planned.IsUnknown() {
		return live
	}
	return planned
}

func nullOf(ctx context.Context, value attr.Value) attr.Value {
	kind := value.Type(ctx)
	null, err := kind.ValueFromTerraform(ctx, tftypes.NewValue(kind.TerraformType(ctx), nil))
	if err != nil {
		return value
	}
	return null
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
