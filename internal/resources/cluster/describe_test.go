package cluster_test

import (
	"strings"
	"testing"

	datasource "github.com/hashicorp/terraform-plugin-framework/datasource"
	dataschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	clusters "github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/cluster"
)

// The description of an attribute of a pool says that a change rolls the pool exactly where it does.
func TestDescriptionsSayWhatRolls(t *testing.T) {
	t.Parallel()
	var of fwresource.SchemaResponse
	clusters.New().Schema(t.Context(), fwresource.SchemaRequest{}, &of)
	pools := of.Schema.Attributes["node_pools"].(schema.MapNestedAttribute)
	roll := map[string]bool{}
	for _, row := range actions {
		if name, ok := strings.CutPrefix(row.attribute, "node_pools."); ok && row.want == rolls {
			roll[name] = true
		}
	}
	for name, attribute := range pools.NestedObject.Attributes {
		if says := strings.Contains(attribute.GetMarkdownDescription(), "A change rolls the pool"); says != roll[name] {
			t.Errorf("a change of %s rolls the pool: %v, its description: %s", name, roll[name], attribute.GetMarkdownDescription())
		}
		listed, _, _ := strings.Cut(pools.MarkdownDescription, "**roll**")
		if says := strings.Contains(listed, "`"+name+"`"); says != roll[name] {
			t.Errorf("a change of %s rolls the pool: %v, the description of node_pools: %s", name, roll[name], pools.MarkdownDescription)
		}
	}
}

// A data source has no plan, and nobody sets what it shows.
func TestDataSourceIsDescribedForThoseWhoRead(t *testing.T) {
	t.Parallel()
	var shown datasource.SchemaResponse
	clusters.NewDataSource().Schema(t.Context(), datasource.SchemaRequest{}, &shown)
	var check func(at string, attributes map[string]dataschema.Attribute)
	check = func(at string, attributes map[string]dataschema.Attribute) {
		for name, attribute := range attributes {
			for _, said := range []string{"hanging it", "A change", "Default: `", "plan time", "a difference", "of your choice", "Required"} {
				if text := attribute.GetMarkdownDescription(); strings.Contains(text, said) {
					t.Errorf("%s%s is described for those who set or plan it: %s", at, name, text)
				}
			}
			switch a := attribute.(type) {
			case dataschema.MapNestedAttribute:
				check(at+name+".", a.NestedObject.Attributes)
			case dataschema.ListNestedAttribute:
				check(at+name+".", a.NestedObject.Attributes)
			case dataschema.SingleNestedAttribute:
				check(at+name+".", a.Attributes)
			}
		}
	}
	check("", shown.Schema.Attributes)
}
