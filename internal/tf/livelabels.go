package tf

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// LiveLabels gives the live values of the labels that are managed; null when none are.
func LiveLabels(live map[string]string, managed types.Map) types.Map {
	if managed.IsNull() {
		return managed
	}
	kept := map[string]attr.Value{}
	for key := range managed.Elements() {
		if value, ok := live[key]; ok {
			kept[key] = types.StringValue(value)
		}
	}
	return types.MapValueMust(types.StringType, kept)
}

// ImportedLabels takes all live labels for managed: those that the provider's default labels set are effective labels,
// and not the resource's own.
func ImportedLabels(live map[string]string, defaults types.Map) (own, effective types.Map) {
	all, rest := map[string]attr.Value{}, map[string]attr.Value{}
	for key, value := range live {
		all[key] = types.StringValue(value)
		if byDefault, ok := defaults.Elements()[key]; !ok || !byDefault.Equal(all[key]) {
			rest[key] = all[key]
		}
	}
	own = types.MapNull(types.StringType)
	if len(rest) > 0 {
		own = types.MapValueMust(types.StringType, rest)
	}
	return own, types.MapValueMust(types.StringType, all)
}
