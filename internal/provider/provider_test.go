package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/provider"
)

// configured runs Configure with a configuration and an environment and gives the diagnostics.
func configured(t *testing.T, config map[string]tftypes.Value, environment map[string]string) []*tfprotov6.Diagnostic {
	t.Helper()
	server, value := serverWith(t, config, environment)
	resp, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.12.0", Config: value})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

// validated runs ValidateProviderConfig.
func validated(t *testing.T, config map[string]tftypes.Value) []*tfprotov6.Diagnostic {
	t.Helper()
	server, value := serverWith(t, config, nil)
	resp, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: value})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

func serverWith(t *testing.T, config map[string]tftypes.Value, environment map[string]string) (tfprotov6.ProviderServer, *tfprotov6.DynamicValue) {
	t.Helper()
	p := provider.New("test", provider.WithEnvironment(func(name string) string { return environment[name] }))
	server, err := providerserver.NewProtocol6WithError(p)()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	object, ok := schema.Provider.ValueType().(tftypes.Object)
	if !ok {
		t.Fatal("the configuration is not an object")
	}
	values := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		values[name] = tftypes.NewValue(kind, nil)
		if v, set := config[name]; set {
			values[name] = v
		}
	}
	value, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	if err != nil {
		t.Fatal(err)
	}
	return server, &value
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

var unknown = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)

func endpoint(api, address string) tftypes.Value {
	kinds, values := map[string]tftypes.Type{}, map[string]tftypes.Value{}
	for _, name := range []string{"container", "iam", "resource_manager", "run", "secret_manager"} {
		kinds[name], values[name] = tftypes.String, tftypes.NewValue(tftypes.String, nil)
	}
	values[api] = text(address)
	return tftypes.NewValue(tftypes.Object{AttributeTypes: kinds}, values)
}

// expect wants exactly one diagnostic of a severity whose text holds all parts, or none at all.
func expect(t *testing.T, diags []*tfprotov6.Diagnostic, severity tfprotov6.DiagnosticSeverity, parts ...string) {
	t.Helper()
	if len(parts) == 0 {
		for _, d := range diags {
			t.Errorf("unexpected diagnostic: %s: %s", d.Summary, d.Detail)
		}
		return
	}
	if len(diags) != 1 || diags[0].Severity != severity {
		t.Fatalf("%d diagnostics, want one of severity %s: %+v", len(diags), severity, diags)
	}
	for _, part := range parts {
		if all := diags[0].Summary + "\n" + diags[0].Detail; !strings.Contains(all, part) {
			t.Errorf("the diagnostic lacks %q:\n%s", part, all)
		}
	}
}

func TestConfigureTakesWhatIsNotKnownYet(t *testing.T) {
	names := []string{
		"project", "region", "credentials", "access_token", "impersonate_service_account", "billing_project", "universe_domain",
		"request_timeout", "stack",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			config := map[string]tftypes.Value{name: unknown}
			expect(t, configured(t, config, nil), 0)
			expect(t, validated(t, config), 0)
		})
	}
}

func TestConfigureNeedsNothing(t *testing.T) {
	expect(t, configured(t, nil, nil), 0)
}

func TestEmulatorIsOnThisMachineOnly(t *testing.T) {
	expect(t, configured(t, nil, map[string]string{"TWELVEFACTOR_EMULATOR_HOST": "127.0.0.1:8085"}), 0)
	expect(t, configured(t, nil, map[string]string{"TWELVEFACTOR_EMULATOR_HOST": "emulator.example.com:80"}),
		tfprotov6.DiagnosticSeverityError, "TWELVEFACTOR_EMULATOR_HOST", "emulator.example.com:80", "127.0.0.1", "Unset it")
}

func TestSettingsFromTheEnvironmentAreChecked(t *testing.T) {
	expect(t, configured(t, nil, map[string]string{"GOOGLE_CLOUD_PROJECT": "Not A Project"}),
		tfprotov6.DiagnosticSeverityError, "project", "GOOGLE_PROJECT or GOOGLE_CLOUD_PROJECT")
}

func TestEndpoints(t *testing.T) {
	expect(t, validated(t, map[string]tftypes.Value{"endpoints": endpoint("run", "http://run.example.com")}),
		tfprotov6.DiagnosticSeverityError, "loopback")
	expect(t, configured(t, map[string]tftypes.Value{"endpoints": endpoint("run", "http://127.0.0.1:8085")}, nil), 0)
	expect(t, configured(t, map[string]tftypes.Value{"endpoints": endpoint("run", "https://us-west2-run.googleapis.com")}, nil), 0)
	expect(t, configured(t, map[string]tftypes.Value{"endpoints": endpoint("run", "https://run.example.com")}, nil),
		tfprotov6.DiagnosticSeverityWarning, "Cloud Run API", "run.example.com:443")
}

func TestConfigurationIsChecked(t *testing.T) {
	labels := func(key, value string) tftypes.Value {
		return tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{key: text(value)})
	}
	tests := map[string]struct {
		config map[string]tftypes.Value
		parts  []string
	}{
		"project":         {map[string]tftypes.Value{"project": text("-")}, []string{"project"}},
		"request timeout": {map[string]tftypes.Value{"request_timeout": text("10")}, []string{"request_timeout", "unit"}},
		"label key":       {map[string]tftypes.Value{"default_labels": labels("Team", "a")}, []string{"Team", "cost-center"}},
		"label value":     {map[string]tftypes.Value{"default_labels": labels("team", "A b")}, []string{"team"}},
		"stamp label":     {map[string]tftypes.Value{"default_labels": labels("twelvefactor-stack", "a")}, []string{"twelvefactor-stack", "belongs to the provider"}},
		"enforcement":     {map[string]tftypes.Value{"factors": labels("pinned-image", "ignore")}, []string{"ignore"}},
		"rule":            {map[string]tftypes.Value{"factors": labels("no-rule", "off")}, []string{"no-rule", "pinned-image"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			expect(t, validated(t, test.config), tfprotov6.DiagnosticSeverityError, test.parts...)
		})
	}
}

func TestSecretsAreMarked(t *testing.T) {
	server, _ := serverWith(t, nil, nil)
	schema, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	sensitive := map[string]bool{}
	for _, a := range schema.Provider.Block.Attributes {
		sensitive[a.Name] = a.Sensitive
	}
	if !sensitive["credentials"] || !sensitive["access_token"] {
		t.Error("credentials and access_token are to be sensitive")
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	server, _ := serverWith(t, nil, nil)
	schema, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	described(t, "provider", schema.Provider.Block.Attributes)
	for name, s := range schema.ResourceSchemas {
		described(t, name, s.Block.Attributes)
	}
}

func described(t *testing.T, where string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, a := range attributes {
		at := where + "." + a.Name
		if a.Description == "" && a.Name != "timeouts" {
			t.Errorf("%s has no description", at)
		}
		if a.NestedType != nil && a.Name != "timeouts" {
			described(t, at, a.NestedType.Attributes)
		}
	}
}
