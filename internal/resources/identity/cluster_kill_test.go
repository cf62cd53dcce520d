package identity_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// An identity in a cluster is killed, with its state, while its account is let be impersonated: before that both accounts
// are there, and the next apply goes on with both. The destroy is killed while it deletes the account.
func TestIdentityInAClusterConvergesAfterKills(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	email := env.Name("shop") + "@acme-dev.iam.gserviceaccount.com"
	const role = "roles/logging.logWriter"
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(inCluster(env, cluster, `mode = "service_account"`, grants(role))))
	kill := func(command string, at fakegcp.Fault) {
		t.Helper()
		at.Resource, at.Occurrence, at.Kind = env.Name("shop"), 1, fakegcp.FaultHang
		if err := env.Fake.Inject(at); err != nil {
			t.Fatal(err)
		}
		from := len(env.Fake.Journal())
		run := cli.Start(t, command, "-auto-approve", "-no-color")
		waitStruck(t, env, from, email)
		run.Kill(t)
	}

	kill("apply", fakegcp.Fault{Method: "IAM/SetIamPolicy", When: fakegcp.After})
	again := cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	if strings.Count(again.Output(), "was taken over") != 2 {
		t.Errorf("no word about both accounts:\n%s", again.Output())
	}
	cli.MustRun(t, "plan", "-detailed-exitcode")

	kill("destroy", fakegcp.Fault{Method: "DeleteServiceAccount", When: fakegcp.After})
	cli.MustRun(t, "destroy", "-auto-approve")
	if account(t, env, cluster) != nil {
		t.Error("the Kubernetes service account is left")
	}
	if got := membersOf(t, env, "projects/acme-dev", role); slices.ContainsFunc(got, func(m string) bool { return strings.Contains(m, email) }) {
		t.Errorf("members %v", got)
	}
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}
