package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// killed is a run that is killed when a call has had its effect and was not answered. Every call of every change is in the
// sweep of internal/deploy; these are of the command and the provider as processes.
type killed struct {
	config string // "" destroys
	method string
}

func (k killed) args() []string {
	if k.config == "" {
		return []string{"destroy", "-auto-approve", "-no-color"}
	}
	return []string{"apply", "-auto-approve", "-no-color"}
}

// liveWithKills kills the runs one after the other; each is run again and has to leave nothing to do. about is part of the
// names of this world's objects.
func liveWithKills(t *testing.T, env *acctest.Env, about string, runs []killed) {
	t.Helper()
	cli := env.CLI(t)
	for _, k := range runs {
		if k.config != "" {
			cli.Write(t, "main.tf", k.config)
		}
		if err := env.Fake.Inject(fakegcp.Fault{Method: k.method, Resource: about, Occurrence: 1, When: fakegcp.After, Kind: fakegcp.FaultHang}); err != nil {
			t.Fatal(err)
		}
		run := cli.Start(t, k.args()...)
		if !struck(t, env, k.method, about) {
			t.Fatalf("the run did not call %s:\n%s", k.method, run.Kill(t).Output())
		}
		run.Kill(t)
		cli.MustRun(t, k.args()...)
		if k.config != "" {
			cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
		}
	}
}

// struck waits until a call of the method hangs.
func struck(t *testing.T, env *acctest.Env, method, about string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	wait := env.Fake.WaitJournal
	if strings.HasPrefix(method, fakegcp.KubernetesMethod) {
		wait = env.Fake.WaitKubernetes
	}
	filter := fakegcp.JournalFilter{Method: method, Resource: about}
	for ctx.Err() == nil {
		for _, call := range wait(ctx, filter) {
			if filter.After = call.Seq; call.Fault != "" {
				return true
			}
		}
	}
	return false
}

func TestServiceKilledOnCloudRun(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		key, worker := sessionKey(env, "1"), process("worker", `{ command = ["/app", "worker"] }`)
		created := env.Config(key, onRun(withKey, worker))
		changed := env.Config(key, onRun(withKey, set("config", `{ LOG_LEVEL = "debug" }`), process("mailer", `{ command = ["/app", "mail"] }`)))
		liveWithKills(t, env, "", []killed{
			{created, "Services/CreateService"}, {changed, "WorkerPools/CreateWorkerPool"}, {"", "WorkerPools/DeleteWorkerPool"},
		})
		env.CheckEffects(t, "CreateServiceAccount", 1)
		env.CheckEffects(t, "CreateWorkerPool", 1) // and the one whose answer nobody got
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

func TestServiceKilledOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	key, worker := sessionKey(env, "1"), process("worker", `{ command = ["/app", "worker"] }`)
	created := env.Config(key, onGKE(env, cluster, withKey, worker))
	changed := env.Config(key, onGKE(env, cluster, withKey, set("config", `{ LOG_LEVEL = "debug" }`), process("mailer", `{ command = ["/app", "mail"] }`)))
	liveWithKills(t, env, env.Name("web"), []killed{
		{created, "kubernetes/patch deployments"}, {changed, "kubernetes/delete deployments"}, {"", "kubernetes/delete services"},
	})
	if err := nothingLeft(t, env, cluster)(nil); err != nil {
		t.Error(err)
	}
}
