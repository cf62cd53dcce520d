package sessionkey_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// age makes a version as old as 721 hours: the provider that a command starts goes by the system's clock.
func age(t *testing.T, env *acctest.Env, version string) {
	t.Helper()
	err := env.Fake.UpdateSecretVersion(id+"/versions/"+version, func(v *secretmanagerpb.SecretVersion) {
		v.CreateTime = timestamppb.New(env.Clock.Now().Add(-721 * time.Hour))
	})
	must(err)
}

const service = `
resource "twelvefactor_service" "shop" {
  name      = "shop"
  image     = "asia-docker.pkg.dev/acme/shop/web:1"
  cloud_run = { location = "asia-northeast1" }
  secrets   = { SESSION_KEYS = twelvefactor_session_key.test.version_id }
  processes = { web = {} }
}
`

// pinned is the version that the service on Cloud Run is pinned to, "" when it has none.
func pinned(t *testing.T, state string) string {
	t.Helper()
	for line := range strings.SplitSeq(state, "\n") {
		if strings.Contains(line, `"SESSION_KEYS"`) {
			return strings.Trim(line[strings.LastIndex(line, "/")+1:], `" `)
		}
	}
	return ""
}

// TestAccSessionKey_dueRotationReachesTheService turns a key old between plan and apply: the saved plan does what it showed,
// a plan without a refresh rotates nothing, and the next one shows the rotation and the service's new release together.
func TestAccSessionKey_dueRotationReachesTheService(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		write := func(team string) {
			cli.Write(t, "main.tf", env.Config(block(`rotate_after = "720h"`, `labels = { team = "`+team+`" }`), service))
		}
		release := func(want string) {
			t.Helper()
			if got := pinned(t, cli.MustRun(t, "state", "show", "-no-color", "twelvefactor_service.shop").Stdout); got != want {
				t.Errorf("the service is pinned to version %q, want %s", got, want)
			}
		}
		write("a")
		cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		release("1")
		write("b")
		before := cli.MustRun(t, "plan", "-no-color", "-out=saved").Stdout
		if strings.Contains(before, "version_id") || strings.Contains(before, "twelvefactor_service.shop will be") {
			t.Errorf("a rotation is planned before it is due:\n%s", before)
		}
		age(t, env, "1")
		cli.MustRun(t, "apply", "-no-color", "saved")
		env.CheckEffects(t, "AddSecretVersion", 1)
		cli.MustRun(t, "plan", "-refresh=false", "-detailed-exitcode", "-no-color")
		cli.MustRun(t, "apply", "-refresh=false", "-auto-approve", "-no-color")
		env.CheckEffects(t, "AddSecretVersion", 1)
		release("1")

		due := cli.Run(t, "plan", "-detailed-exitcode", "-no-color", "-out=saved")
		for _, part := range []string{"rotation_due_since", "twelvefactor_service.shop will be updated", "0 to add, 2 to change, 0 to destroy"} {
			if due.Code != 2 || !strings.Contains(due.Stdout, part) {
				t.Errorf("the plan (%d) does not show %q:\n%s", due.Code, part, due.Output())
			}
		}
		cli.MustRun(t, "apply", "-no-color", "saved")
		env.CheckEffects(t, "AddSecretVersion", 2)
		release("2")
		cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
		cli.MustRun(t, "destroy", "-auto-approve", "-no-color")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// TestAccSessionKey_twoWorkspacesRotateOnce plans the same due rotation from the same state twice, and applies both plans at
// the same time.
func TestAccSessionKey_twoWorkspacesRotateOnce(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		one, other := env.CLI(t), env.CLI(t)
		config := env.Config(block(`rotate_after = "720h"`, `keep = 2`))
		one.Write(t, "main.tf", config)
		other.Write(t, "main.tf", config)
		one.MustRun(t, "apply", "-auto-approve", "-no-color")
		first := payload(t, env, "1")
		other.Write(t, "terraform.tfstate", one.MustRun(t, "state", "pull").Stdout)
		age(t, env, "1")
		one.MustRun(t, "plan", "-out=saved")
		other.MustRun(t, "plan", "-out=saved")
		running := one.Start(t, "apply", "-no-color", "saved")
		other.MustRun(t, "apply", "-no-color", "saved")
		if ended := running.Wait(t); ended.Code != 0 {
			t.Errorf("the other apply ended with %d:\n%s", ended.Code, ended.Output())
		}
		env.CheckEffects(t, "AddSecretVersion", 2)
		if _, previous, _ := strings.Cut(payload(t, env, "2"), ","); previous != first {
			t.Error("the previous key is not the first one")
		}
		for _, cli := range []*acctest.CLI{one, other} {
			if shown := cli.MustRun(t, "state", "show", "-no-color", address).Stdout; !strings.Contains(shown, `versions/2"`) {
				t.Errorf("the state is not that of version 2:\n%s", shown)
			}
			cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
		}
		one.MustRun(t, "destroy", "-auto-approve", "-no-color")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// TestAccSessionKey_olderState goes on from a state of before a rotation, with and without a refresh: nothing rotates again,
// and no key changes.
func TestAccSessionKey_olderState(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		write := func(trigger string) { cli.Write(t, "main.tf", env.Config(block(`rotation_trigger = "`+trigger+`"`))) }
		write("1")
		cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		older := cli.MustRun(t, "state", "pull").Stdout
		write("2")
		cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		before := hashes(t, env)
		for _, refresh := range []string{"-refresh=true", "-refresh=false"} {
			cli.Write(t, "terraform.tfstate", older)
			cli.MustRun(t, "apply", "-auto-approve", "-no-color", refresh)
			cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
			if shown := cli.MustRun(t, "state", "show", "-no-color", address).Stdout; !strings.Contains(shown, `versions/2"`) {
				t.Errorf("%s: the state is not that of version 2:\n%s", refresh, shown)
			}
		}
		if now := hashes(t, env); strings.Join(now, " ") != strings.Join(before, " ") {
			t.Errorf("the payloads changed: %v, before %v", now, before)
		}
		cli.MustRun(t, "destroy", "-auto-approve", "-no-color")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// TestAccSessionKey_settingsKnownLater takes trigger and age from a resource that the plan replaces: what turns out to be the
// same rotates nothing, although the plan had to leave it open, and a key that is due rotates by what its age turns out to be.
func TestAccSessionKey_settingsKnownLater(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	config := func(generation, trigger, after string) string {
		return env.Config(`resource "terraform_data" "later" {
  triggers_replace = "`+generation+`"
  input            = { trigger = "`+trigger+`", after = "`+after+`" }
}
`, block("rotation_trigger = terraform_data.later.output.trigger", "rotate_after = terraform_data.later.output.after"))
	}
	step := func(later time.Duration, config, version string, due ...statecheck.StateCheck) resource.TestStep {
		return resource.TestStep{
			PreConfig: func() { env.Clock.Advance(later) }, Config: config,
			ConfigStateChecks: append([]statecheck.StateCheck{is("version", version)}, due...),
		}
	}
	// A shorter age is found to be passed by the next refresh alone.
	shorter := step(0, config("6", "b", "240h"), "3", isNull("rotation_due_since"))
	shorter.PreConfig = func() { env.Clock.Advance(300 * time.Hour) }
	shorter.ExpectNonEmptyPlan = true
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		step(0, config("1", "a", "720h"), "1"),
		step(0, config("2", "a", "720h"), "1"),
		step(0, config("2", "b", "720h"), "2"),
		step(721*time.Hour, config("3", "b", "7200h"), "2", isNull("rotation_due_since")),
		step(0, config("4", "b", "7201h"), "2", isNull("rotation_due_since")),
		step(7200*time.Hour, config("5", "b", "7100h"), "3", isNull("rotation_due_since")),
		shorter,
		{
			Config:            config("6", "b", "240h"),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{is("version", "4"), isNull("rotation_due_since")},
		},
	}})
	env.CheckEffects(t, "AddSecretVersion", 4)
}

// TestSessionKey_rotateAfterPutsARotationOff makes a due key young again: the plan and every later refresh leave it alone.
func TestSessionKey_rotateAfterPutsARotationOff(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]any{"longer": "7200h", "never": nil} {
		t.Run(name, func(t *testing.T) {
			env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
			provider := env.InProcess(t, noun)
			state := mustApply(t, provider, nil, valid(nil))
			env.Clock.Advance(721 * time.Hour)
			if state, _ = provider.Read(t, state); state.Get(t, "rotation_due_since") == "" {
				t.Fatal("no rotation is due")
			}
			config := valid(acctest.Attributes{"rotate_after": after})
			state = mustApply(t, provider, state, config)
			state, _ = provider.Read(t, state)
			if state.Get(t, "rotation_due_since") != "" || state.Get(t, "version") != "1" || !mustPlan(t, provider, state, config).Empty() {
				t.Errorf("version %s, due since %q", state.Get(t, "version"), state.Get(t, "rotation_due_since"))
			}
		})
	}
}
