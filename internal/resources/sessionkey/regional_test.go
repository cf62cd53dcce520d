package sessionkey_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const regionalID = "projects/acme-dev/locations/europe-west3/secrets/shop"

// TestAccSessionKey_regional is the lifecycle of a regional session key, beside a global one of the same name.
func TestAccSessionKey_regional(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		const twin, region = "resource \"twelvefactor_session_key\" \"twin\" {\n  name = \"shop\"\n}\n", `location = "europe-west3"`
		imported := resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: regionalID}
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config:            env.Config(block(accessors, region), twin),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{is("id", regionalID), is("version_id", regionalID+"/versions/1"), is("status", "ready")},
			},
			imported,
			{
				Config:            env.Config(block(region, `rotation_trigger = "leak"`), twin),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{is("version_id", regionalID+"/versions/2"), is("location", "europe-west3")},
			},
			imported,
		}})
		env.CheckEffects(t, "AddSecretVersion", 3)
	}, acctest.WithRand(acctest.Secrets.Reader()))
}

// TestSessionKey_location covers what a plan makes of a location, and both ways to import.
func TestSessionKey_location(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, "twelvefactor_session_key")
	config := acctest.Attributes{"name": "shop", "location": "europe-west3"}
	plan, diagnostics := provider.Plan(t, nil, config)
	if plan == nil || plan.Unknown(t, "id") {
		t.Fatalf("the plan is %v\n%s", plan, acctest.DiagnosticsText(diagnostics))
	}
	state, diagnostics := provider.Apply(t, plan)
	if len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	for name, from := range map[string]map[string]string{
		regionalID: nil, "": {"project": "acme-dev", "location": "europe-west3", "name": "shop"},
	} {
		if imported, diagnostics := provider.Import(t, name, from); imported == nil || !imported.Value.Equal(state.Value) {
			t.Errorf("by %q, %v: %v\n%s", name, from, imported, acctest.DiagnosticsText(diagnostics))
		}
	}
	for location, replaces := range map[any]bool{"europe-west3": false, "eu": true, nil: true} {
		plan, diagnostics := provider.Plan(t, state, acctest.Attributes{"name": "shop", "location": location})
		if plan == nil || plan.Replaces != replaces {
			t.Errorf("location %v: %+v\n%s", location, plan, acctest.DiagnosticsText(diagnostics))
		}
	}
	for _, location := range []string{"europe-west3-a", "a.b", "a/b", "", "global"} {
		said := acctest.DiagnosticsText(provider.Validate(t, acctest.Attributes{"name": "shop", "location": location}))
		if !strings.Contains(said, "ERROR") || !strings.Contains(said, "location") {
			t.Errorf("location %q: %s", location, said)
		}
	}
}
