package identity_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// accounts is a client for what people do with gcloud.
func accounts(t *testing.T, env *acctest.Env) gcp.ServiceAccounts {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return client.ServiceAccounts()
}

// deleteAccount deletes the account as a person does, so that IAM keeps it for 30 days.
func deleteAccount(t *testing.T, env *acctest.Env) {
	t.Helper()
	if err := accounts(t, env).Delete(t.Context(), accountID); err != nil {
		t.Fatal(err)
	}
}

// grantByHand gives the account a role that no configuration knows of.
func grantByHand(t *testing.T, env *acctest.Env, role, member string) {
	t.Helper()
	err := env.Fake.UpdatePolicy("projects/acme-dev", func(p *iampb.Policy) {
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAccountDeletedBehindTerraformsBackIsBroughtBack(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const role, byHand = "roles/logging.logWriter", "roles/cloudtrace.agent"
	config := env.Config(runtime(role))
	number := statecheck.CompareValue(compare.ValuesSame())
	same := func() statecheck.StateCheck { return number.AddStateValue(address, tfjsonpath.New("unique_id")) }
	member := "serviceAccount:" + email
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				same(), at("unique_id", knownvalue.StringRegexp(regexp.MustCompile(`^\d{21}$`))), at("service_account", knownvalue.StringExact(accountID)),
			},
		},
		{
			PreConfig: func() {
				grantByHand(t, env, byHand, member)
				deleteAccount(t, env)
			},
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{same(), isStatus("ready"), at("grants", knownvalue.SetSizeExact(1))},
			PostApplyFunc: func() {
				for _, role := range []string{role, byHand} {
					if got := membersOf(t, env, "projects/acme-dev", role); strings.Join(got, " ") != member {
						t.Errorf("%s has %v", role, got)
					}
				}
				dropMember(t, env, "projects/acme-dev", byHand, member)
			},
		},
	}})
	env.CheckEffects(t, "CreateServiceAccount", 1)
	env.CheckEffects(t, "UndeleteServiceAccount", 1)
}

// A disabled account that comes back is usable again, and an account that IAM has removed for good is made anew, with a
// warning; the grants are declared, so the new one gets them.
func TestAccountThatCannotComeBackIsMadeAnew(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(runtime("roles/logging.logWriter")))
	cli.MustRun(t, "apply", "-auto-approve")
	if err := env.Fake.UpdateServiceAccount(accountID, func(a *adminpb.ServiceAccount) { a.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	deleteAccount(t, env)
	back := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	if !strings.Contains(back.Output(), "was brought back") {
		t.Errorf("no word about the account that came back:\n%s", back.Output())
	}
	if live, err := accounts(t, env).Get(t.Context(), accountID); err != nil || live.GetDisabled() {
		t.Errorf("account %v, error %v", live, err)
	}

	deleteAccount(t, env)
	env.Clock.Advance(31 * 24 * 60 * 60 * 1e9)
	anew := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	if !strings.Contains(anew.Output(), "is a new one") {
		t.Errorf("no word about the new account:\n%s", anew.Output())
	}
	cli.MustRun(t, "plan", "-detailed-exitcode")
	env.CheckEffects(t, "CreateServiceAccount", 2)
	got := membersOf(t, env, "projects/acme-dev", "roles/logging.logWriter")
	if !slices.Contains(got, "serviceAccount:"+email) {
		t.Errorf("members %v", got)
	}
	cli.MustRun(t, "destroy", "-auto-approve")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// Somebody else's grant on the project is left when the identity is destroyed, and shows how it comes back.
func TestAccountIsBroughtBackAfterADestroy(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(runtime("roles/logging.logWriter")))
	cli.MustRun(t, "apply", "-auto-approve")
	before, err := accounts(t, env).Get(t.Context(), accountID)
	if err != nil {
		t.Fatal(err)
	}
	const byHand = "roles/cloudtrace.agent"
	grantByHand(t, env, byHand, "serviceAccount:"+email)
	cli.MustRun(t, "destroy", "-auto-approve")
	deleted := gcp.DeletedMember(email, before.GetUniqueId())
	if got := membersOf(t, env, "projects/acme-dev", byHand); !slices.Contains(got, deleted) {
		t.Fatalf("what somebody else granted was touched: %v", got)
	}
	if got := membersOf(t, env, "projects/acme-dev", "roles/logging.logWriter"); len(got) != 0 {
		t.Errorf("the identity's own grant is left: %v", got)
	}
	cli.MustRun(t, "apply", "-auto-approve")
	after, err := accounts(t, env).Get(t.Context(), accountID)
	if err != nil || after.GetUniqueId() != before.GetUniqueId() {
		t.Errorf("the account is %s, it was %s; error %v", after.GetUniqueId(), before.GetUniqueId(), err)
	}
	if got := membersOf(t, env, "projects/acme-dev", byHand); !slices.Contains(got, "serviceAccount:"+email) {
		t.Errorf("members %v", got)
	}
	cli.MustRun(t, "plan", "-detailed-exitcode")
	cli.MustRun(t, "destroy", "-auto-approve")
}

// A replacement deletes and creates in one run: the account stays the same one.
func TestAccountOutlivesAReplacement(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	number := statecheck.CompareValue(compare.ValuesSame())
	same := func() statecheck.StateCheck { return number.AddStateValue(address, tfjsonpath.New("unique_id")) }
	config := func(name string) string {
		return env.Config(identity(`name = "`+name+`"`, `mode = "service_account"`, `service_account_id = "shop-runtime"`, grants("roles/logging.logWriter")))
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config("shop"), ConfigStateChecks: []statecheck.StateCheck{same()}},
		{
			Config:            config("store"),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionReplace),
			ConfigStateChecks: []statecheck.StateCheck{same(), isStatus("ready")},
		},
	}})
	env.CheckEffects(t, "CreateServiceAccount", 1)
}

// The deleted member that a destroy finds of the identity itself goes, one of another account stays.
func TestDestroyTakesTheDeletedMemberAlong(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	const role = "roles/logging.logWriter"
	cli.Write(t, "main.tf", env.Config(runtime(role)))
	cli.MustRun(t, "apply", "-auto-approve")
	other := gcp.DeletedMember(email, "100000000000000000001")
	err := env.Fake.UpdatePolicy("projects/acme-dev", func(p *iampb.Policy) {
		for _, b := range p.GetBindings() {
			b.Members = append(b.Members, other)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	deleteAccount(t, env)
	cli.MustRun(t, "destroy", "-auto-approve")
	if got := membersOf(t, env, "projects/acme-dev", role); strings.Join(got, " ") != other {
		t.Errorf("members %v", got)
	}
}
