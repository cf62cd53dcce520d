package sessionkey_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// Every key that is drawn in this package is a canary.
func TestMain(m *testing.M) { acctest.ScannedMain(m) }

const (
	address = "twelvefactor_session_key.test"
	id      = "projects/acme-dev/secrets/shop"
)

// block is a session key with these lines beside its name.
func block(lines ...string) string {
	return fmt.Sprintf("resource \"twelvefactor_session_key\" \"test\" {\n  name = \"shop\"\n  %s\n}\n", strings.Join(lines, "\n  "))
}

const accessors = `accessors = ["user:alice@example.com"]`

func is(attribute, want string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), knownvalue.StringExact(want))
}

func isNull(attribute string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), knownvalue.Null())
}

func TestAccSessionKey_lifecycle(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		rotatedAt := statecheck.CompareValue(same{})
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config:           env.Config(block(accessors)),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					is("id", id), is("version", "1"), is("version_id", id+"/versions/1"), is("status", "ready"), is("encoding", "hex"),
					isNull("next_rotation"), isNull("rotation_due_since"), rotatedAt.AddStateValue(address, tfjsonpath.New("rotated_at")),
				},
			},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
			{
				Config:           env.Config(block(`keep = 2`, `rotate_after = "720h"`, `labels = { team = "shop" }`)),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					is("version", "1"), rotatedAt.AddStateValue(address, tfjsonpath.New("rotated_at")),
				},
			},
			{
				Config:            env.Config(block(`keep = 2`, `rotate_after = "720h"`, `rotation_trigger = "leak"`)),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{is("version", "2"), is("version_id", id+"/versions/2")},
			},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
		}})
		env.CheckEffects(t, "AddSecretVersion", 2)
	}, acctest.WithRand(acctest.Secrets.Reader()))
}

// same is a comparison of all values with the first.
type same struct{}

// CompareValues is an error when one differs.
func (same) CompareValues(values ...any) error {
	for _, value := range values {
		if value != values[0] {
			return fmt.Errorf("%v is not %v", value, values[0])
		}
	}
	return nil
}

// TestAccSessionKey_rotatesByClock turns the clock over the due date three times; a dependent sees the new version in the
// same plan.
func TestAccSessionKey_rotatesByClock(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	config := env.Config(block(`rotate_after = "720h"`), "output \"version\" {\n  value = twelvefactor_session_key.test.version_id\n}\n")
	later := func(d time.Duration, action plancheck.ResourceActionType, version string) resource.TestStep {
		return resource.TestStep{
			PreConfig:         func() { env.Clock.Advance(d) },
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, action),
			ConfigStateChecks: []statecheck.StateCheck{is("version", version), isNull("rotation_due_since")},
		}
	}
	due := later(721*time.Hour, plancheck.ResourceActionUpdate, "2")
	due.ConfigPlanChecks.PreApply = append(due.ConfigPlanChecks.PreApply,
		plancheck.ExpectUnknownValue(address, tfjsonpath.New("version_id")), plancheck.ExpectUnknownOutputValue("version"))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		later(0, plancheck.ResourceActionCreate, "1"),
		later(700*time.Hour, plancheck.ResourceActionNoop, "1"),
		due,
		later(719*time.Hour, plancheck.ResourceActionNoop, "2"),
		later(2*time.Hour, plancheck.ResourceActionUpdate, "3"),
	}})
	env.CheckEffects(t, "AddSecretVersion", 3)
}

// TestAccSessionKey_savedPlan saves a plan before the due date and applies it after, with the provider as a process of
// its own, in real time.
func TestAccSessionKey_savedPlan(t *testing.T) {
	t.Parallel()
	const rotateAfter = 10 * time.Second
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		config := func(team string) {
			cli.Write(t, "main.tf", env.Config(block(fmt.Sprintf("rotate_after = %q", rotateAfter), fmt.Sprintf("labels = { team = %q }", team))))
		}
		config("a")
		cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		due := env.Clock.Now().Add(rotateAfter)
		config("b")
		planned := cli.MustRun(t, "plan", "-no-color", "-out=plan.bin")
		if strings.Contains(planned.Stdout, "version_id") || env.Clock.Now().After(due) {
			t.Fatalf("the plan was made too late, or rotates:\n%s", planned.Stdout)
		}
		if err := env.Clock.Sleep(t.Context(), due.Sub(env.Clock.Now())+time.Second); err != nil {
			t.Fatal(err)
		}
		cli.MustRun(t, "apply", "-no-color", "plan.bin")
		if got := versions(t, env); got != 1 {
			t.Errorf("the saved plan made %d versions", got)
		}
		if rest := cli.Run(t, "plan", "-refresh=false", "-detailed-exitcode", "-no-color"); rest.Code != 0 {
			t.Errorf("without a refresh the plan is not empty:\n%s", rest.Stdout)
		}
		next := cli.Run(t, "plan", "-detailed-exitcode", "-no-color", "-out=plan.bin")
		if !strings.Contains(next.Stdout, "rotation_due_since") || next.Code != 2 {
			t.Errorf("the next plan (%d) does not show that a rotation is due:\n%s", next.Code, next.Stdout)
		}
		cli.MustRun(t, "apply", "-no-color", "plan.bin")
		if got := versions(t, env); got != 2 {
			t.Errorf("%d versions after the rotation", got)
		}
		cli.MustRun(t, "destroy", "-auto-approve", "-no-color")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// TestAccSessionKey_drift changes everything that the resource owns behind its back, and what it does not own.
func TestAccSessionKey_drift(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	config := env.Config(block(accessors, `labels = { team = "shop" }`))
	after := func(harm func() error, action plancheck.ResourceActionType, version string) resource.TestStep {
		return resource.TestStep{
			PreConfig:         func() { must(harm()) },
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, action),
			ConfigStateChecks: []statecheck.StateCheck{is("version", version), is("status", "ready")},
		}
	}
	state := func(number string, to secretmanagerpb.SecretVersion_State) func() error {
		return func() error {
			return env.Fake.UpdateSecretVersion(id+"/versions/"+number, func(v *secretmanagerpb.SecretVersion) { v.State = to })
		}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config},
		after(func() error {
			return env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.Labels["team"] = "else" })
		}, plancheck.ResourceActionUpdate, "1"),
		after(func() error {
			return env.Fake.UpdatePolicy(id, func(p *iampb.Policy) { p.Bindings = nil })
		}, plancheck.ResourceActionUpdate, "1"),
		after(func() error {
			return env.Fake.UpdatePolicy(id, func(p *iampb.Policy) {
				p.Bindings[0].Members = append(p.Bindings[0].Members, "user:carol@example.com")
			})
		}, plancheck.ResourceActionNoop, "1"),
		after(state("1", secretmanagerpb.SecretVersion_DISABLED), plancheck.ResourceActionUpdate, "2"),
		after(state("2", secretmanagerpb.SecretVersion_DESTROYED), plancheck.ResourceActionUpdate, "3"),
		after(func() error { return env.Fake.Remove(id) }, plancheck.ResourceActionCreate, "1"),
	}})
}

// TestAccSessionKey_lostState applies from an empty state: refused; the import that the error prints keeps the key.
func TestAccSessionKey_lostState(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli, other := env.CLI(t), env.CLI(t)
	config := env.Config(block(`rotate_after = "720h"`, `keep = 3`))
	cli.Write(t, "main.tf", config)
	other.Write(t, "main.tf", config)
	cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	before := hashes(t, env)
	refused := other.Run(t, "apply", "-auto-approve", "-no-color")
	want := regexp.MustCompile(`(?s)already exists.*import \{.*to = twelvefactor_session_key\.NAME.*id = "` + id + `"`)
	if refused.Code == 0 || !want.MatchString(refused.Output()) {
		t.Errorf("ended with %d:\n%s", refused.Code, refused.Output())
	}
	other.Write(t, "import.tf", fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, id))
	other.MustRun(t, "apply", "-auto-approve", "-no-color")
	if again := other.Run(t, "plan", "-detailed-exitcode", "-no-color"); again.Code != 0 {
		t.Errorf("the plan after the import is not empty:\n%s", again.Stdout)
	}
	if now := hashes(t, env); !slices.Equal(now, before) {
		t.Errorf("the payloads changed: %v, before %v", now, before)
	}
	env.CheckEffects(t, "AccessSecretVersion", 0) // no value was read, and none written
	env.CheckEffects(t, "AddSecretVersion", 1)
	other.MustRun(t, "destroy", "-auto-approve", "-no-color")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// hashes are those of the payloads that the fake holds.
func hashes(t *testing.T, env *acctest.Env) []string {
	t.Helper()
	objects, err := env.Fake.Objects()
	must(err)
	var all []string
	for name, object := range objects {
		if strings.Contains(name, "/versions/") {
			all = append(all, object.PayloadSHA256)
		}
	}
	return slices.Sorted(slices.Values(all))
}

func versions(t *testing.T, env *acctest.Env) int {
	t.Helper()
	return len(hashes(t, env))
}

func must(err error) {
	if err != nil {
		panic(err) // the test itself is wrong
	}
}
