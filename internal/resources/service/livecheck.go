package service

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// checkLive has the live APIs judge a plan that changes something. It refuses or warns and never chooses a value.
func (r *serviceResource) checkLive(ctx context.Context, c change, planned model, diags *diag.Diagnostics) {
	enforced := enforceError
	if set, ok := r.provider.Factors[app.LiveCheck]; ok {
		enforced = set
	}
	if enforced == enforceOff || diags.HasError() {
		return
	}
	a, _ := expand(ctx, planned)
	verdict := deploy.UncheckedService("whom to ask is known after apply only")
	if r.provider.Known {
		verdict = r.verdictOn(ctx, c, planned, a)
	}
	for _, refusal := range verdict.Refusals {
		if enforced == enforceWarn {
			tf.AddWarning(diags, refusal, refusal.Summary)
		} else {
			tf.AddError(diags, refusal, refusal.Summary)
		}
	}
	if notice := verdict.Unchecked(a); notice != nil {
		tf.AddNotices(diags, []deploy.Notice{*notice})
	}
}

// verdictOn asks, unless what decides about the answer is known after apply only. Values of config and secrets decide
// nothing: those that are unknown are left out.
func (r *serviceResource) verdictOn(ctx context.Context, c change, planned model, a app.App) deploy.ServiceVerdict {
	if open := planned.open(ctx); len(open) > 0 {
		return deploy.UncheckedService("known after apply only: " + strings.Join(open, ", "))
	}
	a.Labels = tf.Strings(planned.EffectiveLabels)
	unknown := func(_, version string) bool { return version == "" }
	maps.DeleteFunc(a.Secrets, unknown)
	maps.DeleteFunc(a.SecretFiles, unknown)
	for _, s := range a.Sidecars {
		maps.DeleteFunc(s.Secrets, unknown)
	}
	if source, err := sourceOf(ctx, planned); err == nil {
		a.Source = source
	}
	return r.provider.Cloud.CheckService(ctx, deploy.ServiceSpec{App: a, Adopt: c.adopts()})
}

// open lists the attributes that a check needs and that are not known.
func (m model) open(ctx context.Context) []string {
	var open []string
	for name, value := range map[string]attr.Value{
		"name": m.Name, "image": m.Image, "gke": m.GKE, "cloud_run": m.CloudRun, "processes": m.Processes, "identity": m.Identity, "project": m.Project,
		"labels": m.EffectiveLabels, "annotations": m.Annotations, "image_owner": m.ImageOwner, "drift_ignore": m.DriftIgnore,
	} {
		raw, err := value.ToTerraformValue(ctx)
		if err != nil || !raw.IsFullyKnown() {
			open = append(open, name)
		}
	}
	if !sidecarsKnown(ctx, m.Sidecars) {
		open = append(open, "sidecars")
	}
	return slices.Sorted(slices.Values(open))
}

// adopts tells that the service was imported without a record, so that the apply takes over what another tool made.
func (c change) adopts() bool { return c.prior != nil && c.prior.unrecorded() }

// unrecorded tells a state that came from an import of what another tool made: no release of ours was ever applied.
func (m model) unrecorded() bool { return !m.imported() && m.ReleaseID.IsNull() }
