package identity_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const (
	until2030 = `{ title = "until 2030", expression = "request.time < timestamp('2030-01-01T00:00:00Z')" }`
	byNight   = `{ title = "by night", description = "batch", expression = "request.time.getHours('UTC') < 6" }`
)

// conditionsOf gives the titles of the conditions under which a member has a role, "" for none.
func conditionsOf(t *testing.T, env *acctest.Env, object, role, member string) []string {
	t.Helper()
	var titles []string
	err := env.Fake.UpdatePolicy(object, func(p *iampb.Policy) {
		for _, b := range p.GetBindings() {
			if b.GetRole() == role && slices.Contains(b.GetMembers(), member) {
				titles = append(titles, b.GetCondition().GetTitle())
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(titles)
	return titles
}

// One role on one target, without and under two conditions, is three grants: each is read, imported and repaired by itself.
func TestGrantsUnderConditions(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const role, member = "roles/cloudsql.client", "serviceAccount:" + email
	list := fmt.Sprintf(`{ role = %[1]q, project = "acme-dev" }, { role = %[1]q, project = "acme-dev", condition = %[2]s },
    { role = %[1]q, project = "acme-dev", condition = %[3]s }`, role, until2030, byNight)
	config := env.Config(identity(`name = "shop-runtime"`, `mode = "service_account"`, "grants = ["+list+"]"))
	all := []string{"", "by night", "until 2030"}
	check := func() {
		if got := conditionsOf(t, env, "projects/acme-dev", role, member); !slices.Equal(got, all) {
			t.Errorf("conditions %q, want %q", got, all)
		}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: config, PostApplyFunc: check,
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready"), at("grants", knownvalue.SetSizeExact(3))},
		},
		{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: accountID},
		{
			PreConfig: func() {
				err := env.Fake.UpdatePolicy("projects/acme-dev", func(p *iampb.Policy) {
					p.Bindings = slices.DeleteFunc(p.Bindings, func(b *iampb.Binding) bool { return b.GetCondition().GetTitle() == "by night" })
				})
				if err != nil {
					t.Fatal(err)
				}
			},
			Config: config, PostApplyFunc: check,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready"), at("grants", knownvalue.SetSizeExact(3))},
		},
	}})
}

// An identity that may act as another, both made in one apply while IAM learns of new accounts late.
func TestGrantOnAnotherAccount(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithFake(func(o *fakegcp.Options) {
		o.PropagationDelay, o.AccountReadDelay = 500*time.Millisecond, 500*time.Millisecond
	}))
	makeTargets(t, env)
	const role = "roles/iam.serviceAccountTokenCreator"
	const other = "projects/acme-dev/serviceAccounts/signer@acme-dev.iam.gserviceaccount.com"
	config := env.Config(`
resource "twelvefactor_workload_identity" "signer" {
  name               = "signer"
  mode               = "service_account"
  service_account_id = "signer"
}
`, identity(`name = "shop-runtime"`, `mode = "service_account"`,
		`grants = [{ role = "`+role+`", service_account = twelvefactor_workload_identity.signer.service_account, condition = `+until2030+` },`,
		`  { role = "`+role+`", service_account = "`+targetAccount+`" }]`))
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config:            config,
				ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
				PostApplyFunc: func() {
					for object, title := range map[string]string{other: "until 2030", targetAccount: ""} {
						if got := conditionsOf(t, env, object, role, "serviceAccount:"+email); !slices.Equal(got, []string{title}) {
							t.Errorf("%s: conditions %q", object, got)
						}
					}
				},
			},
			{
				PreConfig:         func() { dropMember(t, env, targetAccount, role, "serviceAccount:"+email) },
				Config:            config,
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
			},
		},
		CheckDestroy: func(*terraform.State) error { return nil }, // the targets are left, and looked at below
	})
	if got := conditionsOf(t, env, targetAccount, role, "serviceAccount:"+email); len(got) != 0 {
		t.Errorf("the grant on the other account is left: %q", got)
	}
}

// The roles that own a project are had by name only.
func TestAllowedRoles(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: env.Config(identity(`name = "shop-runtime"`, `mode = "service_account"`,
			`allow_roles = ["roles/editor", "roles/iam.serviceAccountUser"]`, grants("roles/editor", "roles/iam.serviceAccountUser"))),
		ConfigStateChecks: []statecheck.StateCheck{isStatus("ready"), at("grants", knownvalue.SetSizeExact(2))},
	}}})
}
