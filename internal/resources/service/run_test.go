package service_test

import (
	"slices"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// liveService reads the service behind the API's back.
func liveService(t *testing.T, env *acctest.Env, id string) *runpb.Service {
	t.Helper()
	var live *runpb.Service
	if err := env.Fake.UpdateRunService(id, func(s *runpb.Service) { live = s }); err != nil {
		t.Fatal(err)
	}
	return live
}

// updated is a step that plans an update in place, and ends ready.
func updated(config string) resource.TestStep {
	return resource.TestStep{
		Config:            config,
		ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
		ConfigStateChecks: ready(),
	}
}

func imported(id string) resource.TestStep {
	return resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id}
}

// After every step the testing library itself looks for empty plans, without and with a refresh.
func TestServiceOnCloudRun(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		created := onRun(withKey, set("config", `{ LOG_LEVEL = "info" }`), set("labels", `{ team = "web" }`),
			process("web", `{ port = 8080, scale = { min = 0, max = 100, concurrency = 80 }, readiness = { path = "/healthz", period = "60s" } }`))
		config := set("config", `{ LOG_LEVEL = "debug", REGION = "tokyo" }`)
		scaled := process("web", `{ scale = { min = 1, max = 7 } }`)
		worker := process("worker", `{ command = ["/app", "worker"], scale = { min = 2, max = 2 } }`)
		key := sessionKey(env, "1")
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config: env.Config(key, created),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact(runID)),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("release_id")),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("status")),
				}},
				ConfigStateChecks: append(ready(),
					at("id", knownvalue.StringExact(runID)),
					at("project", knownvalue.StringExact("acme-dev")),
					at("url", knownvalue.NotNull()),
					at("release_id", knownvalue.NotNull()),
					at("effective_labels", knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("web")})),
				),
				PostApplyFunc: func() { checkRun(t, env) },
			},
			imported(runID),
			updated(env.Config(key, onRun(withKey, config))),
			updated(env.Config(key, onRun(withKey, config, set("image", `"`+nextImage+`"`)))),
			updated(env.Config(key, onRun(withKey, config, scaled))),
			updated(env.Config(key, onRun(withKey, config, scaled, worker))),
			imported(runID),
			updated(env.Config(key, onRun(withKey, config, scaled, process("jobs", `{ scale = { min = 1 } }`)))),
			updated(env.Config(key, onRun(config, process("web", `{ scale = null, readiness = null, cpu = null }`)))),
			updated(env.Config(key, onRun(set("config", "{}"), set("secrets", "{}"), set("labels", "{}"),
				set("cloud_run", `{ location = null, public = false, ingress = null, invokers = [] }`)))),
			imported(runID),
		}})
		env.CheckEffects(t, "CreateService", 1)
		env.CheckEffects(t, "DeleteService", 1)
	})
}

// checkRun looks at what a created service is made of.
func checkRun(t *testing.T, env *acctest.Env) {
	t.Helper()
	live := liveService(t, env, runID)
	if _, marked := live.GetLabels()["twelvefactor-creating"]; marked {
		t.Error("the finished service is still marked as being created")
	}
	var version string
	for _, variable := range live.GetTemplate().GetContainers()[0].GetEnv() {
		if variable.GetName() == "SESSION_KEYS" {
			version = variable.GetValueSource().GetSecretKeyRef().GetVersion()
		}
	}
	if version != "1" {
		t.Errorf("SESSION_KEYS is version %q, want it pinned to 1", version)
	}
	account := live.GetTemplate().GetServiceAccount()
	readers := membersOf(t, env, "projects/acme-dev/secrets/shop-key", "roles/secretmanager.secretAccessor")
	if !slices.Equal(readers, []string{"serviceAccount:" + account}) {
		t.Errorf("%v may read the secret, want %s only", readers, account)
	}
	if wide := membersOf(t, env, "projects/acme-dev", "roles/secretmanager.secretAccessor"); len(wide) > 0 {
		t.Errorf("%v may read all secrets of the project", wide)
	}
	if callers := membersOf(t, env, runID, "roles/run.invoker"); len(callers) > 0 {
		t.Errorf("%v may call the service, want nobody", callers)
	}
}

func TestIdentityOfAServiceOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: env.Config(onRun()),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
				"project": knownvalue.StringExact("acme-dev"), "location": knownvalue.StringExact("asia-northeast1"),
				"cluster": knownvalue.Null(), "namespace": knownvalue.Null(), "name": knownvalue.StringExact("shop"),
			})},
		},
		{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
		{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
	}})
}

func TestRotationRollsTheServiceOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	var before string
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config:        env.Config(sessionKey(env, "1"), onRun(withKey)),
			PostApplyFunc: func() { before = liveService(t, env, runID).GetLatestReadyRevision() },
		},
		{
			Config: env.Config(sessionKey(env, "2"), onRun(withKey)),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(address, tfjsonpath.New("release_id")),
			}},
			ConfigStateChecks: append(ready(), at("secrets", knownvalue.MapExact(map[string]knownvalue.Check{
				"SESSION_KEYS": knownvalue.StringExact("projects/acme-dev/secrets/shop-key/versions/2"),
			}))),
			PostApplyFunc: func() {
				if liveService(t, env, runID).GetLatestReadyRevision() == before {
					t.Error("no new revision serves")
				}
			},
		},
	}})
}

func TestInvokersOfAServiceOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	access := func(access string) string {
		return env.Config(onRun(set("cloud_run", `{ location = "asia-northeast1", `+access+` }`)))
	}
	callers := func(want ...string) func() {
		return func() {
			got := membersOf(t, env, runID, "roles/run.invoker")
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%v may call the service, want %v", got, want)
			}
		}
	}
	step := func(access, config string, want ...string) resource.TestStep {
		s := updated(config)
		s.PostApplyFunc = callers(want...)
		return s
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: access("public = true"), ConfigStateChecks: ready(), PostApplyFunc: callers("allUsers")},
		imported(runID),
		step("", access(`invokers = ["group:b@acme.example", "group:a@acme.example"], ingress = "internal"`), "group:a@acme.example", "group:b@acme.example"),
		imported(runID),
		step("", access(`invokers = ["group:a@acme.example"]`), "group:a@acme.example"),
		step("", access(`public = false`)),
	}})
}

func TestDriftOnCloudRunIsShownAndRepaired(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(sessionKey(env, "1"), onRun(withKey, set("cloud_run", `{ location = "asia-northeast1", public = true }`),
		process("worker", `{ command = ["/app", "worker"] }`)))
	behind := func(change func(*runpb.Service)) func() {
		return func() {
			if err := env.Fake.UpdateRunService(runID, change); err != nil {
				t.Fatal(err)
			}
		}
	}
	var steps []resource.TestStep
	repaired := func(drift string, change func()) {
		steps = append(steps,
			resource.TestStep{
				PreConfig: change, RefreshState: true, ExpectNonEmptyPlan: true,
				RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				}},
				Check: resource.TestMatchResourceAttr(address, "drift.0", wrapped(drift)),
			},
			updated(config))
	}
	steps = append(steps, resource.TestStep{Config: config, ConfigStateChecks: ready()})
	repaired("image", behind(func(s *runpb.Service) { s.Template.Containers[0].Image = nextImage }))
	repaired("max_instance_count", behind(func(s *runpb.Service) { s.Template.Scaling.MaxInstanceCount = 3 }))
	repaired("labels", behind(func(s *runpb.Service) { delete(s.Labels, "managed-by") }))
	repaired("roles/run.invoker", func() { dropRole(t, env, runID, "roles/run.invoker") })
	repaired("roles/secretmanager.secretAccessor", func() {
		dropRole(t, env, "projects/acme-dev/secrets/shop-key", "roles/secretmanager.secretAccessor")
	})
	repaired("missing", func() { remove(t, env, "projects/acme-dev/locations/asia-northeast1/workerPools/shop-worker") })
	repaired("missing", func() { remove(t, env, runID) })
	env.Test(t, resource.TestCase{Steps: steps})
}

func remove(t *testing.T, env *acctest.Env, name string) {
	t.Helper()
	if err := env.Fake.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// Everything that it is made of is gone: the next plan makes it anew.
func TestServiceThatIsGoneIsMadeAnew(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	runtime := `resource "twelvefactor_workload_identity" "shop" {
  name = "shop-runtime"
  mode = "service_account"
}
`
	config := env.Config(runtime, onRun(set("identity", "twelvefactor_workload_identity.shop.id")))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config, ConfigStateChecks: ready()},
		imported(runID),
		{
			PreConfig: func() { remove(t, env, runID) }, Config: config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionCreate),
			ConfigStateChecks: ready(),
		},
	}})
	env.CheckEffects(t, "CreateService", 2)
}

func TestServiceMoves(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	moved := func(config string) resource.TestStep {
		return resource.TestStep{
			Config: env.Config(config), ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionReplace), ConfigStateChecks: ready(),
		}
	}
	const osaka = `{ location = "asia-northeast2" }`
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(onRun()), ConfigStateChecks: ready()},
		moved(onRun(set("cloud_run", osaka))),
		moved(onRun(set("cloud_run", osaka), set("name", `"store"`))),
		{
			Config:           env.Config(onRun(set("cloud_run", osaka), set("name", `"store"`), set("project", `"acme-dev"`))),
			ConfigPlanChecks: acctest.NoChanges(),
		},
	}})
}

func TestExistingServiceIsNotTakenOver(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(onRun()), ConfigStateChecks: ready()},
		{
			Config:      env.Config(onRun(), onRun(labelled("again"))),
			ExpectError: wrapped(`import { to = twelvefactor_service.NAME id = "` + runID + `" }`),
		},
		{Config: env.Config(onRun()), ConfigPlanChecks: acctest.NoChanges()},
	}})
	env.CheckEffects(t, "CreateService", 1)
}

func TestDefaultLabels(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	with := func(labels string) string {
		return env.Provider(`default_labels = `+labels) + onRun(set("labels", `{ tier = "front" }`))
	}
	effective := func(want map[string]string) statecheck.StateCheck {
		exact := map[string]knownvalue.Check{}
		for key, value := range want {
			exact[key] = knownvalue.StringExact(value)
		}
		return at("effective_labels", knownvalue.MapExact(exact))
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: with(`{ team = "web" }`), ConfigStateChecks: append(ready(), effective(map[string]string{"team": "web", "tier": "front"}))},
		imported(runID),
		{
			Config:            with(`{ team = "shop" }`),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: append(ready(), effective(map[string]string{"team": "shop", "tier": "front"})),
			PostApplyFunc: func() {
				if got := liveService(t, env, runID).GetLabels()["team"]; got != "shop" {
					t.Errorf("label team is %q", got)
				}
			},
		},
	}})
}
