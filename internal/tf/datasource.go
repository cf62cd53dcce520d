package tf

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// DataSourceAttributes are the attributes of a resource as a data source shows them: all computed, with the same types
// and descriptions, without those that are named. So the two never diverge.
func DataSourceAttributes(of map[string]schema.Attribute, without ...string) map[string]datasource.Attribute {
	shown := make(map[string]datasource.Attribute, len(of))
	for name, attribute := range of {
		if !slices.Contains(without, name) && !attribute.IsWriteOnly() {
			shown[name] = dataSourceAttribute(attribute)
		}
	}
	return shown
}

func dataSourceAttribute(of schema.Attribute) datasource.Attribute {
	text, sensitive, deprecated := shownText(of.GetMarkdownDescription()), of.IsSensitive(), of.GetDeprecationMessage()
	nested := func(o schema.NestedAttributeObject) datasource.NestedAttributeObject {
		return datasource.NestedAttributeObject{Attributes: DataSourceAttributes(o.Attributes), CustomType: o.CustomType}
	}
	switch a := of.(type) {
	case schema.StringAttribute:
		return datasource.StringAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType}
	case schema.BoolAttribute:
		return datasource.BoolAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType}
	case schema.Int32Attribute:
		return datasource.Int32Attribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType}
	case schema.Int64Attribute:
		return datasource.Int64Attribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType}
	case schema.Float64Attribute:
		return datasource.Float64Attribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType}
	case schema.ListAttribute:
		return datasource.ListAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, ElementType: a.ElementType}
	case schema.SetAttribute:
		return datasource.SetAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, ElementType: a.ElementType}
	case schema.MapAttribute:
		return datasource.MapAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, ElementType: a.ElementType}
	case schema.ObjectAttribute:
		return datasource.ObjectAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, AttributeTypes: a.AttributeTypes}
	case schema.SingleNestedAttribute:
		return datasource.SingleNestedAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, Attributes: DataSourceAttributes(a.Attributes)}
	case schema.ListNestedAttribute:
		return datasource.ListNestedAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, NestedObject: nested(a.NestedObject)}
	case schema.SetNestedAttribute:
		return datasource.SetNestedAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, NestedObject: nested(a.NestedObject)}
	case schema.MapNestedAttribute:
		return datasource.MapNestedAttribute{MarkdownDescription: text, Computed: true, Sensitive: sensitive, DeprecationMessage: deprecated, CustomType: a.CustomType, NestedObject: nested(a.NestedObject)}
	default:
		panic(fmt.Sprintf("attributes of type %T are not shown by data sources yet: add it", of))
	}
}

// argumentSentences begin what is said to those who set an attribute, or read a plan.
var argumentSentences = []string{
	"Required", "Default", "Changing it", "A change ", "At least one", "Exactly one", "Not with ", "Keys of ", "Never put ", "Restrict it ",
	"Known at plan time", "That is never a difference", "How many nodes there are is ", "GKE cannot change it later",
}

// shownText is a description without the sentences for those who set the attribute.
func shownText(description string) string {
	kept := slices.DeleteFunc(sentences(description), func(s string) bool {
		return slices.ContainsFunc(argumentSentences, func(begin string) bool { return strings.HasPrefix(s, begin) })
	})
	if len(kept) == 0 {
		return description
	}
	return strings.Join(kept, " ")
}

// sentences splits where a full stop and a space are followed by a capital letter.
func sentences(text string) []string {
	var all []string
	from := 0
	for i := 0; i+2 < len(text); i++ {
		if text[i:i+2] == ". " && unicode.IsUpper(rune(text[i+2])) {
			all = append(all, text[from:i+1])
			from = i + 2
		}
	}
	return append(all, text[from:])
}

// NullModel is a resource's model in which every attribute is null: what an import begins with.
func NullModel[M any](ctx context.Context, of schema.Schema) (M, diag.Diagnostics) {
	var m M
	values := map[string]tftypes.Value{}
	kind := of.Type().TerraformType(ctx)
	if object, ok := kind.(tftypes.Object); ok {
		for name, attribute := range object.AttributeTypes {
			values[name] = tftypes.NewValue(attribute, nil)
		}
	}
	diags := tfsdk.State{Schema: of, Raw: tftypes.NewValue(kind, values)}.Get(ctx, &m)
	return m, diags
}

// SetDataSource writes a resource's model into the state of a data source: those attributes that the data source has.
func SetDataSource(ctx context.Context, state *tfsdk.State, of schema.Schema, model any, diags *diag.Diagnostics) {
	whole := tfsdk.State{Schema: of, Raw: tftypes.NewValue(of.Type().TerraformType(ctx), nil)}
	diags.Append(whole.Set(ctx, model)...)
	var values map[string]tftypes.Value
	kind, isObject := state.Schema.Type().TerraformType(ctx).(tftypes.Object)
	if err := whole.Raw.As(&values); err != nil || !isObject || diags.HasError() {
		AddError(diags, err, "The data source could not be filled")
		return
	}
	shown := map[string]tftypes.Value{}
	for name := range kind.AttributeTypes {
		shown[name] = values[name]
	}
	state.Raw = tftypes.NewValue(kind, shown)
}
