package cluster_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// What the use cases say about a trouble (internal/deploy tests their words) reaches the user whole.
func TestClusterTroubleReachesTheUser(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	fake := env.Fake
	do := func(act func() error) func() {
		return func() {
			if err := act(); err != nil {
				t.Fatal(err)
			}
		}
	}
	created := env.Config(cluster())
	changed := env.Config(cluster(set("labels", `{ team = "shop" }`), set("timeouts", `{ update = "1s" }`)))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			PreConfig: func() { fake.SetAPIEnabled("container.googleapis.com", false) }, Config: created,
			ExpectError: wrapped("gcloud services enable container.googleapis.com --project acme-dev"),
		},
		{
			PreConfig: func() {
				fake.SetAPIEnabled("container.googleapis.com", true)
				fake.Deny("container.clusters.create", "")
			},
			Config: created, ExpectError: wrapped("lacks the permission container.clusters.create, which roles/container.clusterAdmin gives"),
		},
		{
			PreConfig: do(func() error {
				fake.Allow("container.clusters.create", "")
				return fake.SetQuota("CPUS", "asia-northeast1", 1)
			}),
			Config: created, ExpectError: wrapped("Ask for more of the quota CPUS at"),
		},
		{PreConfig: do(func() error { return fake.SetQuota("CPUS", "asia-northeast1", -1) }), Config: created},
		{
			PreConfig: do(func() error {
				if err := fake.SetOperation(fakegcp.OperationRule{Kind: "REPAIR_CLUSTER", Hold: true}); err != nil {
					return err
				}
				_, err := fake.StartUnattended(fakegcp.UnattendedRepair, "dev", "")
				return err
			}),
			Config: changed, ExpectError: wrapped(`(REPAIR_CLUSTER of cluster "dev", running for`),
		},
		{
			PreConfig: do(func() error {
				_, err := fake.ReleaseOperations("")
				if err != nil {
					return err
				}
				return fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) { c.ReleaseChannel.Channel = 99 })
			}),
			Config: changed, ExpectError: wrapped("release_channel.channel is 99"),
		},
		{
			PreConfig: do(func() error {
				return fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) { c.ReleaseChannel.Channel = containerpb.ReleaseChannel_REGULAR })
			}),
			Config: changed,
		},
	}})
}

func TestClusterThatIsDeletedBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		l := newLife(t, env)
		l.cli.Write(t, "main.tf", env.Config(cluster()))
		l.cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		l.cli.Write(t, "main.tf", env.Config(cluster(set("labels", `{ team = "shop" }`))))
		l.cli.MustRun(t, "plan", "-out=saved", "-no-color")
		if err := env.Fake.Remove(clusterID); err != nil {
			t.Fatal(err)
		}
		r := l.cli.Run(t, "apply", "-no-color", "saved")
		said := strings.Join(strings.Fields(strings.ReplaceAll(r.Output(), "│", "")), " ")
		for _, want := range []string{`Cluster "dev" does not exist any more`, "after the plan was made", "Plan and apply again"} {
			if r.Code == 0 || !strings.Contains(said, want) {
				t.Errorf("the apply ended with %d and does not say %q:\n%s", r.Code, want, r.Output())
			}
		}
		l.cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		l.cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
	})
}

// Who wonders what a run is waiting for finds it in the log.
func TestClusterWaitIsLogged(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	l := newLife(t, env)
	l.cli.Write(t, "main.tf", env.Config(cluster()))
	l.cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	l.settle()
	l.hold("REPAIR_CLUSTER")
	operation, err := env.Fake.StartUnattended(fakegcp.UnattendedRepair, "dev", "")
	if err != nil {
		t.Fatal(err)
	}
	l.cli.Write(t, "main.tf", env.Config(cluster(set("labels", `{ team = "shop" }`))))
	run := l.cli.With("TF_LOG_PROVIDER=INFO").Start(t, "apply", "-auto-approve", "-no-color")
	env.Fake.WaitJournal(t.Context(), fakegcp.JournalFilter{Method: "GetOperation", Resource: operation})
	l.release()
	r := run.Wait(t)
	if r.Code != 0 {
		t.Errorf("the apply ended with %d", r.Code)
	}
	for _, want := range []string{"[INFO]", "Waiting for another operation on the cluster", "operation=" + operation, "type=REPAIR_CLUSTER"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("the log does not say %q:\n%s", want, r.Stderr)
		}
	}
}
