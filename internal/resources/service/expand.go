package service

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// expand gives the declared app, without defaults. It also takes a configuration of which parts are unknown: these are
// left out, except that the keys of maps are always there.
func expand(ctx context.Context, m model) (app.App, diag.Diagnostics) {
	e := expander{ctx: ctx}
	a := app.App{
		Name:        m.Name.ValueString(),
		Image:       m.Image.ValueString(),
		Config:      tf.Strings(m.Config),
		Secrets:     tf.Strings(m.Secrets),
		Labels:      tf.Strings(m.Labels),
		ConfigFiles: expandFiles(m.ConfigFiles),
		SecretFiles: tf.Strings(m.SecretFiles),
		Processes:   map[string]app.Process{},
		Annotations: tf.Strings(m.Annotations),
		Identity:    accountOf(m.Identity.ValueString()),
		Ownership:   expandOwnership(m),
	}
	if g, ok := tf.Object[gkeModel](e.ctx, m.GKE, &e.diags); ok {
		a.GKE = &app.GKE{
			Cluster: g.Cluster.ValueString(), Namespace: g.Namespace.ValueString(), Capacity: app.Capacity(g.Capacity.ValueString()),
			SessionAffinity: g.SessionAffinity.ValueBool(), IdentityWait: e.identityWait(g.IdentityWait),
		}
	}
	a.CloudRun = e.cloudRun(m)
	for name, value := range m.Processes.Elements() {
		a.Processes[name] = e.process(value)
	}
	a.Sidecars = e.sidecars(m.Sidecars)
	return a, e.diags
}

type expander struct {
	ctx   context.Context
	diags diag.Diagnostics
}

func (e *expander) process(value attr.Value) app.Process {
	object, _ := value.(types.Object)
	m, _ := tf.Object[processModel](e.ctx, object, &e.diags)
	return app.Process{
		Command:       wholeList(m.Command),
		Args:          wholeList(m.Args),
		Port:          positive(m.Port),
		CPU:           m.CPU.ValueString(),
		Memory:        m.Memory.ValueString(),
		Scale:         e.scale(m.Scale),
		Startup:       e.probe(m.Startup),
		Liveness:      e.probe(m.Liveness),
		Readiness:     e.probe(m.Readiness),
		ShutdownGrace: duration(m.ShutdownGrace),
		Scratch:       tf.Strings(m.Scratch),
	}
}

func (e *expander) scale(value types.Object) app.Scale {
	m, _ := tf.Object[scaleModel](e.ctx, value, &e.diags)
	return app.Scale{
		Min: int(m.Min.ValueInt64()), MinSet: !m.Min.IsNull() && !m.Min.IsUnknown(),
		Max: positive(m.Max), Concurrency: positive(m.Concurrency), CPUPercent: positive(m.CPUPercent),
	}
}

// probe leaves a check out of which anything is unknown: the rules judge a check as a whole.
func (e *expander) probe(value types.Object) *app.Probe {
	m, ok := tf.Object[probeModel](e.ctx, value, &e.diags)
	if !ok || slices.ContainsFunc(slices.Collect(maps.Values(value.Attributes())), attr.Value.IsUnknown) {
		return nil
	}
	return &app.Probe{
		Path: m.Path.ValueString(), TCP: m.TCP.ValueBool(), GRPC: m.GRPC.ValueBool(), GRPCService: m.GRPCService.ValueString(),
		Period: duration(m.Period), Timeout: duration(m.Timeout), FailureThreshold: positive(m.FailureThreshold),
	}
}

// knownStrings gives those elements of a set that are known.
func knownStrings(elements []attr.Value) []string {
	var out []string
	for _, value := range elements {
		if s, ok := value.(types.String); ok && !s.IsUnknown() && !s.IsNull() {
			out = append(out, s.ValueString())
		}
	}
	return out
}

// wholeList gives a list whose elements are all known, and nil otherwise: a command is no shorter for being unknown.
func wholeList(l types.List) []string {
	known := knownStrings(l.Elements())
	if len(known) != len(l.Elements()) {
		return nil
	}
	return known
}

// positive leaves out what the attribute's validator refuses.
func positive(v types.Int64) int { return int(max(0, v.ValueInt64())) }

// duration leaves out what the attribute's validator refuses.
func duration(v types.String) time.Duration {
	d, err := time.ParseDuration(v.ValueString())
	if err != nil || d < 0 {
		return 0
	}
	return d
}
