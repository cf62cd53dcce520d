package namespace

import (
	"bytes"
	"context"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// model is the resource as Terraform holds it. Any part of it may be unknown.
type model struct {
	ID              types.String   `tfsdk:"id"`
	Cluster         types.String   `tfsdk:"cluster"`
	Name            types.String   `tfsdk:"name"`
	Labels          types.Map      `tfsdk:"labels"`
	EffectiveLabels types.Map      `tfsdk:"effective_labels"`
	Annotations     types.Map      `tfsdk:"annotations"`
	PodSecurity     types.String   `tfsdk:"pod_security"`
	DefaultDeny     types.Bool     `tfsdk:"default_deny"`
	Network         types.Object   `tfsdk:"network"`
	Quota           types.Map      `tfsdk:"quota"`
	Limits          types.Object   `tfsdk:"limits"`
	ForceDestroy    types.Bool     `tfsdk:"force_destroy"`
	Status          types.String   `tfsdk:"status"`
	Drift           types.List     `tfsdk:"drift"`
	Objects         types.List     `tfsdk:"objects"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

// networkModel is the attribute network.
type networkModel struct {
	IngressFrom types.Set `tfsdk:"ingress_from"`
	EgressTo    types.Set `tfsdk:"egress_to"`
}

// limitsModel is the attribute limits.
type limitsModel struct {
	DefaultRequest types.Map `tfsdk:"default_request"`
	DefaultLimit   types.Map `tfsdk:"default_limit"`
	Min            types.Map `tfsdk:"min"`
	Max            types.Map `tfsdk:"max"`
}

var (
	networkTypes = map[string]attr.Type{"ingress_from": setType, "egress_to": setType}
	limitsTypes  = map[string]attr.Type{"default_request": mapType, "default_limit": mapType, "min": mapType, "max": mapType}
	setType      = types.SetType{ElemType: types.StringType}
	mapType      = types.MapType{ElemType: types.StringType}
)

// imported tells a state of which an import has set nothing but the id.
func (m model) imported() bool { return m.Name.IsNull() }

// spec is what the use cases take.
func (m model) spec(ctx context.Context, timeout time.Duration, diags *diag.Diagnostics) deploy.NamespaceSpec {
	if m.imported() {
		id, err := names.ParseKubeNamespaceID(m.ID.ValueString())
		tf.AddError(diags, err, "The state holds no id of a namespace")
		return deploy.NamespaceSpec{ID: id}
	}
	cluster, err := names.ParseClusterID(m.Cluster.ValueString())
	tf.AddError(diags, err, "Invalid cluster")
	declared := m.declared(ctx, diags)
	return deploy.NamespaceSpec{
		ID: names.KubeNamespaceID{Cluster: cluster, Name: m.Name.ValueString()}, Declared: &declared, Timeout: timeout,
	}
}

// declared is what the attributes say. What is unknown is left out, except that the keys of maps are always there.
func (m model) declared(ctx context.Context, diags *diag.Diagnostics) app.Namespace {
	n := app.Namespace{
		Labels: mapOf(m.Labels), DefaultLabels: mapOf(m.EffectiveLabels), Annotations: mapOf(m.Annotations),
		PodSecurity: m.PodSecurity.ValueString(), DefaultDeny: m.DefaultDeny.ValueBool(),
		Quota: mapOf(m.Quota), ForceDestroy: m.ForceDestroy.ValueBool(),
	}
	maps.DeleteFunc(n.DefaultLabels, func(key, _ string) bool { _, own := n.Labels[key]; return own })
	if len(n.DefaultLabels) == 0 {
		n.DefaultLabels = nil
	}
	if network, ok := tf.Object[networkModel](ctx, m.Network, diags); ok {
		n.Network = &app.NamespaceNetwork{IngressFrom: setOf(network.IngressFrom), EgressTo: setOf(network.EgressTo)}
	}
	if limits, ok := tf.Object[limitsModel](ctx, m.Limits, diags); ok {
		n.Limits = &app.NamespaceLimits{
			DefaultRequest: mapOf(limits.DefaultRequest), DefaultLimit: mapOf(limits.DefaultLimit), Min: mapOf(limits.Min), Max: mapOf(limits.Max),
		}
	}
	return n
}

// mapOf is nil for null, and empty for an empty map.
func mapOf(m types.Map) map[string]string {
	if m.IsNull() || m.IsUnknown() {
		return nil
	}
	out := map[string]string{}
	maps.Copy(out, tf.Strings(m))
	return out
}

// setOf is nil for null, and empty for an empty set; else the members that are known, sorted.
func setOf(s types.Set) []string {
	if s.IsNull() || s.IsUnknown() {
		return nil
	}
	known := []string{}
	for _, member := range tf.Members(s) {
		if member != "" { // unknown: an empty one is refused
			known = append(known, member)
		}
	}
	return known
}

// applied is the state after an apply.
func (m model) applied(id names.KubeNamespaceID, live *deploy.NamespaceState) model {
	m.ID = types.StringValue(id.String())
	m.Status = types.StringValue(live.Status)
	m.Objects = tf.ListOf(live.Objects)
	return m
}

// refreshed is the state after a read. What the user wrote is replaced only if something else was applied.
func (m model) refreshed(ctx context.Context, known deploy.NamespaceSpec, live *deploy.NamespaceState, diags *diag.Diagnostics) model {
	if known.Declared == nil || !same(m.declared(ctx, diags), live.Declared) {
		m = m.flatten(live.Declared)
	}
	m.ID, m.Cluster, m.Name = types.StringValue(known.ID.String()), types.StringValue(known.ID.Cluster.String()), types.StringValue(known.ID.Name)
	m.Status, m.Drift, m.Objects = types.StringValue(live.Status), tf.ListOf(live.Drift), tf.ListOf(live.Objects)
	return m
}

func same(a, b app.Namespace) bool {
	one, errA := app.EncodeNamespace(a)
	other, errB := app.EncodeNamespace(b)
	return errA == nil && errB == nil && bytes.Equal(one, other)
}

// flatten writes a declaration into the model.
func (m model) flatten(n app.Namespace) model {
	m.Labels, m.Annotations, m.Quota = toMap(n.Labels), toMap(n.Annotations), toMap(n.Quota)
	m.EffectiveLabels = toMap(n.EffectiveLabels())
	m.PodSecurity = types.StringValue(n.PodSecurity)
	m.DefaultDeny, m.ForceDestroy = types.BoolValue(n.DefaultDeny), types.BoolValue(n.ForceDestroy)
	m.Network, m.Limits = types.ObjectNull(networkTypes), types.ObjectNull(limitsTypes)
	if n.Network != nil {
		m.Network = types.ObjectValueMust(networkTypes, map[string]attr.Value{
			"ingress_from": toSet(n.Network.IngressFrom), "egress_to": toSet(n.Network.EgressTo),
		})
	}
	if n.Limits != nil {
		m.Limits = types.ObjectValueMust(limitsTypes, map[string]attr.Value{
			"default_request": toMap(n.Limits.DefaultRequest), "default_limit": toMap(n.Limits.DefaultLimit),
			"min": toMap(n.Limits.Min), "max": toMap(n.Limits.Max),
		})
	}
	return m
}

func toMap(values map[string]string) types.Map {
	if values == nil {
		return types.MapNull(types.StringType)
	}
	elements := map[string]attr.Value{}
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

func toSet(members []string) types.Set {
	if members == nil {
		return types.SetNull(types.StringType)
	}
	return tf.SetOf(members)
}
