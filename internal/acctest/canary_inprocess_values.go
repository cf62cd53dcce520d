package acctest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Get gives a string attribute; null is "".
func (s *State) Get(t testing.TB, name string) string {
	t.Helper()
	var text *string
	if err := attributesOf(t, s.Value)[name].As(&text); err != nil {
		t.Fatal(err)
	}
	if text == nil {
		return ""
	}
	return *text
}

// Unknown tells whether the plan leaves an attribute for the apply to find out.
func (pl *Plan) Unknown(t testing.TB, name string) bool {
	t.Helper()
	return !attributesOf(t, pl.Planned)[name].IsKnown()
}

// DiagnosticsText is everything that the diagnostics say, with the attributes' paths.
func DiagnosticsText(diagnostics []*tfprotov6.Diagnostic) string {
	var lines []string
	for _, d := range diagnostics {
		lines = append(lines, fmt.Sprintf("%s: %s: %s\n%s", d.Severity, d.Attribute, d.Summary, d.Detail))
	}
	return strings.Join(lines, "\n")
}

func failed(diagnostics []*tfprotov6.Diagnostic) bool {
	return slices.ContainsFunc(diagnostics, func(d *tfprotov6.Diagnostic) bool {
		return d.Severity == tfprotov6.DiagnosticSeverityError
	})
}

func objectType(t testing.TB, schema *tfprotov6.Schema) tftypes.Object {
	t.Helper()
	object, ok := schema.ValueType().(tftypes.Object)
	if !ok {
		t.Fatal("the schema is no object")
	}
	return object
}

func objectOf(t testing.TB, object tftypes.Object, attributes Attributes) tftypes.Value {
	t.Helper()
	values := map[string]tftypes.Value{}
	for name, typ := range object.AttributeTypes {
		values[name] = valueOf(t, typ, attributes[name])
	}
	for name := range attributes {
		if _, ok := values[name]; !ok {
			t.Fatalf("there is no attribute %s", name)
		}
	}
	return tftypes.NewValue(object, values)
}

func valueOf(t testing.TB, typ tftypes.Type, v any) tftypes.Value {
	t.Helper()
	var elements []tftypes.Value
	switch v := v.(type) {
	case tftypes.Value:
		return v
	case []string:
		for _, s := range v {
			elements = append(elements, tftypes.NewValue(tftypes.String, s))
		}
		return tftypes.NewValue(typ, elements)
	case map[string]string:
		entries := map[string]tftypes.Value{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			entries[key] = tftypes.NewValue(tftypes.String, v[key])
		}
		return tftypes.NewValue(typ, entries)
	default:
		return tftypes.NewValue(typ, v)
	}
}

func attributesOf(t testing.TB, v tftypes.Value) map[string]tftypes.Value {
	t.Helper()
	values := map[string]tftypes.Value{}
	if err := v.As(&values); err != nil {
		t.Fatal(err)
	}
	return values
}

func dynamic(t testing.TB, v tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	d, err := tfprotov6.NewDynamicValue(v.Type(), v)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}
