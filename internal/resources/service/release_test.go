package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func behave(t *testing.T, env *acctest.Env, image string, b fakegcp.Behaviour) func() {
	return func() {
		t.Helper()
		if err := env.Fake.SetImage(image, b); err != nil {
			t.Fatal(err)
		}
	}
}

// A service whose first release never served is of no use: it is made anew.
func TestFirstReleaseThatFailsIsMadeAnew(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(onRun())
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{PreConfig: behave(t, env, image, fakegcp.ImageCrashes), Config: config, ExpectError: wrapped("failed to start")},
		{
			PreConfig: behave(t, env, image, ""), Config: config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionReplace),
			ConfigStateChecks: ready(),
		},
	}})
}

// A release that fails leaves the old one serving, and the next plan is a repair, never a replacement.
func TestReleaseThatFailsIsRepaired(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	next := env.Config(onRun(set("image", `"`+nextImage+`"`)))
	repair := updated(env.Config(onRun()))
	repair.PostApplyFunc = func() {
		if got := liveService(t, env, runID).GetTemplate().GetContainers()[0].GetImage(); got != image {
			t.Errorf("the image is %s", got)
		}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(onRun()), ConfigStateChecks: ready()},
		{PreConfig: behave(t, env, nextImage, fakegcp.ImageCrashes), Config: next, ExpectError: wrapped("failed to start")},
		{
			RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.TestCheckResourceAttr(address, "status", "degraded"),
		},
		repair,
		{Config: next, ExpectError: wrapped("failed to start")},
		{
			PreConfig: behave(t, env, nextImage, ""), Config: next,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: append(ready(), at("image", knownvalue.StringExact(nextImage))),
		},
	}})
	env.CheckEffects(t, "CreateService", 1)
}

// A create whose time is up has made something: it is kept with a warning, and the next apply goes on.
func TestCreateThatTimesOutIsFinishedByTheNextApply(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithOperationTime(3*time.Second))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config:             env.Config(onRun(set("timeouts", `{ create = "1s" }`))),
			ConfigStateChecks:  []statecheck.StateCheck{at("status", knownvalue.StringExact("creating"))},
			ExpectNonEmptyPlan: true,
		},
		updated(env.Config(onRun())),
	}})
	env.CheckEffects(t, "CreateService", 1)
}

func TestServiceConvergesAfterAKilledApply(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		slow := env.As(t)
		if err := env.Fake.SetImage(image, fakegcp.ImageSlow); err != nil {
			t.Fatal(err)
		}
		cli := slow.CLI(t)
		cli.Write(t, "main.tf", env.Config(onRun(process("worker", "{}"))))
		killed := cli.Start(t, "apply", "-auto-approve", "-no-color")
		env.WaitForCall(t, "CreateService", 1)
		killed.Kill(t)

		again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		if !strings.Contains(again.Output(), "Took over the unfinished create") {
			t.Errorf("no word about the takeover:\n%s", again.Output())
		}
		cli.MustRun(t, "plan", "-detailed-exitcode")
		env.CheckEffects(t, "CreateService", 1)
		env.CheckEffects(t, "CreateServiceAccount", 1)
		cli.MustRun(t, "destroy", "-auto-approve")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// A whole plan, with services on both sides of an apply, needs no more than reading.
func TestPlanWithReadOnlyCredentials(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(sessionKey(env, "1"), onRun(withKey, process("worker", "{}")))
	cli := env.CLI(t)
	cli.Write(t, "main.tf", config)
	cli.MustRun(t, "apply", "-auto-approve")
	reader := env.CLI(t, "GOOGLE_OAUTH_ACCESS_TOKEN="+acctest.ReadOnlyToken)
	reader.Write(t, "main.tf", config)
	reader.Write(t, "terraform.tfstate", cli.MustRun(t, "state", "pull").Stdout)
	reader.MustRun(t, "plan", "-detailed-exitcode")
	reader.Write(t, "main.tf", config+onRun(labelled("more"), set("name", `"more"`)))
	if r := reader.Run(t, "plan", "-detailed-exitcode"); r.Code != 2 {
		t.Errorf("the plan ended with %d:\n%s", r.Code, r.Output())
	}
	cli.MustRun(t, "destroy", "-auto-approve")
}

// A run that is interrupted keeps what it has made, untainted.
func TestServiceIsNotTaintedByAnInterrupt(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(onRun()))
		run := cli.Start(t, "apply", "-auto-approve", "-no-color")
		env.WaitForCall(t, "CreateService", 1)
		run.Interrupt(t)
		interrupted := run.Wait(t)
		shown := cli.MustRun(t, "state", "show", "-no-color", address).Stdout
		if strings.Contains(shown, "tainted") || !strings.Contains(shown, `"creating"`) {
			t.Errorf("the state is not that of an unfinished service:\n%s\nthe run said:\n%s", shown, interrupted.Output())
		}
		again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		if !strings.Contains(again.Output(), "0 added, 1 changed, 0 destroyed") {
			t.Errorf("the second apply did not just finish the service:\n%s", again.Output())
		}
		cli.MustRun(t, "plan", "-detailed-exitcode")
		env.CheckEffects(t, "CreateService", 1)
	}, acctest.WithOperationTime(3*time.Second))
}

// What a saved plan shows is what its apply does, whatever has become known in between.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(sessionKey(env, "1"), onRun(withKey)))
		for _, trigger := range []string{"1", "2"} {
			cli.Write(t, "main.tf", env.Config(sessionKey(env, trigger), onRun(withKey, process("worker", "{}"))))
			cli.MustRun(t, "plan", "-out=saved")
			cli.MustRun(t, "apply", "saved")
			cli.MustRun(t, "plan", "-detailed-exitcode")
		}
		cli.MustRun(t, "destroy", "-auto-approve")
	})
}

// The service serves, but not for the public: it is not tainted, and the next apply updates it in place.
func TestFailedCreateOfAServiceThatServesIsUpdatedNext(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(onRun(set("cloud_run", `{ public = true }`)))
	env.Fake.Deny("run.services.setIamPolicy", "")
	next := updated(config)
	next.PreConfig = func() { env.Fake.Allow("run.services.setIamPolicy", "") }
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config:             config,
			ConfigStateChecks:  []statecheck.StateCheck{at("status", knownvalue.StringExact("creating"))},
			ExpectNonEmptyPlan: true,
		},
		next,
	}})
	env.CheckEffects(t, "CreateService", 1)
}
