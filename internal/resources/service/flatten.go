package service

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// flatten writes a recorded app into a model. What means the same in prior stays as it is written there: null and empty,
// "60s" and "1m".
func flatten(ctx context.Context, a app.App, prior model) (model, diag.Diagnostics) {
	f := flattener{ctx: ctx}
	m := prior
	m.Name = types.StringValue(a.Name)
	m.Image = types.StringValue(a.Image)
	m.Config = f.stringMap(a.Config, prior.Config)
	m.Secrets = f.stringMap(a.Secrets, prior.Secrets)
	m.Labels = f.stringMap(a.Labels, prior.Labels)
	m.ConfigFiles = f.files(a.ConfigFiles, prior.ConfigFiles)
	m.SecretFiles = f.stringMap(a.SecretFiles, prior.SecretFiles)
	m.Annotations = f.stringMap(a.Annotations, prior.Annotations)
	m.Sidecars = f.sidecars(a.Sidecars, prior.Sidecars)
	f.ownership(&m, a.Ownership, prior)
	m.GKE, m.CloudRun = types.ObjectNull(gkeTypes), types.ObjectNull(runTypes)
	var project string
	if a.GKE != nil {
		project = f.gke(&m, *a.GKE, prior)
	}
	if a.CloudRun != nil {
		project = f.cloudRun(&m, *a.CloudRun, prior)
	}
	m.Project = types.StringValue(project)
	if accountOf(prior.Identity.ValueString()) != a.Identity {
		m.Identity = tf.StringOrNull(identityOf(a, project))
	}
	m.Processes = f.processes(a.Processes, prior.Processes)
	return m, f.diags
}

type flattener struct {
	ctx   context.Context
	diags diag.Diagnostics
}

func (f *flattener) gke(m *model, g app.GKE, prior model) (project string) {
	before, _ := tf.Object[gkeModel](f.ctx, prior.GKE, &f.diags)
	m.GKE = objectOf(f, gkeTypes, gkeModel{
		Cluster:   types.StringValue(g.Cluster),
		Namespace: keepString(before.Namespace, g.Namespace),
		Capacity:  keepString(before.Capacity, string(g.Capacity)),

		SessionAffinity: keepBool(before.SessionAffinity, g.SessionAffinity),
		IdentityWait:    f.identityWait(g.IdentityWait, before.IdentityWait),
	})
	cluster, err := names.ParseClusterID(g.Cluster)
	if err != nil {
		f.diags.AddError("The recorded service names no cluster", err.Error())
	}
	return cluster.Project
}

func (f *flattener) processes(processes map[string]app.Process, prior types.Map) types.Map {
	elements := make(map[string]attr.Value, len(processes))
	for _, name := range slices.Sorted(maps.Keys(processes)) {
		before, _ := prior.Elements()[name].(types.Object)
		elements[name] = f.process(processes[name], before)
	}
	return types.MapValueMust(processType, elements)
}

func (f *flattener) process(p app.Process, prior types.Object) types.Object {
	m, _ := tf.Object[processModel](f.ctx, prior, &f.diags)
	return objectOf(f, processTypes, processModel{
		Command:       f.list(p.Command, m.Command),
		Args:          f.list(p.Args, m.Args),
		Port:          keepInt(m.Port, p.Port),
		CPU:           keepString(m.CPU, p.CPU),
		Memory:        keepString(m.Memory, p.Memory),
		Scale:         f.scale(p.Scale, m.Scale),
		Startup:       f.probe(p.Startup, m.Startup),
		Liveness:      f.probe(p.Liveness, m.Liveness),
		Readiness:     f.probe(p.Readiness, m.Readiness),
		ShutdownGrace: keepDuration(m.ShutdownGrace, p.ShutdownGrace),
		Scratch:       f.stringMap(p.Scratch, m.Scratch),
	})
}

func (f *flattener) scale(s app.Scale, prior types.Object) types.Object {
	before, declared := tf.Object[scaleModel](f.ctx, prior, &f.diags)
	if s == (app.Scale{}) && !declared {
		return types.ObjectNull(scaleTypes)
	}
	least := keepInt(before.Min, s.Min)
	if s.MinSet {
		least = types.Int64Value(int64(s.Min))
	}
	return objectOf(f, scaleTypes, scaleModel{
		Min: least, Max: keepInt(before.Max, s.Max),
		Concurrency: keepInt(before.Concurrency, s.Concurrency), CPUPercent: keepInt(before.CPUPercent, s.CPUPercent),
	})
}

func (f *flattener) probe(p *app.Probe, prior types.Object) types.Object {
	if p == nil {
		return types.ObjectNull(probeTypes)
	}
	before, _ := tf.Object[probeModel](f.ctx, prior, &f.diags)
	return objectOf(f, probeTypes, probeModel{
		Path:             keepString(before.Path, p.Path),
		TCP:              keepBool(before.TCP, p.TCP),
		GRPC:             keepBool(before.GRPC, p.GRPC),
		GRPCService:      keepString(before.GRPCService, p.GRPCService),
		Period:           keepDuration(before.Period, p.Period),
		Timeout:          keepDuration(before.Timeout, p.Timeout),
		FailureThreshold: keepInt(before.FailureThreshold, p.FailureThreshold),
	})
}

func (f *flattener) stringMap(values map[string]string, prior types.Map) types.Map {
	switch {
	case len(values) == 0 && !prior.IsNull() && len(prior.Elements()) == 0:
		return prior
	case len(values) == 0:
		return types.MapNull(types.StringType)
	}
	value, more := types.MapValueFrom(f.ctx, types.StringType, values)
	f.diags.Append(more...)
	return value
}

func (f *flattener) list(values []string, prior types.List) types.List {
	if !prior.IsNull() && slices.Equal(values, knownStrings(prior.Elements())) {
		return prior
	}
	if len(values) == 0 {
		return types.ListNull(types.StringType)
	}
	value, more := types.ListValueFrom(f.ctx, types.StringType, values)
	f.diags.Append(more...)
	return value
}

func objectOf(f *flattener, attributes map[string]attr.Type, m any) types.Object {
	value, more := types.ObjectValueFrom(f.ctx, attributes, m)
	f.diags.Append(more...)
	return value
}

// The keep functions leave what is written in the state as it is when it means the value; the zero value is what an
// attribute that is left out means.
func keepString(prior types.String, value string) types.String {
	return keep(prior, prior.ValueString(), value, types.StringValue, types.StringNull)
}

func keepBool(prior types.Bool, value bool) types.Bool {
	return keep(prior, prior.ValueBool(), value, types.BoolValue, types.BoolNull)
}

func keepInt(prior types.Int64, value int) types.Int64 {
	return keep(prior, prior.ValueInt64(), int64(value), types.Int64Value, types.Int64Null)
}

func keepDuration(prior types.String, value time.Duration) types.String {
	if duration(prior) == value {
		return prior
	}
	return tf.StringOrNull(seconds(value))
}

func keep[T any, V comparable](prior T, before, value V, known func(V) T, null func() T) T {
	switch {
	case before == value:
		return prior
	case reflect.ValueOf(value).IsZero():
		return null()
	default:
		return known(value)
	}
}
