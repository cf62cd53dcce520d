package secret_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const (
	regionalID = "projects/acme-dev/locations/europe-west3/secrets/payments"
	inRegion   = "\n  location = \"europe-west3\""
)

// TestAccSecret_regional is the lifecycle of a regional secret, beside a global one of the same name.
func TestAccSecret_regional(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		const twin = "resource \"twelvefactor_secret\" \"twin\" {\n  name = \"payments\"\n}\n"
		config := func(lines string) string { return env.Config(block(lines+inRegion), twin) }
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config:           config(first),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					is("id", regionalID), is("version_id", regionalID+"/versions/1"), is("status", "ready"), is("location", "europe-west3"),
					statecheck.ExpectKnownValue("twelvefactor_secret.twin", tfjsonpath.New("location"), knownvalue.Null()),
				},
			},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: regionalID},
			{
				Config:            config(second),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{is("version_id", regionalID+"/versions/2"), is("status", "ready")},
			},
			{
				PreConfig:        func() { must(env.Fake.Remove(regionalID)) },
				Config:           config(second),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionCreate),
			},
		}})
		env.CheckEffects(t, "AddSecretVersion", 3)
	})
}

// TestAccSecret_regionalImportBlock imports by id and by identity, as a user writes it.
func TestAccSecret_regionalImportBlock(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	mustApply(t, env.InProcess(t, noun), nil, valid(acctest.Attributes{"location": "europe-west3", "value_wo": nil, "value_wo_version": nil}))
	for name, by := range map[string]string{
		"id":       fmt.Sprintf("id = %q", regionalID),
		"identity": "identity = {\n    project  = \"acme-dev\"\n    location = \"europe-west3\"\n    name     = \"payments\"\n  }",
	} {
		t.Run(name, func(t *testing.T) {
			cli := env.CLI(t)
			cli.Write(t, "main.tf", env.Config(block(inRegion), "import {\n  to = "+address+"\n  "+by+"\n}\n"))
			if said := cli.MustRun(t, "plan", "-no-color"); !strings.Contains(said.Output(), "1 to import, 0 to add, 0 to change, 0 to destroy") {
				t.Errorf("the plan:\n%s", said.Output())
			}
		})
	}
}

// TestSecret_location has what a plan makes of every change of location, known or not.
func TestSecret_location(t *testing.T) {
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	tests := map[string]struct {
		before, after any
		replaces      bool
		unknownID     bool
	}{
		"global stays":          {nil, nil, false, false},
		"regional stays":        {"europe-west3", "europe-west3", false, false},
		"global to regional":    {nil, "europe-west3", true, false},
		"regional to global":    {"europe-west3", nil, true, false},
		"another region":        {"europe-west3", "europe-west4", true, false},
		"multi-region":          {"europe-west3", "eu", true, false},
		"not known yet":         {nil, unknown, true, true},
		"regional, not known":   {"europe-west3", unknown, true, true},
		"the provider's region": {"asia-northeast1", nil, true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := acctest.New(t).InProcess(t, noun)
			state := mustApply(t, provider, nil, valid(acctest.Attributes{"location": test.before}))
			plan, diagnostics := provider.Plan(t, state, valid(acctest.Attributes{"location": test.after}))
			if plan == nil {
				t.Fatal(acctest.DiagnosticsText(diagnostics))
			}
			if plan.Replaces != test.replaces || plan.Unknown(t, "id") != test.unknownID || plan.Empty() == test.replaces {
				t.Errorf("replaces: %t, id unknown: %t, empty: %t", plan.Replaces, plan.Unknown(t, "id"), plan.Empty())
			}
		})
	}
}

// TestSecret_importsRegional tells a regional and a global secret of one name apart, by id and by identity.
func TestSecret_importsRegional(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	global := mustApply(t, provider, nil, valid(nil))
	regional := mustApply(t, provider, nil, valid(acctest.Attributes{"location": "europe-west3", "value_wo_version": "7"}))
	for name, from := range map[string]struct {
		id       string
		identity map[string]string
		want     *acctest.State
	}{
		"id of the regional":       {regionalID, nil, regional},
		"identity of the regional": {"", map[string]string{"project": "acme-dev", "location": "europe-west3", "name": "payments"}, regional},
		"id of the global":         {id, nil, global},
		"identity of the global":   {"", map[string]string{"project": "acme-dev", "name": "payments"}, global},
	} {
		imported, diagnostics := provider.Import(t, from.id, from.identity)
		if imported == nil || !imported.Value.Equal(from.want.Value) {
			t.Errorf("by %s: %v\n%s", name, imported, acctest.DiagnosticsText(diagnostics))
		}
	}
	for wrong, message := range map[string]string{
		"projects/acme-dev/locations/europe-west3-a/secrets/payments":      "is a zone",
		"projects/acme-dev/locations/evil.example.com/secrets/payments":    "is not valid",
		"projects/123456789012/locations/europe-west3/secrets/payments":    "project number",
		"projects/acme-dev/locations/europe-west3/secrets/p/versions/1":    "of a regional one projects/PROJECT/locations/LOCATION/secrets/SECRET",
		"projects/acme-dev/regions/europe-west3/secrets/payments":          "the form is",
		"projects/acme-dev/locations/europe-west3/secrets/payments/secret": "the form is",
	} {
		if imported, diagnostics := provider.Import(t, wrong, nil); imported != nil || !strings.Contains(acctest.DiagnosticsText(diagnostics), message) {
			t.Errorf("%s: %v\n%s", wrong, imported, acctest.DiagnosticsText(diagnostics))
		}
	}
	if imported, diagnostics := provider.Import(t, "", map[string]string{"project": "acme-dev", "location": "a.b", "name": "payments"}); imported != nil {
		t.Errorf("a location with a dot was imported\n%s", acctest.DiagnosticsText(diagnostics))
	}
}
