package service

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// cloudRun gives what cloud_run declares, nil without it.
func (e *expander) cloudRun(m model) *app.CloudRun {
	r, ok := tf.Object[runModel](e.ctx, m.CloudRun, &e.diags)
	if !ok {
		return nil
	}
	return &app.CloudRun{
		Project: m.Project.ValueString(), Location: r.Location.ValueString(), Public: r.Public.ValueBool(),
		Ingress: r.Ingress.ValueString(), Invokers: sortedStrings(r.Invokers),
		RunSettings: app.RunSettings{
			VPC:                  e.vpc(r.VPC),
			InvokerIAMDisabled:   r.InvokerIAMDisabled.ValueBool(),
			DefaultURIDisabled:   r.DefaultURIDisabled.ValueBool(),
			CustomAudiences:      sortedStrings(r.CustomAudiences),
			SessionAffinity:      r.SessionAffinity.ValueBool(),
			CPUAlwaysAllocated:   r.CPUAlwaysAllocated.ValueBool(),
			StartupCPUBoost:      r.StartupCPUBoost.ValueBoolPointer(),
			ExecutionEnvironment: r.ExecutionEnvironment.ValueString(),
			RequestTimeout:       duration(r.RequestTimeout),
			Protocol:             r.Protocol.ValueString(),
			RevisionScale:        e.revisionScale(r.RevisionScale),
		},
	}
}

func (e *expander) vpc(value types.Object) *app.VPC {
	m, ok := tf.Object[vpcModel](e.ctx, value, &e.diags)
	if !ok {
		return nil
	}
	return &app.VPC{
		Network: m.Network.ValueString(), Subnetwork: m.Subnetwork.ValueString(), Tags: sortedStrings(m.Tags), Egress: m.Egress.ValueString(),
	}
}

func (e *expander) revisionScale(value types.Object) *app.RevisionScale {
	m, ok := tf.Object[revisionScaleModel](e.ctx, value, &e.diags)
	if !ok {
		return nil
	}
	return &app.RevisionScale{Min: int(m.Min.ValueInt64()), Max: positive(m.Max)}
}

// sortedStrings are the known elements of a set, whose order says nothing.
func sortedStrings(s types.Set) []string {
	return slices.Sorted(slices.Values(knownStrings(s.Elements())))
}

func (f *flattener) cloudRun(m *model, r app.CloudRun, prior model) (project string) {
	before, _ := tf.Object[runModel](f.ctx, prior.CloudRun, &f.diags)
	m.CloudRun = objectOf(f, runTypes, runModel{
		Location:             types.StringValue(r.Location),
		Public:               keepBool(before.Public, r.Public),
		Ingress:              keepString(before.Ingress, r.Ingress),
		Invokers:             f.set(r.Invokers, before.Invokers),
		InvokerIAMDisabled:   keepBool(before.InvokerIAMDisabled, r.InvokerIAMDisabled),
		DefaultURIDisabled:   keepBool(before.DefaultURIDisabled, r.DefaultURIDisabled),
		CustomAudiences:      f.set(r.CustomAudiences, before.CustomAudiences),
		VPC:                  f.vpc(r.VPC, before.VPC),
		SessionAffinity:      keepBool(before.SessionAffinity, r.SessionAffinity),
		CPUAlwaysAllocated:   keepBool(before.CPUAlwaysAllocated, r.CPUAlwaysAllocated),
		StartupCPUBoost:      types.BoolPointerValue(r.StartupCPUBoost),
		ExecutionEnvironment: keepString(before.ExecutionEnvironment, r.ExecutionEnvironment),
		RequestTimeout:       keepDuration(before.RequestTimeout, r.RequestTimeout),
		Protocol:             keepString(before.Protocol, r.Protocol),
		RevisionScale:        f.revisionScale(r.RevisionScale, before.RevisionScale),
	})
	return r.Project
}

func (f *flattener) vpc(v *app.VPC, prior types.Object) types.Object {
	if v == nil {
		return types.ObjectNull(vpcTypes)
	}
	before, _ := tf.Object[vpcModel](f.ctx, prior, &f.diags)
	return objectOf(f, vpcTypes, vpcModel{
		Network: keepString(before.Network, v.Network), Subnetwork: keepString(before.Subnetwork, v.Subnetwork),
		Tags: f.set(v.Tags, before.Tags), Egress: keepString(before.Egress, v.Egress),
	})
}

func (f *flattener) revisionScale(s *app.RevisionScale, prior types.Object) types.Object {
	if s == nil {
		return types.ObjectNull(revisionScaleTypes)
	}
	before, _ := tf.Object[revisionScaleModel](f.ctx, prior, &f.diags)
	return objectOf(f, revisionScaleTypes, revisionScaleModel{Min: keepInt(before.Min, s.Min), Max: keepInt(before.Max, s.Max)})
}

// set leaves a set as it is written where it has the same elements: their order says nothing.
func (f *flattener) set(values []string, prior types.Set) types.Set {
	switch {
	case !prior.IsNull() && slices.Equal(slices.Sorted(slices.Values(values)), sortedStrings(prior)):
		return prior
	case len(values) == 0:
		return types.SetNull(types.StringType)
	}
	value, more := types.SetValueFrom(f.ctx, types.StringType, values)
	f.diags.Append(more...)
	return value
}
