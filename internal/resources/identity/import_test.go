package identity_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// What the provider made can be imported, whatever its account is called.
func TestImportOfAnAccountWithAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_workload_identity")
	config := acctest.Attributes{"name": "shop", "mode": "service_account", "service_account_id": "shop-runtime"}
	plan, diagnostics := provider.Plan(t, nil, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	provider.Apply(t, plan)
	state, diagnostics := provider.Import(t, accountID, nil)
	if state == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if plan, diagnostics = provider.Plan(t, state, config); plan == nil || plan.Replaces {
		t.Errorf("the plan after the import replaces the identity: %s", acctest.DiagnosticsText(diagnostics))
	}
}

// The accounts that Google makes are no app's own, and are told apart from accounts that are not there.
func TestImportOfADefaultAccountIsRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_workload_identity")
	for _, email := range []string{acctest.ProjectNumber + "-compute@developer.gserviceaccount.com", "acme-dev@appspot.gserviceaccount.com"} {
		state, diagnostics := provider.Import(t, "projects/acme-dev/serviceAccounts/"+email, nil)
		if said := acctest.DiagnosticsText(diagnostics); state != nil || !strings.Contains(said, "default ones of Compute Engine") || !strings.Contains(said, email) {
			t.Errorf("%s: %s", email, said)
		}
	}
}

// Without an account there is nothing that the project could move.
func TestProjectDoesNotReplaceADirectIdentity(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(inCluster(env, cluster))},
		{
			Config:           env.Config(inCluster(env, cluster, `project = "acme-other"`)),
			ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
		},
	}})
}

// The roles that Google gave new names are refused as the old ones are.
func TestAdminAndWriterAreRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	for _, role := range []string{"roles/admin", "roles/writer"} {
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
			Config: env.Config(runtime(role)), PlanOnly: true, ExpectError: regexp.MustCompile(`allow_roles`),
		}}})
	}
}
