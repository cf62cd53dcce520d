package identity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const crowd = 200

var crowdRoles = []string{"roles/cloudtrace.agent", "roles/logging.logWriter"}

// TestTwoHundredIdentitiesInOneApply has an apply of two hundred identities with two roles on the project each, and their
// destroy, while somebody else changes the project's policy all the time.
func TestTwoHundredIdentitiesInOneApply(t *testing.T) {
	const lag = 2 * time.Second
	t.Run("accounts, default parallelism", func(t *testing.T) {
		t.Parallel()
		applyCrowd(t, acctest.New(t), `mode = "service_account"`, 10, 60)
	})
	t.Run("accounts that IAM knows late, parallelism 50", func(t *testing.T) {
		t.Parallel()
		env := acctest.New(t, acctest.WithFake(func(o *fakegcp.Options) { o.PropagationDelay, o.AccountReadDelay = lag, lag }))
		applyCrowd(t, env, `mode = "service_account"`, 50, 20)
	})
	t.Run("accounts whose reads take 0 to 3.1 seconds, default parallelism", func(t *testing.T) {
		t.Parallel()
		env := acctest.New(t)
		outOfStep(t, env)
		applyCrowd(t, env, `mode = "service_account"`, 10, 45) // 53 and 49 without announced runs
	})
	t.Run("workloads in a cluster, default parallelism", func(t *testing.T) {
		t.Parallel()
		env, cluster := acctest.SharedCluster(t)
		applyCrowd(t, env, fmt.Sprintf("cluster = %q\n  namespace = %q", cluster, env.Name("crowd")), 10, 60)
	})
}

// outOfStep has every account of the crowd read at a speed of its own, so that no two of them go in step.
func outOfStep(t *testing.T, env *acctest.Env) {
	t.Helper()
	for i := range crowd {
		err := env.Fake.SetLatency(fakegcp.Latency{
			Method: "GetServiceAccount", Resource: fmt.Sprintf("/crowd-%03d@", i), Duration: time.Duration(i*13%32) * 100 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func applyCrowd(t *testing.T, env *acctest.Env, place string, parallelism, most int) {
	t.Helper()
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(fmt.Sprintf(`
resource "twelvefactor_workload_identity" "crowd" {
  count  = %d
  name   = format("crowd-%%03d", count.index)
  grants = [%s]
  %s
}
`, crowd, crowdGrants(), place)))
	rival := startRival(t, env)
	for _, step := range []struct {
		command string
		members int
	}{{"apply", crowd}, {"destroy", 0}} {
		began, from := time.Now(), len(env.Fake.Journal())
		cli.MustRun(t, step.command, "-auto-approve", "-refresh=false", fmt.Sprintf("-parallelism=%d", parallelism))
		if writes := report(t, env, step.command, began, from); writes > most {
			t.Errorf("%s: %d successful writes to the project's policy, want at most %d", step.command, writes, most)
		}
		checkCrowd(t, env, step.members)
		rival.check(t)
	}
	rival.stop()
	rival.check(t)
}

func crowdGrants() string {
	var grants []string
	for _, role := range crowdRoles {
		grants = append(grants, fmt.Sprintf("{ role = %q, project = %q }", role, acctest.Project))
	}
	return strings.Join(grants, ", ")
}

func checkCrowd(t *testing.T, env *acctest.Env, want int) {
	t.Helper()
	for _, role := range crowdRoles {
		var mine []string
		for _, m := range membersOf(t, env, "projects/acme-dev", role) {
			if strings.Contains(m, "serviceAccount:crowd-") || strings.Contains(m, "/sa/crowd-") {
				mine = append(mine, m)
			}
		}
		if len(slices.Compact(slices.Sorted(slices.Values(mine)))) != want {
			t.Errorf("%d members have %s, want %d", len(mine), role, want)
		}
	}
}

// report logs what the run cost and gives its successful writes to the project's policy.
func report(t *testing.T, env *acctest.Env, run string, began time.Time, from int) int {
	t.Helper()
	outcomes := map[string]int{}
	theirs, reads := 0, 0
	for _, call := range env.Fake.Journal()[from:] {
		switch written := strings.HasSuffix(call.Method, "Projects/SetIamPolicy"); {
		case written && call.Principal == rivalEmail:
			theirs++
		case written:
			outcomes[call.Code]++
		case strings.HasSuffix(call.Method, "Projects/GetIamPolicy") && call.Principal != rivalEmail:
			reads++
		}
	}
	written, conflicts := outcomes["OK"], outcomes["ABORTED"]
	t.Logf("%s in %s: %d successful writes of the project's policy, %d attempts in conflict, all outcomes %v, %d reads; the other writer tried %d",
		run, time.Since(began).Round(time.Second), written, conflicts, outcomes, reads, theirs)
	return written
}

const (
	rivalEmail = "ops@example.com"
	rivalToken = "ops"
	rivalRole  = "roles/browser"
	// rivalPause is between two changes of the other writer, who is busier than IAM's quota of writes would allow.
	rivalPause = 50 * time.Millisecond
)

// rival is another writer of the project's policy, who also works with etags.
type rival struct {
	projects iampbProjects
	stop     func()
	present  []string // what it added and did not take out again
	kept     *iampb.Policy
	failed   error
}

// startRival puts into the policy what must stay as it is, and begins to change it.
func startRival(t *testing.T, env *acctest.Env) *rival {
	t.Helper()
	r := &rival{projects: dialProjects(t, env, rivalToken), kept: &iampb.Policy{Bindings: keptBindings()}}
	if err := env.Fake.AddToken(rivalToken, "user:"+rivalEmail); err != nil {
		t.Fatal(err)
	}
	err := env.Fake.UpdatePolicy("projects/acme-dev", func(p *iampb.Policy) {
		p.Version, p.Bindings = 3, append(p.Bindings, proto.CloneOf(r.kept).GetBindings()...)
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil && r.failed == nil; n++ {
			r.failed = r.change(ctx, n)
			_ = env.Clock.Sleep(ctx, rivalPause)
		}
	}()
	r.stop = func() { cancel(); <-ended }
	t.Cleanup(r.stop)
	return r
}

// check demands that all of the other writer's members are there, and that what nobody changed is as it was.
func (r *rival) check(t *testing.T) {
	t.Helper()
	r.projects.mu.Lock()
	defer r.projects.mu.Unlock()
	if r.failed != nil {
		t.Errorf("the other writer: %v", r.failed)
	}
	policy, err := r.projects.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range r.kept.GetBindings() {
		if !slices.ContainsFunc(policy.GetBindings(), func(b *iampb.Binding) bool { return proto.Equal(b, want) }) {
			t.Errorf("the policy lost %v", want)
		}
	}
	var members []string
	for _, b := range policy.GetBindings() {
		if b.GetRole() == rivalRole {
			members = append(members, b.GetMembers()...)
		}
	}
	slices.Sort(members)
	if want := slices.Sorted(slices.Values(r.present)); !slices.Equal(members, want) {
		t.Errorf("the other writer's members are %v, want %v", members, want)
	}
}
