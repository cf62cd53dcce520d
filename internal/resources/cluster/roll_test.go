package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// nodeAccount is an account that every project has.
const nodeAccount = acctest.ProjectNumber + "-compute@developer.gserviceaccount.com"

// threePods is a service whose three pods run on the pool of a cluster; a service with several pods has a budget that lets
// one go at a time.
const threePods = `
resource "twelvefactor_service" "shop" {
  name      = "shop"
  image     = "asia-docker.pkg.dev/acme/shop/web:1"
  gke       = { cluster = twelvefactor_cluster.dev.id, namespace = "web" }
  processes = { web = { scale = { min = 3, max = 3 } } }
}
`

// rolling is a cluster with one pool, whose nodes run as the given account.
func rolling(arguments string) string {
	return cluster(pool("base", `machine_type = "e2-standard-2", min_nodes = 3, max_nodes = 6`+arguments), pool("spot", ""))
}

const asAccount = `, service_account = "` + nodeAccount + `"`

// What a user does: a service with three replicas runs on a pool that is rolled.
func TestClusterRollsAPoolUnderAService(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithKubernetes(t))
	var seen *acctest.Availability
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(rolling(""), threePods)},
		{
			PreConfig:        func() { seen = acctest.WatchAvailability(t, env.Kubernetes(t, clusterID), "web", "") },
			Config:           env.Config(rolling(asAccount), threePods),
			ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			PostApplyFunc: func() {
				if least, moved := seen.Stop(t); least < 2 || moved < 3 {
					t.Errorf("at least %d pods were available, %d were moved; want 2 and 3", least, moved)
				}
				if pools := liveCluster(t, env).GetNodePools(); len(pools) != 1 || pools[0].GetConfig().GetServiceAccount() != nodeAccount {
					t.Errorf("the pools are %v", pools)
				}
			},
			ConfigStateChecks: []statecheck.StateCheck{
				at("status", knownvalue.StringExact("ready")),
				at("drift", knownvalue.ListExact(nil)),
				atPool("base", "service_account", knownvalue.StringExact(nodeAccount)),
			},
		},
	}})
	env.CheckEffects(t, "CreateNodePool", 1)
	env.CheckEffects(t, "SetNodePoolAutoscaling", 1)
	env.CheckEffects(t, "DeleteNodePool", 1)
}

// The provider is killed while a budget holds the drain; the next apply goes on with the pools that are there.
func TestClusterRollGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithKubernetes(t))
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(rolling(""), threePods))
	cli.MustRun(t, "apply", "-auto-approve")
	client := env.Kubernetes(t, clusterID)
	seen := acctest.WatchAvailability(t, client, "web", "")
	setBudget(t, client, `{"spec":{"maxUnavailable":0}}`)

	cli.Write(t, "main.tf", env.Config(rolling(asAccount), threePods))
	killed := cli.Start(t, "apply", "-auto-approve")
	until(t, env, "the old nodes closed", func() bool { return closedNodes(t, client) == 3 })
	killed.Kill(t)
	setBudget(t, client, `{"spec":{"maxUnavailable":1}}`)
	cli.MustRun(t, "apply", "-auto-approve")
	if least, moved := seen.Stop(t); least < 2 || moved < 3 {
		t.Errorf("at least %d pods were available, %d were moved; want 2 and 3", least, moved)
	}
	cli.MustRun(t, "plan", "-detailed-exitcode")
	if n := closedNodes(t, client); n > 0 || len(liveCluster(t, env).GetNodePools()) != 1 {
		t.Errorf("%d nodes are closed, the pools are %v", n, liveCluster(t, env).GetNodePools())
	}
	env.CheckEffects(t, "CreateNodePool", 1)
	env.CheckEffects(t, "SetNodePoolAutoscaling", 1)
	env.CheckEffects(t, "DeleteNodePool", 1)
}

// Killed before and after each call that a roll makes, the next apply goes on: nothing is made, deleted or asked for twice.
func TestClusterRollGoesOnAfterAKillAtEachCall(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CreateNodePool", "SetNodePoolAutoscaling", "DeleteNodePool"} {
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			t.Run(method+" "+string(when), func(t *testing.T) {
				t.Parallel()
				env := acctest.New(t, acctest.WithOperationTime(time.Second))
				cli := env.CLI(t)
				cli.Write(t, "main.tf", env.Config(rolling("")))
				cli.MustRun(t, "apply", "-auto-approve")
				before := operations(t, env)
				cli.Write(t, "main.tf", env.Config(rolling(asAccount)))
				if err := env.Fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, When: when, Kind: fakegcp.FaultHang}); err != nil {
					t.Fatal(err)
				}
				killed := cli.Start(t, "apply", "-auto-approve")
				until(t, env, "the call", func() bool { return env.Fake.Faults()[0].Struck > 0 })
				killed.Kill(t)
				cli.MustRun(t, "apply", "-auto-approve")
				cli.MustRun(t, "plan", "-detailed-exitcode")
				if pools := liveCluster(t, env).GetNodePools(); len(pools) != 1 || pools[0].GetConfig().GetServiceAccount() != nodeAccount {
					t.Errorf("the pools are %v", pools)
				}
				for _, kind := range []containerpb.Operation_Type{
					containerpb.Operation_CREATE_NODE_POOL, containerpb.Operation_UPDATE_CLUSTER, containerpb.Operation_DELETE_NODE_POOL,
				} {
					if got := operations(t, env)[kind] - before[kind]; got != 1 {
						t.Errorf("there were %d operations %s, want 1", got, kind)
					}
				}
			})
		}
	}
}

// A budget that lets no pod go ends in the timeout, with an error that names it. Taken back, the old pool serves again.
func TestClusterRollThatABudgetHoldsIsExplainedAndTakenBack(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithKubernetes(t))
	short := func(arguments string) string {
		return env.Config(strings.Replace(rolling(arguments), "  node_pools =", "  timeouts = { update = \"5s\" }\n  node_pools =", 1), threePods)
	}
	var client *kubernetes.Clientset
	var seen *acctest.Availability
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: short("")},
		{
			PreConfig: func() {
				client = env.Kubernetes(t, clusterID)
				seen = acctest.WatchAvailability(t, client, "web", "")
				setBudget(t, client, `{"spec":{"maxUnavailable":0}}`)
			},
			Config:      short(asAccount),
			ExpectError: wrapped(`The disruption budget shop-web needs 3 healthy pods and has 3 currently`),
		},
		{
			PreConfig: func() {
				if n := closedNodes(t, client); n != 3 {
					t.Errorf("%d nodes are closed, want the 3 of the old pool", n)
				}
				if n := len(liveCluster(t, env).GetNodePools()); n != 2 {
					t.Errorf("%d pools, want the old and the new one", n)
				}
			},
			Config:           short(""),
			ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			PostApplyFunc: func() {
				if least, moved := seen.Stop(t); least != 3 || moved != 0 {
					t.Errorf("at least %d pods were available, %d were moved; want 3 and none", least, moved)
				}
				if n := closedNodes(t, client); n > 0 {
					t.Errorf("%d nodes are still closed", n)
				}
			},
			ConfigStateChecks: []statecheck.StateCheck{
				at("status", knownvalue.StringExact("ready")), atPool("base", "max_nodes", knownvalue.Int64Exact(6)),
			},
		},
	}})
	env.CheckEffects(t, "CreateNodePool", 1)
	env.CheckEffects(t, "DeleteNodePool", 1)
}

// operations counts the operations that there were, by kind.
func operations(t *testing.T, env *acctest.Env) map[containerpb.Operation_Type]int {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { _ = client.Close() }()
	all, err := client.Clusters().ListOperations(t.Context(), "projects/"+acctest.Project+"/locations/"+acctest.Region)
	if err != nil {
		t.Fatal(err)
	}
	count := map[containerpb.Operation_Type]int{}
	for _, op := range all {
		count[op.GetOperationType()]++
	}
	return count
}

// setBudget changes the service's own disruption budget.
func setBudget(t *testing.T, client *kubernetes.Clientset, patch string) {
	t.Helper()
	budgets := client.PolicyV1().PodDisruptionBudgets("web")
	list, err := budgets.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d budgets: %v", len(list.Items), err)
	}
	if _, err := budgets.Patch(t.Context(), list.Items[0].Name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// closedNodes counts the nodes that take no new pods.
func closedNodes(t *testing.T, client *kubernetes.Clientset) int {
	t.Helper()
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, node := range nodes.Items {
		if node.Spec.Unschedulable {
			n++
		}
	}
	return n
}

// until looks again and again until done, or fails the test.
func until(t *testing.T, env *acctest.Env, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in a minute", what)
		}
		if err := env.Clock.Sleep(t.Context(), 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// The plan says in words which pools it rolls and why, and says nothing where pools are changed, made or removed.
func TestClusterPlanSaysThatAPoolIsRolled(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(cluster()))
	first := cli.MustRun(t, "apply", "-auto-approve", "-no-color").Output()
	const spot = `machine_type = "e2-standard-8", capacity = "preemptible", max_nodes = 12, service_account = "` + nodeAccount + `"`
	cli.Write(t, "main.tf", env.Config(cluster(pool("spot", spot), pool("more", `machine_type = "e2-standard-2", max_nodes = 1`))))
	rolled := cli.MustRun(t, "plan", "-no-color").Output()
	for _, want := range []string{
		`Node pool "spot" will be rolled`, `with twelvefactor_cluster.dev`,
		`capacity from "spot" to "preemptible", service_account from its default to "` + nodeAccount + `"`,
		"at most 1h0m0s (timeouts.update)", "moves its pods away within their disruption budgets",
	} {
		if !wrapped(want).MatchString(rolled) {
			t.Errorf("the plan does not say %q:\n%s", want, rolled)
		}
	}
	if n := strings.Count(rolled, "will be rolled"); n != 1 {
		t.Errorf("the plan says it %d times", n)
	}
	cli.Write(t, "main.tf", env.Config(cluster(pool("spot", ""), pool("base", `machine_type = "e2-standard-8", min_nodes = 1, max_nodes = 9`))))
	quiet := cli.MustRun(t, "plan", "-no-color").Output()
	for name, said := range map[string]string{"create": first, "update in place": quiet} {
		if strings.Contains(said, "rolled") {
			t.Errorf("the %s speaks of a roll:\n%s", name, said)
		}
	}
}

// What is not known before the apply is not judged.
func TestClusterPlanKeepsStillAboutAnUnknownRoll(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	account := func(email string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"account\" {\n  input = %q\n}\n", email) +
			cluster(pool("base", `machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 2, service_account = terraform_data.account.output`))
	}
	cli.Write(t, "main.tf", env.Config(account(nodeAccount)))
	cli.MustRun(t, "apply", "-auto-approve")
	cli.Write(t, "main.tf", env.Config(account("other@acme-dev.iam.gserviceaccount.com")))
	planned := cli.MustRun(t, "plan", "-no-color").Output()
	if !strings.Contains(planned, "known after apply") || strings.Contains(planned, "will be rolled") {
		t.Errorf("the plan judges what it cannot know:\n%s", planned)
	}
}
