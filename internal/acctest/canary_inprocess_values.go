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

// Attribute gives a planned attribute, or one inside of it, by its path: "node_pools", "base", "zones".
func (pl *Plan) Attribute(t testing.TB, path ...string) tftypes.Value {
	t.Helper()
	return attributeAt(t, pl.Planned, path)
}

// Attribute gives an attribute of a state by its path.
func (s *State) Attribute(t testing.TB, path ...string) tftypes.Value {
	t.Helper()
	return attributeAt(t, s.Value, path)
}

func attributeAt(t testing.TB, v tftypes.Value, path []string) tftypes.Value {
	t.Helper()
	for _, name := range path {
		v = attributesOf(t, v)[name]
	}
	return v
}

// AttributePaths lists what can be written into a resource's configuration: names, and for what is in nested objects the
// names on the way, joined by dots.
func (p *InProcess) AttributePaths() []string { return attributePaths(p.schema.Block.Attributes, "") }

func attributePaths(attributes []*tfprotov6.SchemaAttribute, prefix string) []string {
	var paths []string
	for _, attribute := range attributes {
		if !attribute.Required && !attribute.Optional {
			continue
		}
		paths = append(paths, prefix+attribute.Name)
		if attribute.NestedType != nil {
			paths = append(paths, attributePaths(attribute.NestedType.Attributes, prefix+attribute.Name+".")...)
		}
	}
	slices.Sort(paths)
	return paths
}

// Differences are the attributes that a plan changes, with what they are and become.
func Differences(t testing.TB, state *State, plan *Plan) map[string]string {
	t.Helper()
	changes := map[string]string{}
	planned := attributesOf(t, plan.Planned)
	for name, value := range attributesOf(t, state.Value) {
		if !value.Equal(planned[name]) {
			changes[name] = fmt.Sprintf("%s -> %s", value, planned[name])
		}
	}
	return changes
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
	case Attributes:
		object, ok := typ.(tftypes.Object)
		if !ok {
			t.Fatalf("an object is given for %s", typ)
		}
		return objectOf(t, object, v)
	case map[string]Attributes:
		entries := map[string]tftypes.Value{}
		kind, ok := typ.(tftypes.Map)
		if !ok {
			t.Fatalf("a map of objects is given for %s", typ)
		}
		for key, element := range v {
			entries[key] = valueOf(t, kind.ElementType, element)
		}
		return tftypes.NewValue(typ, entries)
	case []Attributes:
		kind, ok := typ.(tftypes.List)
		if !ok {
			t.Fatalf("a list of objects is given for %s", typ)
		}
		for _, element := range v {
			elements = append(elements, valueOf(t, kind.ElementType, element))
		}
		return tftypes.NewValue(typ, elements)
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
