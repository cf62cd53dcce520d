package service

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// object is an object or a map as a test writes it: what is left out is null.
type object = map[string]any

// unknown stands for a value that is known after apply.
type unknown struct{}

const (
	testCluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"
	testVersion = "projects/acme-dev/secrets/payments-api-key/versions/3"
	// regionalVersion is what Cloud Run cannot use.
	regionalVersion = "projects/acme-dev/locations/asia-northeast1/secrets/payments-api-key/versions/3"
	testImage       = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
)

// with is a difference from a valid service.
type with func(object)

// set replaces an attribute; nil leaves it out.
func set(name string, value any) with { return func(o object) { o[name] = value } }

// web replaces the processes by a web process with these attributes.
func web(process object) with { return set("processes", object{"web": process}) }

// worker adds a worker to a web process.
func worker(process object) with {
	return set("processes", object{"web": object{}, "worker": process})
}

// onRun is a valid service on Cloud Run.
func onRun(changes ...with) object {
	o := object{
		"name": "shop", "image": testImage, "project": "acme-dev",
		"cloud_run": object{"location": "asia-northeast1"}, "processes": object{"web": object{}},
	}
	for _, change := range changes {
		change(o)
	}
	return o
}

// onGKE is a valid service on GKE.
func onGKE(changes ...with) object {
	o := onRun(set("cloud_run", nil), set("gke", object{"cluster": testCluster}))
	for _, change := range changes {
		change(o)
	}
	return o
}

func testSchema(t testing.TB) schema.Schema {
	t.Helper()
	return resourceSchema(t.Context())
}

// raw makes a value of a type.
func raw(t testing.TB, of tftypes.Type, v any) tftypes.Value {
	t.Helper()
	if _, is := v.(unknown); is {
		return tftypes.NewValue(of, tftypes.UnknownValue)
	}
	if v == nil {
		return tftypes.NewValue(of, nil)
	}
	switch of := of.(type) {
	case tftypes.Object:
		given := maps.Clone(v.(object))
		parts := map[string]tftypes.Value{}
		for name, attribute := range of.AttributeTypes {
			parts[name] = raw(t, attribute, given[name])
			delete(given, name)
		}
		if len(given) > 0 {
			t.Fatalf("no such attribute: %v", slices.Sorted(maps.Keys(given)))
		}
		return tftypes.NewValue(of, parts)
	case tftypes.Map:
		parts := map[string]tftypes.Value{}
		for key, part := range v.(object) {
			parts[key] = raw(t, of.ElementType, part)
		}
		return tftypes.NewValue(of, parts)
	case tftypes.List:
		return tftypes.NewValue(of, elements(t, of.ElementType, v))
	case tftypes.Set:
		return tftypes.NewValue(of, elements(t, of.ElementType, v))
	default:
		return tftypes.NewValue(of, v)
	}
}

func elements(t testing.TB, of tftypes.Type, v any) []tftypes.Value {
	t.Helper()
	parts := []tftypes.Value{}
	for _, part := range v.([]any) {
		parts = append(parts, raw(t, of, part))
	}
	return parts
}

// configuration is a service as a tfsdk.Config.
func configuration(t testing.TB, o object) tfsdk.Config {
	t.Helper()
	s := testSchema(t)
	return tfsdk.Config{Schema: s, Raw: raw(t, s.Type().TerraformType(t.Context()), o)}
}

// modelOf is a service as a model.
func modelOf(t testing.TB, o object) model {
	t.Helper()
	var m model
	mustNot(t, configuration(t, o).Get(t.Context(), &m))
	return m
}

func mustNot(t testing.TB, diags diag.Diagnostics) {
	t.Helper()
	for _, d := range diags {
		t.Errorf("%s: %s: %s", d.Severity(), d.Summary(), d.Detail())
	}
}

// shown gives diagnostics as "severity path: summary".
func shown(diags diag.Diagnostics) []string {
	var all []string
	for _, d := range diags {
		at := ""
		if withPath, ok := d.(diag.DiagnosticWithPath); ok {
			at = " " + withPath.Path().String()
		}
		all = append(all, strings.ToLower(d.Severity().String())+at+": "+d.Summary())
	}
	return all
}
