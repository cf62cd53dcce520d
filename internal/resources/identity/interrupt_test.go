package identity_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// hold lets the first grant hang until the caller gives up.
func hold(t *testing.T, env *acctest.Env) {
	t.Helper()
	if err := env.Fake.Inject(fakegcp.Fault{Method: "SetIamPolicy", Occurrence: 1, Kind: fakegcp.FaultHang}); err != nil {
		t.Fatal(err)
	}
}

// waitStruck waits until a fault has struck a call about a resource.
func waitStruck(t *testing.T, env *acctest.Env, after int, resource string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		calls := env.Fake.WaitJournal(ctx, fakegcp.JournalFilter{After: after, Resource: resource})
		if slices.ContainsFunc(calls, func(c fakegcp.Call) bool { return c.Fault != "" }) {
			return
		}
		if len(calls) == 0 {
			t.Fatal("no fault struck")
		}
		after = calls[len(calls)-1].Seq
	}
}

func TestIdentityConvergesAfterAKilledApply(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		hold(t, env)
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(runtime("roles/logging.logWriter")))
		killed := cli.Start(t, "apply", "-auto-approve", "-no-color")
		waitStruck(t, env, 0, "")
		killed.Kill(t)

		again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		if !strings.Contains(again.Output(), "was taken over") {
			t.Errorf("no word about the takeover:\n%s", again.Output())
		}
		cli.MustRun(t, "plan", "-detailed-exitcode")
		env.CheckEffects(t, "CreateServiceAccount", 1)
		cli.MustRun(t, "destroy", "-auto-approve")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

func TestIdentityIsNotTaintedByAnInterrupt(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		hold(t, env)
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(runtime("roles/logging.logWriter")))
		run := cli.Start(t, "apply", "-auto-approve", "-no-color")
		waitStruck(t, env, 0, "")
		run.Interrupt(t)
		interrupted := run.Wait(t)
		shown := cli.MustRun(t, "state", "show", "-no-color", address).Stdout
		if strings.Contains(shown, "tainted") || !strings.Contains(shown, `"creating"`) {
			t.Errorf("the state is not that of an unfinished identity:\n%s\nthe run said:\n%s", shown, interrupted.Output())
		}
		again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		if !strings.Contains(again.Output(), "0 added, 1 changed, 0 destroyed") {
			t.Errorf("the second apply did not just finish the identity:\n%s", again.Output())
		}
		cli.MustRun(t, "plan", "-detailed-exitcode")
		env.CheckEffects(t, "CreateServiceAccount", 1)
	})
}

// The state says that there was a cluster, and there is none any more: what is left of the identity outside of it still
// goes with the destroy.
func TestDestroyEndsWhenTheClusterIsGone(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(runtime("roles/logging.logWriter"))
	cli := env.CLI(t)
	cli.Write(t, "main.tf", config)
	cli.MustRun(t, "apply", "-auto-approve")

	const gone = "projects/acme-dev/locations/asia-northeast1/clusters/gone"
	state := cli.MustRun(t, "state", "pull").Stdout
	for attribute, value := range map[string]string{"cluster": gone, "namespace": "web"} {
		state = regexp.MustCompile(`"`+attribute+`":\s*null`).ReplaceAllString(state, `"`+attribute+`": "`+value+`"`)
	}
	moved := env.CLI(t)
	moved.Write(t, "main.tf", env.Config(strings.Replace(runtime("roles/logging.logWriter"), "grants",
		"cluster = \""+gone+"\"\n  namespace = \"web\"\n  grants", 1)))
	moved.Write(t, "terraform.tfstate", state)
	planned := moved.MustRun(t, "plan", "-no-color").Stdout
	if !strings.Contains(planned, "missing with its cluster") || !strings.Contains(planned, "1 to change") {
		t.Errorf("the plan does not show that the cluster is missing:\n%s", planned)
	}
	moved.MustRun(t, "destroy", "-auto-approve")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}
