package service_test

import (
	"slices"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// runWith is a service with a worker and these settings of Cloud Run.
func runWith(env *acctest.Env, settings string, changes ...change) string {
	return env.Config(onRun(append([]change{
		set("cloud_run", `{ location = "asia-northeast1", `+settings+` }`), process("worker", `{ command = ["/app", "worker"] }`),
	}, changes...)...))
}

const everySetting = `ingress = "internal_and_load_balancing", public = true, session_affinity = true, cpu_always_allocated = true,
	startup_cpu_boost = false, execution_environment = "gen2", request_timeout = "1m", protocol = "h2c", default_uri_disabled = true,
	custom_audiences = ["https://b.example.com", "https://a.example.com"], revision_scale = { min = 1, max = 50 },
	vpc = { network = "shared", subnetwork = "projects/acme-net/regions/asia-northeast1/subnetworks/apps", tags = ["b", "a"], egress = "all_traffic" }`

// Each setting is switched on and off in place; after every step the plan is empty, with and without a refresh.
func TestSettingsOfCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	steps := []resource.TestStep{{Config: runWith(env, ""), ConfigStateChecks: ready()}}
	for _, setting := range []string{
		`vpc = { network = "default" }`,
		`vpc = { subnetwork = "apps", tags = ["a"] }`,
		`session_affinity = true`,
		`cpu_always_allocated = true`,
		`startup_cpu_boost = false`,
		`execution_environment = "gen1"`,
		`request_timeout = "3600s"`,
		`protocol = "h2c"`,
		`default_uri_disabled = true`,
		`custom_audiences = ["https://api.example.com"]`,
		`revision_scale = { max = 50 }`,
		`invoker_iam_disabled = true`,
		everySetting,
		`startup_cpu_boost = true, protocol = "http1", request_timeout = "5m", session_affinity = false, custom_audiences = []`,
	} {
		steps = append(steps, updated(runWith(env, setting)), imported(runID))
	}
	steps = append(steps, updated(runWith(env, "")))
	env.Test(t, resource.TestCase{Steps: steps})
	env.CheckEffects(t, "CreateService", 1)
}

func TestServiceOnCloudRunWithEverySetting(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config: runWith(env, everySetting),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectKnownValue(address, tfjsonpath.New("url"), knownvalue.Null()),
				}},
				ConfigStateChecks: append(ready(), at("url", knownvalue.Null())),
				PostApplyFunc: func() {
					live := liveService(t, env, runID)
					vpc := live.GetTemplate().GetVpcAccess()
					if live.GetScaling().GetMaxInstanceCount() != 100 || live.GetTemplate().GetScaling().GetMaxInstanceCount() != 50 ||
						vpc.GetEgress() != runpb.VpcAccess_ALL_TRAFFIC || !slices.Equal(vpc.GetNetworkInterfaces()[0].GetTags(), []string{"a", "b"}) ||
						live.GetTemplate().GetContainers()[0].GetPorts()[0].GetName() != "h2c" {
						t.Errorf("live: %v", live)
					}
				},
			},
			imported(runID),
			{
				Config: runWith(env, everySetting, process("web", `{ scale = { min = 1, max = 9 } }`)),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				}},
				PostApplyFunc: func() {
					if live := liveService(t, env, runID); live.GetScaling().GetMinInstanceCount() != 1 || live.GetGeneration() < 2 {
						t.Errorf("live: %v", live)
					}
				},
			},
		}})
	})
}

func TestDriftOfSettingsOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := runWith(env, `vpc = { network = "default" }, public = true`)
	steps := []resource.TestStep{{Config: config, ConfigStateChecks: ready()}}
	for drift, change := range map[string]func(*runpb.Service){
		"template.session_affinity: false -> true":               func(s *runpb.Service) { s.Template.SessionAffinity = true },
		"template.vpc_access: present -> (missing)":              func(s *runpb.Service) { s.Template.VpcAccess = nil },
		"invoker_iam_disabled: false -> true":                    func(s *runpb.Service) { s.InvokerIamDisabled = true },
		"template.containers[web].resources.cpu_idle: true -> f": func(s *runpb.Service) { s.Template.Containers[0].Resources.CpuIdle = false },
		"scaling.max_instance_count: 100 -> 3":                   func(s *runpb.Service) { s.Scaling.MaxInstanceCount = 3 },
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				if err := env.Fake.UpdateRunService(runID, change); err != nil {
					t.Fatal(err)
				}
			},
			RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.TestMatchResourceAttr(address, "drift.0", wrapped(drift)),
		}, updated(config))
	}
	env.Test(t, resource.TestCase{Steps: steps})
}

// The organization refuses allUsers: the service is kept and not tainted, and the way out is an update in place.
func TestPublicServiceThatTheOrganizationRefuses(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	if err := env.Fake.SetConstraint(fakegcp.AllowedPolicyMemberDomains, true); err != nil {
		t.Fatal(err)
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: runWith(env, "public = true"), ExpectNonEmptyPlan: true,
			Check: resource.TestCheckResourceAttr(address, "status", "creating"),
		},
		updated(runWith(env, "invoker_iam_disabled = true")),
		{Config: runWith(env, "public = true"), ExpectError: wrapped("The organization refuses that everybody may call service")},
		// That was refused before anything was written.
		{Config: runWith(env, "invoker_iam_disabled = true"), ConfigPlanChecks: acctest.NoChanges(), ConfigStateChecks: ready()},
		imported(runID),
	}})
	env.CheckEffects(t, "CreateService", 1)
}

func TestServiceWhoseInvokerCheckTheOrganizationRequires(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	if err := env.Fake.SetConstraint(fakegcp.RequireInvokerIAM, true); err != nil {
		t.Fatal(err)
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: runWith(env, "invoker_iam_disabled = true"), ExpectError: wrapped("The organization requires the invoker check of service")},
		{Config: runWith(env, "public = true"), ConfigStateChecks: ready()},
	}})
	env.CheckEffects(t, "CreateService", 1)
}
