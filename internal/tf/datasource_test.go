package tf_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// everyKind has an attribute of each kind.
func everyKind(t *testing.T) schema.Schema {
	t.Helper()
	inner := map[string]schema.Attribute{"inner": schema.StringAttribute{Optional: true, MarkdownDescription: "Required. The inner one."}}
	object := schema.NestedAttributeObject{Attributes: inner}
	return schema.Schema{Attributes: map[string]schema.Attribute{
		"string":        schema.StringAttribute{Required: true, MarkdownDescription: "A name. Default: `none`. Changing it makes a new one. Known at plan time."},
		"secret":        schema.StringAttribute{Computed: true, Sensitive: true, DeprecationMessage: "old"},
		"wo":            schema.StringAttribute{Optional: true, WriteOnly: true},
		"bool":          schema.BoolAttribute{Optional: true, MarkdownDescription: "Default: `true`."},
		"int32":         schema.Int32Attribute{Optional: true},
		"int64":         schema.Int64Attribute{Optional: true},
		"float64":       schema.Float64Attribute{Optional: true},
		"list":          schema.ListAttribute{Optional: true, ElementType: types.StringType},
		"set":           schema.SetAttribute{Optional: true, ElementType: types.StringType},
		"map":           schema.MapAttribute{Optional: true, ElementType: types.Int64Type},
		"object":        schema.ObjectAttribute{Optional: true, AttributeTypes: nil},
		"single_nested": schema.SingleNestedAttribute{Optional: true, Attributes: inner},
		"list_nested":   schema.ListNestedAttribute{Optional: true, NestedObject: object},
		"set_nested":    schema.SetNestedAttribute{Optional: true, NestedObject: object},
		"map_nested":    schema.MapNestedAttribute{Optional: true, NestedObject: object},
		"timeouts":      timeouts.AttributesAll(t.Context()),
	}}
}

func TestDataSourceAttributesHaveTheTypesOfTheResource(t *testing.T) {
	t.Parallel()
	of := everyKind(t)
	shown := tf.DataSourceAttributes(of.Attributes, "int64")
	if len(shown) != len(of.Attributes)-2 || shown["int64"] != nil || shown["wo"] != nil {
		t.Errorf("%d of %d attributes are shown", len(shown), len(of.Attributes))
	}
	for name, attribute := range shown {
		if !attribute.GetType().Equal(of.Attributes[name].GetType()) {
			t.Errorf("%s is %s, was %s", name, attribute.GetType(), of.Attributes[name].GetType())
		}
		if !attribute.IsComputed() || attribute.IsOptional() || attribute.IsRequired() {
			t.Errorf("%s can be set", name)
		}
	}
	if secret := shown["secret"]; !secret.IsSensitive() || secret.GetDeprecationMessage() != "old" {
		t.Error("what is sensitive and deprecated in the resource is not so in the data source")
	}
	nested, _ := shown["map_nested"].(datasource.MapNestedAttribute)
	for got, want := range map[string]string{
		shown["string"].GetMarkdownDescription():                         "A name.",
		shown["bool"].GetMarkdownDescription():                           "Default: `true`.", // better than nothing
		nested.NestedObject.Attributes["inner"].GetMarkdownDescription(): "The inner one.",
	} {
		if got != want {
			t.Errorf("described as %q, want %q", got, want)
		}
	}
}

type smallModel struct {
	Name   types.String `tfsdk:"name"`
	Hidden types.String `tfsdk:"hidden"`
}

func TestSetDataSourceLeavesOutWhatIsNotShown(t *testing.T) {
	t.Parallel()
	of := schema.Schema{Attributes: map[string]schema.Attribute{
		"name": schema.StringAttribute{Computed: true}, "hidden": schema.StringAttribute{Computed: true},
	}}
	m, diags := tf.NullModel[smallModel](t.Context(), of)
	if diags.HasError() || !m.Name.IsNull() || !m.Hidden.IsNull() {
		t.Fatalf("%v, %v", m, diags)
	}
	m.Name, m.Hidden = types.StringValue("dev"), types.StringValue("x")
	shown := datasource.Schema{Attributes: tf.DataSourceAttributes(of.Attributes, "hidden")}
	state := tfsdk.State{Schema: shown}
	var all diag.Diagnostics
	tf.SetDataSource(t.Context(), &state, of, m, &all)
	values := map[string]tftypes.Value{}
	if err := state.Raw.As(&values); err != nil || all.HasError() {
		t.Fatal(err, all)
	}
	want := map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, "dev")}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
}
