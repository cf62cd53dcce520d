package tf

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// StringOrNull is null for an empty string: for attributes that are absent rather than empty.
func StringOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// Object gives an object's attributes; ok is false when it is null or unknown.
func Object[T any](ctx context.Context, object types.Object, diags *diag.Diagnostics) (m T, ok bool) {
	if object.IsNull() || object.IsUnknown() {
		return m, false
	}
	diags.Append(object.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	return m, true
}

// Strings gives a map of strings whose values are known; nil without any.
func Strings(m types.Map) map[string]string {
	if len(m.Elements()) == 0 {
		return nil
	}
	out := map[string]string{}
	for key, value := range m.Elements() {
		if s, ok := value.(types.String); ok {
			out[key] = s.ValueString()
		}
	}
	return out
}

// Members gives a set of strings whose values are known, sorted.
func Members(set types.Set) []string {
	var out []string
	for _, value := range set.Elements() {
		if s, ok := value.(types.String); ok {
			out = append(out, s.ValueString())
		}
	}
	slices.Sort(out)
	return out
}

// SetOf is the set of the strings; empty, not null, without any.
func SetOf(members []string) types.Set {
	return types.SetValueMust(types.StringType, stringValues(members))
}

// ListOf is the list of the strings; empty, not null, without any.
func ListOf(values []string) types.List {
	return types.ListValueMust(types.StringType, stringValues(values))
}

func stringValues(in []string) []attr.Value {
	values := make([]attr.Value, 0, len(in))
	for _, s := range in {
		values = append(values, types.StringValue(s))
	}
	return values
}
