package secret_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

const noun = "twelvefactor_secret"

// nullMember is a set whose only element is null.
var nullMember = tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{tftypes.NewValue(tftypes.String, nil)})

func valid(change acctest.Attributes) acctest.Attributes {
	config := acctest.Attributes{"name": "payments", "value_wo": "s3cret", "value_wo_version": "1"}
	for name, value := range change {
		config[name] = value
	}
	return config
}

func TestSecret_refusesWrongInput(t *testing.T) {
	provider := acctest.New(t).InProcess(t, noun)
	tests := map[string]struct {
		change  acctest.Attributes
		message string
	}{
		"name with a slash":             {acctest.Attributes{"name": "a/b"}, "name"},
		"empty name":                    {acctest.Attributes{"name": ""}, "name"},
		"name of 256 characters":        {acctest.Attributes{"name": strings.Repeat("a", 256)}, "name"},
		"location that is a zone":       {acctest.Attributes{"location": "europe-west3-a"}, "is a zone"},
		"location with a dot":           {acctest.Attributes{"location": "europe-west3.example.com"}, "location"},
		"location with a slash":         {acctest.Attributes{"location": "europe-west3/secrets"}, "location"},
		"location global":               {acctest.Attributes{"location": "global"}, "location"},
		"empty location":                {acctest.Attributes{"location": ""}, "location"},
		"project number":                {acctest.Attributes{"project": "123456789012"}, "project number"},
		"value without version":         {acctest.Attributes{"value_wo_version": nil}, "Missing value_wo_version"},
		"empty value":                   {acctest.Attributes{"value_wo": ""}, "it is empty"},
		"value over 64 KiB":             {acctest.Attributes{"value_wo": strings.Repeat("x", deploy.MaxSecretBytes+1)}, "1 bytes too long"},
		"empty version":                 {acctest.Attributes{"value_wo_version": ""}, "value_wo_version"},
		"public accessor":               {acctest.Attributes{"accessors": []string{"allUsers"}}, "public"},
		"accessor without kind":         {acctest.Attributes{"accessors": []string{"alice@example.com"}}, "IAM member"},
		"accessor in capitals":          {acctest.Attributes{"accessors": []string{"user:Alice@example.com"}}, "lower case"},
		"null accessor":                 {acctest.Attributes{"accessors": nullMember}, "null value"},
		"label of the stamp":            {acctest.Attributes{"labels": map[string]string{"managed-by": "me"}}, "belongs to the provider"},
		"label in capitals":             {acctest.Attributes{"labels": map[string]string{"Team": "shop"}}, "Team"},
		"label value that is too long":  {acctest.Attributes{"labels": map[string]string{"team": strings.Repeat("x", 64)}}, "team"},
		"accessor of another principal": {acctest.Attributes{"accessors": []string{"deleted:user:a@example.com?uid=1"}}, "IAM member"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := valid(test.change)
			said := acctest.DiagnosticsText(provider.Validate(t, config))
			if !strings.Contains(said, "ERROR") || !strings.Contains(said, test.message) {
				t.Errorf("want an error with %q, got:\n%s", test.message, said)
			}
			if value, ok := config["value_wo"].(string); ok && len(value) > 5 && strings.Contains(said, value) {
				t.Error("the error repeats the value")
			}
		})
	}
	for name, change := range map[string]acctest.Attributes{
		"as it is":         nil,
		"64 KiB":           {"value_wo": strings.Repeat("x", deploy.MaxSecretBytes)},
		"no value at all":  {"value_wo": nil, "value_wo_version": nil},
		"unknown value":    {"value_wo": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)},
		"unknown version":  {"value_wo_version": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)},
		"workload members": {"accessors": []string{"principal://iam.googleapis.com/projects/1/x", "serviceAccount:acme-dev.svc.id.goog[shop/web]"}},
	} {
		if said := acctest.DiagnosticsText(provider.Validate(t, valid(change))); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// TestSecret_asksForTheValueOnlyWhenItIsWritten covers every pair of state and plan.
func TestSecret_asksForTheValueOnlyWhenItIsWritten(t *testing.T) {
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	tests := map[string]struct {
		harm    func(*acctest.Env)
		change  acctest.Attributes
		message string // of the error, empty for none
		writes  bool
	}{
		"same version, no value":       {nil, acctest.Attributes{"value_wo": nil}, "", false},
		"same version, another value":  {nil, acctest.Attributes{"value_wo": "another"}, "", false},
		"new version, value":           {nil, acctest.Attributes{"value_wo_version": "2"}, "", true},
		"new version, unknown value":   {nil, acctest.Attributes{"value_wo_version": "2", "value_wo": unknown}, "", true},
		"unknown version, no value":    {nil, acctest.Attributes{"value_wo_version": unknown, "value_wo": nil}, "", true},
		"new version, no value":        {nil, acctest.Attributes{"value_wo_version": "2", "value_wo": nil}, `changes from "1" to "2"`, false},
		"version gone, value":          {destroyVersion, nil, "", true},
		"version gone, no value":       {destroyVersion, acctest.Attributes{"value_wo": nil}, "disabled or destroyed", false},
		"value no longer managed":      {nil, acctest.Attributes{"value_wo_version": nil, "value_wo": nil}, "", false},
		"labels changed, no value":     {nil, acctest.Attributes{"labels": map[string]string{"a": "b"}, "value_wo": nil}, "", false},
		"another name, value at hand":  {nil, acctest.Attributes{"name": "other"}, "", false},
		"first version with no secret": {deleteSecret, acctest.Attributes{"value_wo": nil}, "no version yet", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, noun)
			state := mustApply(t, provider, nil, valid(nil))
			if test.harm != nil {
				test.harm(env)
			}
			state, _ = provider.Read(t, state)
			plan, diagnostics := provider.Plan(t, state, valid(test.change))
			said := acctest.DiagnosticsText(diagnostics)
			if test.message != "" {
				if !strings.Contains(said, test.message) || !strings.Contains(said, "value_wo_version") {
					t.Errorf("want an error with %q at value_wo_version, got:\n%s", test.message, said)
				}
				return
			}
			if plan == nil {
				t.Fatal(said)
			}
			if got := plan.Unknown(t, "version_id"); got != test.writes {
				t.Errorf("version_id unknown: %t, want %t", got, test.writes)
			}
			if test.change["name"] != nil != plan.Replaces {
				t.Errorf("replaces: %t", plan.Replaces)
			}
		})
	}
}

func mustApply(t *testing.T, provider *acctest.InProcess, prior *acctest.State, config acctest.Attributes) *acctest.State {
	t.Helper()
	plan, diagnostics := provider.Plan(t, prior, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	state, diagnostics := provider.Apply(t, plan)
	if len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	return state
}

// TestSecret_plansWithReadOnlyCredentials refreshes and plans as a caller that may neither write nor read values.
func TestSecret_plansWithReadOnlyCredentials(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := valid(acctest.Attributes{"accessors": []string{"user:alice@example.com"}})
	state := mustApply(t, env.InProcess(t, noun), nil, config)
	reader := env.As(t, acctest.WithAccessToken(acctest.ReadOnlyToken)).InProcess(t, noun)
	state, diagnostics := reader.Read(t, state)
	if len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if plan, _ := reader.Plan(t, state, config); plan == nil || !plan.Empty() {
		t.Errorf("the plan is %v", plan)
	}
	changed := valid(acctest.Attributes{"value_wo_version": "2"})
	if plan, diagnostics := reader.Plan(t, state, changed); plan == nil {
		t.Error(acctest.DiagnosticsText(diagnostics))
	}
}

// TestSecret_imports covers ids, identities, default labels, and what is no secret of this resource.
func TestSecret_imports(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	config := valid(acctest.Attributes{"accessors": []string{"user:alice@example.com"}, "labels": map[string]string{"team": "shop"}})
	state := mustApply(t, provider, nil, config)
	for name, from := range map[string]struct {
		id       string
		identity map[string]string
	}{
		"id":       {id, nil},
		"identity": {"", map[string]string{"project": "acme-dev", "name": "payments"}},
	} {
		imported, diagnostics := provider.Import(t, from.id, from.identity)
		if imported == nil || !imported.Value.Equal(state.Value) {
			t.Errorf("by %s: %v\n%s", name, imported, acctest.DiagnosticsText(diagnostics))
		}
	}
	for _, wrong := range []string{"payments", "projects/acme-dev/secrets/payments/versions/1", "projects/123456789012/secrets/payments"} {
		if imported, diagnostics := provider.Import(t, wrong, nil); imported != nil || len(diagnostics) == 0 {
			t.Errorf("%s was imported", wrong)
		}
	}
	if imported, _ := provider.Import(t, "projects/acme-dev/secrets/missing", nil); imported != nil {
		t.Error("a missing secret was imported")
	}
	if imported, diagnostics := env.InProcess(t, "twelvefactor_session_key").Import(t, id, nil); imported != nil ||
		!strings.Contains(acctest.DiagnosticsText(diagnostics), "twelvefactor_secret") {
		t.Error("a secret was imported as a session key")
	}
}
