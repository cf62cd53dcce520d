package namespace

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// checkImport refuses what is not the id of a namespace that users have.
func checkImport(id string) error {
	parsed, err := names.ParseKubeNamespaceID(id)
	if err != nil {
		return err
	}
	return app.CheckOwnNamespace(parsed.Name)
}

type entriesValidator struct {
	check func(key, value string) error
}

// entries checks each entry of a map, at its own path. Unknown values are checked by their key.
func entries(check func(key, value string) error) []validator.Map {
	return []validator.Map{entriesValidator{check}}
}

// Description says what is accepted.
func (entriesValidator) Description(context.Context) string {
	return "every entry must be one that Kubernetes takes"
}

// MarkdownDescription says what is accepted.
func (v entriesValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateMap adds one error per bad entry.
func (v entriesValidator) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	elements := req.ConfigValue.Elements()
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		at := req.Path.AtMapKey(key)
		value, _ := elements[key].(types.String)
		switch {
		case value.IsNull():
			resp.Diagnostics.AddAttributeError(at, "Invalid "+at.String(), "It is null. Give it a value or leave the key out.")
		case value.IsUnknown():
		default:
			if err := v.check(key, value.ValueString()); err != nil {
				resp.Diagnostics.AddAttributeError(at, "Invalid "+at.String(), err.Error()+".")
			}
		}
	}
}

// ValidateConfig checks what holds between attributes.
func (*namespaceResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		m.check(ctx, &resp.Diagnostics)
	}
}

// check refuses combinations that mean nothing or exclude each other. What is unknown is not judged.
func (m model) check(ctx context.Context, diags *diag.Diagnostics) {
	n := m.declared(ctx, diags)
	if limits, ok := tf.Object[limitsModel](ctx, m.Limits, diags); m.Limits.IsUnknown() || ok && (limits.DefaultLimit.IsUnknown() || limits.Max.IsUnknown()) {
		n.Quota = nil // what it needs may be in there
	}
	for _, f := range app.CheckNamespaceFit(n) {
		at := path.Root(f.Path[0])
		for _, step := range f.Path[1 : len(f.Path)-1] {
			at = at.AtName(step)
		}
		diags.AddAttributeError(at.AtMapKey(f.Path[len(f.Path)-1]), f.Summary, f.Detail)
	}
	if !m.Network.IsNull() && !m.DefaultDeny.IsNull() && !m.DefaultDeny.IsUnknown() && !m.DefaultDeny.ValueBool() {
		diags.AddAttributeError(path.Root("network"), "Nothing is denied that it could allow", "network lists what is allowed although everything is "+
			"denied, but default_deny is false. Leave network out, or default_deny.")
	}
}

// checkLabels refuses default labels of the provider that are none in Kubernetes.
func (m model) checkLabels(diags *diag.Diagnostics) {
	for _, key := range slices.Sorted(maps.Keys(m.EffectiveLabels.Elements())) {
		value, _ := m.EffectiveLabels.Elements()[key].(types.String)
		if _, own := m.Labels.Elements()[key]; own || value.IsUnknown() {
			continue
		}
		if err := app.CheckNamespaceLabel(key, value.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("labels"), "Default label that Kubernetes does not take", "It comes from default_labels of the provider: "+
				err.Error()+". Change it there, or override it: labels = { "+key+" = \"…\" }.")
		}
	}
}
