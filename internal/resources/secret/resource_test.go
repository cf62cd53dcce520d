package secret_test

import (
	"fmt"
	"regexp"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// The values are canaries: no run of this package may leave them anywhere.
func TestMain(m *testing.M) { acctest.ScannedMain(m, "first", "second") }

const (
	address = "twelvefactor_secret.test"
	id      = "projects/acme-dev/secrets/payments"
)

// block is a secret with these lines beside its name.
func block(lines string) string {
	return acctest.SecretVariables("first", "second") + fmt.Sprintf("resource \"twelvefactor_secret\" \"test\" {\n  name = \"payments\"\n%s\n}\n", lines)
}

const first = `
  value_wo         = var.first
  value_wo_version = "1"
  labels           = { team = "shop" }
  accessors        = ["user:alice@example.com", "user:bob@example.com"]`

const second = `
  value_wo         = var.second
  value_wo_version = "2"
  labels           = { team = "shop", tier = "gold" }
  accessors        = ["user:bob@example.com", "group:ops@example.com"]`

const secondWithoutValue = `
  value_wo_version = "2"
  labels           = { team = "shop", tier = "gold" }
  accessors        = ["user:bob@example.com", "group:ops@example.com"]`

func is(attribute, want string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), knownvalue.StringExact(want))
}

func TestAccSecret_lifecycle(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config:           env.Config(block(first)),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					is("id", id), is("version", "1"), is("version_id", id+"/versions/1"), is("status", "ready"), is("project", "acme-dev"),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("value_wo"), knownvalue.Null()),
				},
			},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
			{
				Config:            env.Config(block(second)),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{is("version", "2"), is("version_id", id+"/versions/2"), is("status", "ready")},
			},
			{Config: env.Config(block(secondWithoutValue)), ConfigPlanChecks: acctest.NoChanges()},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
		}})
		env.CheckEffects(t, "AddSecretVersion", 2)
	})
}

// TestAccSecret_drift changes everything that the resource owns behind its back, and what it does not own.
func TestAccSecret_drift(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	planned := func(lines string, harm func(*acctest.Env), action plancheck.ResourceActionType, version string) resource.TestStep {
		return resource.TestStep{
			PreConfig:         func() { harm(env) },
			Config:            env.Config(block(lines)),
			ConfigPlanChecks:  acctest.PlannedAction(address, action),
			ConfigStateChecks: []statecheck.StateCheck{is("version", version), is("status", "ready")},
		}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(block(second))},
		planned(secondWithoutValue, changeLabel, plancheck.ResourceActionUpdate, "1"),
		planned(secondWithoutValue, removeAccessor, plancheck.ResourceActionUpdate, "1"),
		planned(secondWithoutValue, addForeign, plancheck.ResourceActionNoop, "1"),
		planned(second, disableVersion("1"), plancheck.ResourceActionUpdate, "2"),
		{
			PreConfig:   func() { destroyVersion(env) },
			Config:      env.Config(block(secondWithoutValue)),
			ExpectError: regexp.MustCompile(`disabled or\s+destroyed`),
		},
		planned(second, func(*acctest.Env) {}, plancheck.ResourceActionUpdate, "3"),
		planned(second, deleteSecret, plancheck.ResourceActionCreate, "1"),
	}})
}

func TestAccSecret_withoutValue(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: env.Config(block("")),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("version_id"), knownvalue.Null()), is("status", "ready"),
			},
		},
		{
			Config:            env.Config(block(first)),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{is("version", "1")},
		},
	}})
}

// TestAccSecret_secondState applies the same configuration from an empty state: it is refused, and nothing is adopted.
func TestAccSecret_secondState(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(block(first)))
	cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	other := env.CLI(t)
	other.Write(t, "main.tf", env.Config(block(first)))
	said := other.Run(t, "apply", "-auto-approve", "-no-color")
	want := regexp.MustCompile(`(?s)already exists.*import \{.*to = twelvefactor_secret\.NAME.*id = "` + id + `"`)
	if said.Code == 0 || !want.MatchString(said.Output()) {
		t.Errorf("ended with %d:\n%s", said.Code, said.Output())
	}
	if state := other.Run(t, "state", "list"); state.Stdout != "" {
		t.Errorf("the second state holds %s", state.Stdout)
	}
	other.Write(t, "import.tf", fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, id))
	other.MustRun(t, "apply", "-auto-approve", "-no-color")
	env.CheckEffects(t, "AddSecretVersion", 1)
	cli.MustRun(t, "destroy", "-auto-approve", "-no-color")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

func changeLabel(env *acctest.Env) {
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.Labels["team"] = "else" }))
}

func removeAccessor(env *acctest.Env) {
	must(env.Fake.UpdatePolicy(id, func(p *iampb.Policy) { p.Bindings = nil }))
}

// addForeign does what others may do: labels, versions and members of their own.
func addForeign(env *acctest.Env) {
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.Labels["cost-center"] = "42" }))
	must(env.Fake.UpdatePolicy(id, func(p *iampb.Policy) {
		p.Bindings[0].Members = append(p.Bindings[0].Members, "user:carol@example.com")
	}))
}

func disableVersion(number string) func(*acctest.Env) {
	return func(env *acctest.Env) { setVersion(env, number, secretmanagerpb.SecretVersion_DISABLED) }
}

// destroyVersion destroys the newest of up to two versions.
func destroyVersion(env *acctest.Env) {
	number := "1"
	if env.Effects("AddSecretVersion") > 1 {
		number = "2"
	}
	setVersion(env, number, secretmanagerpb.SecretVersion_DESTROYED)
}

func setVersion(env *acctest.Env, number string, state secretmanagerpb.SecretVersion_State) {
	must(env.Fake.UpdateSecretVersion(id+"/versions/"+number, func(v *secretmanagerpb.SecretVersion) { v.State = state }))
}

func deleteSecret(env *acctest.Env) { must(env.Fake.Remove(id)) }

func must(err error) {
	if err != nil {
		panic(err) // the test itself is wrong
	}
}
