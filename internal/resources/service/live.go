package service

import (
	"bytes"
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// spec is what the use cases take of a plan, in which everything is known. Live objects carry all of the labels.
func (m model) spec(ctx context.Context, timeout time.Duration, diags *diag.Diagnostics) deploy.ServiceSpec {
	a, more := expand(ctx, m)
	diags.Append(more...)
	a.Labels = tf.Strings(m.EffectiveLabels)
	var err error
	a.Source, err = sourceOf(ctx, m)
	tf.AddError(diags, err, "The configuration could not be recorded")
	return deploy.ServiceSpec{App: a, Timeout: timeout}
}

// imported tells a state of which an import has set nothing but the id.
func (m model) imported() bool { return m.Name.IsNull() }

// known is what the state knows: the app that was applied, or its name and place after an import until it is applied.
func (m model) known(ctx context.Context, diags *diag.Diagnostics) app.App {
	if !m.imported() && !m.unrecorded() {
		return m.spec(ctx, 0, diags).App
	}
	a, err := deploy.ParseServiceID(m.ID.ValueString())
	tf.AddError(diags, err, "The state holds no id of a service")
	return a
}

// applied is the state after an apply: the plan, and what only the apply could find out.
func (m model) applied(id string, a app.App, live *deploy.ServiceState) model {
	m.ID = types.StringValue(id)
	if m.URL.IsUnknown() {
		m.URL = tf.StringOrNull(live.URL)
	}
	if m.ReleaseID.IsUnknown() {
		m.ReleaseID = types.StringValue(app.ReleaseID(a))
	}
	m.Status = types.StringValue(live.Status)
	m.ImageDigest = tf.StringOrNull(live.ImageDigest)
	m.Objects = tf.ListOf(live.Objects)
	return m
}

// refreshed is the state after a read. What the user wrote is replaced only if something else is live.
func (m model) refreshed(ctx context.Context, known app.App, live *deploy.ServiceState, defaults types.Map, diags *diag.Diagnostics) model {
	fresh := m
	if m.imported() || !same(known, live.App) {
		fresh = recorded(ctx, live.App, m, defaults, diags)
	}
	fresh.URL, fresh.ReleaseID = tf.StringOrNull(live.URL), tf.StringOrNull(live.ReleaseID)
	fresh.ImageDigest = tf.StringOrNull(live.ImageDigest)
	fresh.Status = types.StringValue(live.Status)
	fresh.Drift, fresh.Objects = tf.ListOf(live.Drift), tf.ListOf(live.Objects)
	return fresh
}

// same tells whether two declarations mean the same.
func same(a, b app.App) bool {
	a.Source, b.Source = nil, nil
	one, errA := app.Encode(app.WithDefaults(a))
	other, errB := app.Encode(app.WithDefaults(b))
	return errA == nil && errB == nil && bytes.Equal(one, other)
}

// splitLabels gives all labels, and those of them that are not the provider's default labels, except where the
// configuration repeats one of these.
func splitLabels(live map[string]string, prior model, defaults types.Map) (all, own types.Map) {
	every, rest := map[string]attr.Value{}, map[string]attr.Value{}
	for key, value := range live {
		every[key] = types.StringValue(value)
		_, repeated := prior.Labels.Elements()[key]
		if byDefault, ok := defaults.Elements()[key]; repeated || !ok || !byDefault.Equal(every[key]) {
			rest[key] = every[key]
		}
	}
	own = types.MapNull(types.StringType)
	if len(rest) > 0 || !prior.Labels.IsNull() {
		own = types.MapValueMust(types.StringType, rest)
	}
	return types.MapValueMust(types.StringType, every), own
}
