package cluster_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// mustBeReady is the cluster with the postcondition that fails a run whose cluster is not ready.
func mustBeReady(changes ...change) string {
	return strings.TrimSuffix(cluster(changes...), "}\n") + `
  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "The cluster is ${self.status}."
    }
  }
}
`
}

// checkKept demands that the state holds an untainted cluster with a status, and gives it.
func (l life) checkKept(status string) {
	l.Helper()
	shown := l.cli.MustRun(l.T, "state", "show", "-no-color", address).Stdout
	if strings.Contains(shown, "tainted") || !strings.Contains(shown, `"`+status+`"`) {
		l.Errorf("the state does not hold an untainted cluster that is %s:\n%s", status, shown)
	}
}

// checkRed demands that a run failed, at nothing but the postcondition.
func (l life) checkRed(r acctest.Result, status string) {
	l.Helper()
	if r.Code == 0 || !strings.Contains(r.Output(), "The cluster is "+status) || strings.Count(r.Output(), "Error: ") != 1 {
		l.Errorf("the run ended with %d, want nothing but the postcondition:\n%s", r.Code, r.Output())
	}
}

// finish runs the next apply, which has to change the cluster in place, and the plan after it, which has to be empty.
func (l life) finish() {
	l.Helper()
	again := l.cli.MustRun(l.T, "apply", "-auto-approve", "-no-color")
	if !strings.Contains(again.Output(), "0 added, 1 changed, 0 destroyed") {
		l.Errorf("the next apply did not just go on:\n%s", again.Output())
	}
	l.cli.MustRun(l.T, "plan", "-detailed-exitcode", "-no-color")
	l.env.CheckEffects(l.T, "CreateCluster", 1)
}

// private gives the private state of the cluster as JSON, and takes it out of the state when it is to be lost.
func (l life) private(lose bool) string {
	l.Helper()
	file := filepath.Join(l.cli.Dir, "terraform.tfstate")
	content, err := os.ReadFile(file)
	if err != nil {
		l.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(content, &state); err != nil {
		l.Fatal(err)
	}
	resources, _ := state["resources"].([]any)
	first, _ := resources[0].(map[string]any)
	instances, _ := first["instances"].([]any)
	instance, _ := instances[0].(map[string]any)
	encoded, _ := instance["private"].(string)
	private, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		l.Fatal(err)
	}
	if lose {
		delete(instance, "private")
		if content, err = json.Marshal(state); err != nil {
			l.Fatal(err)
		}
		l.cli.Write(l.T, "terraform.tfstate", string(content))
	}
	return string(private)
}

func (l life) hold(kind string) {
	l.Helper()
	if err := l.env.Fake.SetOperation(fakegcp.OperationRule{Kind: kind, Hold: true}); err != nil {
		l.Fatal(err)
	}
}

func (l life) release() {
	l.Helper()
	l.env.Fake.ClearOperations()
	if _, err := l.env.Fake.ReleaseOperations(""); err != nil {
		l.Fatal(err)
	}
}

// A create that is interrupted, or whose timeout ends, keeps the cluster and fails the run by the postcondition; the next
// apply goes on, with private state and without.
func TestClusterCreateThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	ends := map[string]func(life) acctest.Result{
		"timeout": func(l life) acctest.Result {
			l.cli.Write(l.T, "main.tf", l.env.Config(mustBeReady(set("timeouts", `{ create = "1s" }`))))
			return l.cli.Run(l.T, "apply", "-auto-approve", "-no-color")
		},
		"interrupt": func(l life) acctest.Result {
			l.cli.Write(l.T, "main.tf", l.env.Config(mustBeReady()))
			run := l.cli.Start(l.T, "apply", "-auto-approve", "-no-color")
			l.env.WaitForCall(l.T, "GetOperation", 1) // the answer to the create has arrived
			run.Interrupt(l.T)
			return run.Wait(l.T)
		},
	}
	for name, end := range ends {
		stop := func(lose bool) func(*testing.T, *acctest.Env) {
			return func(t *testing.T, env *acctest.Env) {
				l := newLife(t, env)
				l.hold("CREATE_CLUSTER")
				stopped := end(l)
				if name == "timeout" { // an interrupted run evaluates nothing any more
					l.checkRed(stopped, "creating")
				}
				if stopped.Code == 0 || !strings.Contains(strings.Join(strings.Fields(stopped.Output()), " "), `Cluster "dev" is not finished yet`) {
					t.Errorf("the run ended with %d:\n%s", stopped.Code, stopped.Output())
				}
				l.checkKept("creating")
				if held := l.private(lose); !strings.Contains(held, `"operation"`) {
					t.Errorf("private state does not hold the operation: %s", held)
				}
				l.release()
				l.finish()
				if held := l.private(false); strings.Contains(held, `"operation"`) {
					t.Errorf("private state still holds an operation: %s", held)
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.Core(t, stop(false))
		})
		t.Run(name+", private state lost", func(t *testing.T) {
			t.Parallel()
			stop(true)(t, acctest.New(t))
		})
	}
}

// A pool without machines leaves a cluster that can be used and is not tainted. The run is red where the postcondition
// is used, the next plan shows the repair, and as soon as there are machines the next apply does it.
func TestClusterWithAPoolWithoutMachines(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		l := newLife(t, env)
		if err := env.Fake.SetStockout("asia-northeast1-b", true); err != nil {
			t.Fatal(err)
		}
		base := `machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 3` // begins with a node in every zone
		l.cli.Write(t, "main.tf", env.Config(mustBeReady(pool("base", base))))
		l.checkRed(l.cli.Run(t, "apply", "-auto-approve", "-no-color"), "degraded")
		l.checkKept("degraded")
		plan := l.cli.Run(t, "plan", "-detailed-exitcode", "-no-color")
		if plan.Code != 2 || !strings.Contains(plan.Output(), "0 to add, 1 to change, 0 to destroy") {
			t.Errorf("the plan ended with %d:\n%s", plan.Code, plan.Output())
		}
		if said := strings.Join(strings.Fields(plan.Output()), " "); !strings.Contains(said, `Cluster "dev" is degraded`) {
			t.Errorf("the plan does not say why:\n%s", plan.Output())
		}
		l.checkRed(l.cli.Run(t, "apply", "-auto-approve", "-no-color"), "degraded")
		l.checkKept("degraded")
		if err := env.Fake.SetStockout("asia-northeast1-b", false); err != nil {
			t.Fatal(err)
		}
		l.finish()
	})
}

// A cluster that no update can bring back is replaced; people decide about one that has served and is protected.
func TestClusterThatIsLostIsReplaced(t *testing.T) {
	t.Parallel()
	open, protected := set("deletion_protection", "false"), set("deletion_protection", "true")
	replaces := acctest.PlannedAction(address, plancheck.ResourceActionReplace)
	for name, test := range map[string]struct {
		status  containerpb.Cluster_Status
		refused bool
	}{
		"failed":   {containerpb.Cluster_ERROR, true},
		"deleting": {containerpb.Cluster_STOPPING, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			lost := func() {
				err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) { c.Status = test.status })
				if err != nil {
					t.Fatal(err)
				}
			}
			steps := []resource.TestStep{{Config: env.Config(cluster(protected))}}
			if test.refused {
				steps = append(steps,
					resource.TestStep{PreConfig: lost, Config: env.Config(cluster(protected)), ExpectError: wrapped("It was ready once")},
					resource.TestStep{Config: env.Config(cluster(open)), ConfigPlanChecks: replaces})
			} else {
				steps = append(steps,
					resource.TestStep{PreConfig: lost, Config: env.Config(cluster(protected)), ConfigPlanChecks: replaces},
					resource.TestStep{Config: env.Config(cluster(open))})
			}
			env.Test(t, resource.TestCase{Steps: steps})
			env.CheckEffects(t, "CreateCluster", 2)
		})
	}
}

// A pool that is being made takes the protection off nothing.
func TestClusterStaysProtectedWhileAPoolIsMade(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(cluster(set("deletion_protection", "true")))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config},
		{
			PreConfig: func() {
				err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) { c.NodePools[0].Status = containerpb.NodePool_PROVISIONING })
				if err != nil {
					t.Fatal(err)
				}
			},
			Config: config, Destroy: true, ExpectError: wrapped(`Cluster "dev" is protected`),
		},
		{
			PreConfig: func() {
				err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) { c.NodePools[0].Status = containerpb.NodePool_RUNNING })
				if err != nil {
					t.Fatal(err)
				}
			},
			Config: env.Config(cluster(set("deletion_protection", "false"))),
		},
	}})
}

// An interrupted create that GKE gives up later is not kept for ever.
func TestClusterThatFailsAfterAnInterruptIsReplaced(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	l := newLife(t, env)
	rule := fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true, Code: codes.Internal, Message: "The network is out of IP space."}
	if err := env.Fake.SetOperation(rule); err != nil {
		t.Fatal(err)
	}
	l.cli.Write(t, "main.tf", env.Config(cluster(set("timeouts", `{ create = "1s" }`))))
	l.cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	l.checkKept("creating")
	l.release()
	l.cli.Write(t, "main.tf", env.Config(cluster()))
	plan := l.cli.MustRun(t, "plan", "-no-color").Output()
	for _, want := range []string{`Cluster "dev" is failed`, "out of IP space", "1 to add, 0 to change, 1 to destroy"} {
		if !strings.Contains(strings.Join(strings.Fields(plan), " "), want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	l.cli.MustRun(t, "apply", "-auto-approve", "-no-color")
	l.cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
}
