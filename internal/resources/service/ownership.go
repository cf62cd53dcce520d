package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

func expandOwnership(m model) app.Ownership {
	return app.Ownership{
		ImageOwner:  app.ImageOwner(m.ImageOwner.ValueString()),
		DriftIgnore: slices.Sorted(slices.Values(knownStrings(m.DriftIgnore.Elements()))),
		Rerender:    m.Rerender.ValueBool(),
	}
}

// ownership writes what is left to others. The default owner is recorded as nothing.
func (f *flattener) ownership(m *model, o app.Ownership, prior model) {
	if prior.ImageOwner.ValueString() != string(app.ImageTerraform) || o.ImageOwner != "" {
		m.ImageOwner = keepString(prior.ImageOwner, string(o.ImageOwner))
	}
	m.DriftIgnore = f.set(o.DriftIgnore, prior.DriftIgnore)
	m.Rerender = keepBool(prior.Rerender, o.Rerender)
}

// external tells whether a model leaves the image to another tool.
func (m model) external() bool { return m.ImageOwner.ValueString() == string(app.ImageExternal) }

// tellOwnership says in the plan what a change means that does not show in it.
func (c change) tellOwnership(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) {
	c.tellImage(diags)
	if c.plan.DriftIgnore.IsNull() || !knownButComputed(raw) {
		return
	}
	a, more := expand(ctx, c.plan)
	diags.Append(more...)
	for _, pattern := range deploy.UnmatchedIgnores(a) {
		diags.AddAttributeWarning(path.Root("drift_ignore"), "Nothing to ignore", fmt.Sprintf(
			"%q is no field that the service declares, so it changes nothing. What others add is never compared. If it is meant to be one, copy the "+
				"field from drift.", pattern))
	}
}

// tellImage tells what becomes of the image that runs.
func (c change) tellImage(diags *diag.Diagnostics) {
	if c.prior == nil || c.prior.imported() || c.plan.ImageOwner.IsUnknown() {
		return
	}
	switch before, after := c.prior.external(), c.plan.external(); {
	case before && !after:
		diags.AddAttributeWarning(path.Root("image_owner"), "The image that another tool deployed is replaced", fmt.Sprintf(
			"Terraform decides about the image again: what runs now (%s) is replaced by %s.", orUnknown(c.prior.ImageDigest.ValueString()),
			orUnknown(c.plan.Image.ValueString())))
	case !before && after:
		diags.AddAttributeWarning(path.Root("image_owner"), "The image is left to another tool",
			"What runs goes on, and from now on no apply changes it. The attribute image is only what a service begins with that is made anew.")
	case after && !c.prior.Image.Equal(c.plan.Image):
		diags.AddAttributeWarning(path.Root("image"), "The image that runs stays",
			"With image_owner = \"external\" another tool deploys images, and image is only what a service begins with that is made anew: nothing that runs "+
				"is changed. Deploy with that tool, or set image_owner = \"terraform\".")
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "an image that is not known here"
	}
	return s
}

// besideTheApp are the attributes that no app is rendered from: what is found out about it, and how it is worked on.
var besideTheApp = []string{"id", "url", "release_id", "status", "image_digest", "drift", "objects", "rerender", "timeouts"}

// knownButComputed tells whether everything that is declared is known.
func knownButComputed(raw tftypes.Value) bool {
	var parts map[string]tftypes.Value
	if raw.As(&parts) != nil {
		return false
	}
	for name, part := range parts {
		if !slices.Contains(besideTheApp, name) && !part.IsFullyKnown() {
			return false
		}
	}
	return true
}
