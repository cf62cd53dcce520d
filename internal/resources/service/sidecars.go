package service

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func (e *expander) sidecars(value types.Map) map[string]app.Sidecar {
	if len(value.Elements()) == 0 {
		return nil
	}
	all := map[string]app.Sidecar{}
	for name, element := range value.Elements() {
		object, _ := element.(types.Object)
		m, _ := tf.Object[sidecarModel](e.ctx, object, &e.diags)
		all[name] = app.Sidecar{
			Image:     m.Image.ValueString(),
			Command:   wholeList(m.Command),
			Args:      wholeList(m.Args),
			Config:    tf.Strings(m.Config),
			Secrets:   tf.Strings(m.Secrets),
			Port:      positive(m.Port),
			CPU:       m.CPU.ValueString(),
			Memory:    m.Memory.ValueString(),
			Startup:   e.probe(m.Startup),
			Liveness:  e.probe(m.Liveness),
			Readiness: e.probe(m.Readiness),
			Scratch:   tf.Strings(m.Scratch),
			Processes: slices.Sorted(slices.Values(knownStrings(m.Processes.Elements()))),
			After:     slices.Sorted(slices.Values(knownStrings(m.After.Elements()))),
		}
	}
	return all
}

func (e *expander) identityWait(value types.Object) *app.IdentityWait {
	m, ok := tf.Object[waitModel](e.ctx, value, &e.diags)
	if !ok {
		return nil
	}
	off := !m.Enabled.IsNull() && !m.Enabled.IsUnknown() && !m.Enabled.ValueBool()
	return &app.IdentityWait{Off: off, Image: m.Image.ValueString(), Timeout: duration(m.Timeout)}
}

func (f *flattener) sidecars(sidecars map[string]app.Sidecar, prior types.Map) types.Map {
	switch {
	case len(sidecars) == 0 && !prior.IsNull() && len(prior.Elements()) == 0:
		return prior
	case len(sidecars) == 0:
		return types.MapNull(sidecarType)
	}
	elements := make(map[string]attr.Value, len(sidecars))
	for _, name := range slices.Sorted(maps.Keys(sidecars)) {
		before, _ := prior.Elements()[name].(types.Object)
		elements[name] = f.sidecar(sidecars[name], before)
	}
	return types.MapValueMust(sidecarType, elements)
}

func (f *flattener) sidecar(s app.Sidecar, prior types.Object) types.Object {
	m, _ := tf.Object[sidecarModel](f.ctx, prior, &f.diags)
	return objectOf(f, sidecarTypes, sidecarModel{
		Image:     keepString(m.Image, s.Image),
		Command:   f.list(s.Command, m.Command),
		Args:      f.list(s.Args, m.Args),
		Config:    f.stringMap(s.Config, m.Config),
		Secrets:   f.stringMap(s.Secrets, m.Secrets),
		Port:      keepInt(m.Port, s.Port),
		CPU:       keepString(m.CPU, s.CPU),
		Memory:    keepString(m.Memory, s.Memory),
		Startup:   f.probe(s.Startup, m.Startup),
		Liveness:  f.probe(s.Liveness, m.Liveness),
		Readiness: f.probe(s.Readiness, m.Readiness),
		Scratch:   f.stringMap(s.Scratch, m.Scratch),
		Processes: f.set(s.Processes, m.Processes),
		After:     f.set(s.After, m.After),
	})
}

// identityWait leaves out what says no more than the default does.
func (f *flattener) identityWait(w *app.IdentityWait, prior types.Object) types.Object {
	before, declared := tf.Object[waitModel](f.ctx, prior, &f.diags)
	if w == nil || !declared && *w == (app.IdentityWait{}) {
		return types.ObjectNull(waitTypes)
	}
	m := waitModel{Enabled: before.Enabled, Image: keepString(before.Image, w.Image), Timeout: keepDuration(before.Timeout, w.Timeout)}
	switch {
	case w.Off:
		m.Enabled = types.BoolValue(false)
	case !before.Enabled.ValueBool():
		m.Enabled = types.BoolNull()
	}
	return objectOf(f, waitTypes, m)
}

// sidecarsKnown tells whether all of the sidecars is known but values of config and secrets.
func sidecarsKnown(ctx context.Context, sidecars types.Map) bool {
	if sidecars.IsUnknown() {
		return false
	}
	for _, value := range sidecars.Elements() {
		object, _ := value.(types.Object)
		if object.IsUnknown() {
			return false
		}
		for name, attribute := range object.Attributes() {
			raw, err := attribute.ToTerraformValue(ctx)
			known := err == nil && raw.IsFullyKnown()
			if valuesOnly := name == "config" || name == "secrets"; !known && (!valuesOnly || attribute.IsUnknown()) {
				return false
			}
		}
	}
	return true
}
