package tf

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// LabelsAttribute is the attribute labels of every resource that has Google Cloud labels.
func LabelsAttribute() schema.MapAttribute {
	return schema.MapAttribute{
		ElementType: types.StringType, Optional: true,
		MarkdownDescription: "Labels, in addition to the provider's `default_labels`, which they override key by key. " +
			"Keys are 1 to 63 characters, begin with a lower case letter and hold lower case letters, digits, `_` and `-`. Default: none.",
		Validators: []validator.Map{LabelsValidator()},
	}
}

// EffectiveLabelsAttribute is the computed attribute effective_labels beside it.
func EffectiveLabelsAttribute() schema.MapAttribute {
	return schema.MapAttribute{
		ElementType: types.StringType, Computed: true,
		MarkdownDescription: "All labels on the object that Terraform manages: `default_labels` of the provider and `labels`.",
	}
}

// PlanEffectiveLabels plans effective_labels as the provider's default labels and the resource's own, which win.
func (p *Provider) PlanEffectiveLabels(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if p == nil || req.Plan.Raw.IsNull() {
		return
	}
	var labels types.Map
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("labels"), &labels)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("effective_labels"), unionLabels(p.DefaultLabels, labels))...)
}

// unionLabels is unknown as soon as one of the two is: which keys there will be is not known then.
func unionLabels(defaults, own types.Map) types.Map {
	if defaults.IsUnknown() || own.IsUnknown() {
		return types.MapUnknown(types.StringType)
	}
	union := map[string]attr.Value{}
	maps.Copy(union, defaults.Elements())
	maps.Copy(union, own.Elements())
	return types.MapValueMust(types.StringType, union)
}

// Label syntax: https://cloud.google.com/compute/docs/labeling-resources#requirements, without the letters outside
// ASCII, which GKE does not take.
var (
	labelKey   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
)

// maxLabels is how many labels the APIs take, less room for the ownership stamp.
const maxLabels = 60

type labelsValidator struct{}

// LabelsValidator checks keys and values of Google Cloud labels and refuses the keys of the ownership stamp.
func LabelsValidator() validator.Map { return labelsValidator{} }

// Description says what is accepted.
func (labelsValidator) Description(context.Context) string {
	return "keys and values must be Google Cloud labels"
}

// MarkdownDescription says what is accepted.
func (v labelsValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateMap adds one error per bad label.
func (labelsValidator) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	elements := req.ConfigValue.Elements()
	if len(elements) > maxLabels {
		resp.Diagnostics.AddAttributeError(req.Path, "Too many labels",
			fmt.Sprintf("There are %d labels; at most %d are possible.", len(elements), maxLabels))
	}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		if problem := labelProblem(key, elements[key]); problem != "" {
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Invalid label", problem)
		}
	}
}

func labelProblem(key string, value attr.Value) string {
	switch {
	case names.IsStampLabel(key):
		return fmt.Sprintf("The label %q belongs to the provider, which marks with it what it owns. Choose another key.", key)
	case !labelKey.MatchString(key):
		return fmt.Sprintf("The key %s is not valid: 1 to 63 characters, a lower case letter first, then lower case letters, "+
			"digits, _ and - (example: \"cost-center\").", names.Quote(key))
	}
	text, ok := value.(types.String)
	if !ok || text.IsUnknown() || text.IsNull() {
		return ""
	}
	if s := text.ValueString(); !utf8.ValidString(s) || !labelValue.MatchString(s) {
		return fmt.Sprintf("The value of the label %q is not valid: up to 63 lower case letters, digits, _ and - (example: \"team-a\").", key)
	}
	return ""
}
