package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// longOperation leaves time to stop a run while the cluster is being made.
const longOperation = 2 * time.Second

func TestClusterConvergesAfterAKilledApply(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(cluster()))
		killed := cli.Start(t, "apply", "-auto-approve", "-no-color")
		env.WaitForCall(t, "CreateCluster", 1)
		killed.Kill(t)

		again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		if !strings.Contains(again.Output(), "Took over the unfinished create") {
			t.Errorf("no word about the takeover:\n%s", again.Output())
		}
		cli.MustRun(t, "plan", "-detailed-exitcode")
		env.CheckEffects(t, "CreateCluster", 1)
		cli.MustRun(t, "destroy", "-auto-approve")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	}, acctest.WithOperationTime(longOperation))
}

func TestClusterIsNotTaintedByAnInterrupt(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(cluster()))
		run := cli.Start(t, "apply", "-auto-approve", "-no-color")
		env.WaitForCall(t, "CreateCluster", 1)
		run.Interrupt(t)
		interrupted := run.Wait(t)
		shown := cli.MustRun(t, "state", "show", "-no-color", address).Stdout
		if strings.Contains(shown, "tainted") || !strings.Contains(shown, `"creating"`) {
			t.Errorf("the state is not that of an unfinished cluster:\n%s\nthe run said:\n%s", shown, interrupted.Output())
		}
		again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		if !strings.Contains(again.Output(), "0 added, 1 changed, 0 destroyed") {
			t.Errorf("the second apply did not just finish the cluster:\n%s", again.Output())
		}
		cli.MustRun(t, "plan", "-detailed-exitcode")
		env.CheckEffects(t, "CreateCluster", 1)
	}, acctest.WithOperationTime(longOperation))
}

func TestClusterOfAnotherStateIsRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	first := env.CLI(t)
	first.Write(t, "main.tf", env.Config(cluster()))
	first.MustRun(t, "apply", "-auto-approve")

	second := env.CLI(t)
	second.Write(t, "main.tf", env.Config(cluster()))
	refused := second.Run(t, "apply", "-auto-approve", "-no-color")
	if refused.Code == 0 {
		t.Fatal("the second state took the cluster")
	}
	for _, want := range []string{"already exists", "import {", "to = twelvefactor_cluster.NAME", `id = "` + clusterID + `"`} {
		if !strings.Contains(refused.Output(), want) {
			t.Errorf("the error does not say %q:\n%s", want, refused.Output())
		}
	}
	if left := second.MustRun(t, "state", "list").Stdout; left != "" {
		t.Errorf("the second state holds %q", left)
	}
	first.MustRun(t, "plan", "-detailed-exitcode")
	env.CheckEffects(t, "CreateCluster", 1)
}
