package service_test

import (
	"fmt"
	"slices"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const proxyImage = "asia-docker.pkg.dev/acme/proxies/sql:2.15.2"

// sidecarsOf gives the service a proxy with an image and further attributes, and an agent that starts after it.
func sidecarsOf(image, more string) change {
	return set("sidecars", fmt.Sprintf(`{
    proxy = { image = %q, port = 5432, startup = { tcp = true }, secrets = { PROXY_KEY = twelvefactor_session_key.shop.version_id }, %s }
    agent = { image = "asia-docker.pkg.dev/acme/agents/logs:7", cpu = "100m", memory = "128Mi", after = ["proxy"] }
  }`, image, more))
}

// drifted is a step that shows what was changed behind Terraform's back, and another that repairs it.
func drifted(config, shown string, change func()) []resource.TestStep {
	return []resource.TestStep{
		{
			PreConfig: change, RefreshState: true, ExpectNonEmptyPlan: true,
			RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
			}},
			Check: checkDrift(shown),
		},
		updated(config),
	}
}

func TestSidecarsOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	id := fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))
	broken := "asia-docker.pkg.dev/acme/proxies/sql:broken" + env.Name("")
	behave(t, env, broken, fakegcp.ImageCrashes)()
	stuck := "asia-docker.pkg.dev/acme/proxies/sql:stuck" + env.Name("")
	behave(t, env, stuck, fakegcp.ImageMissing)()
	block := func(changes ...change) string {
		return env.Config(sessionKey(env, "1"), onGKE(env, cluster, changes...))
	}
	scraped := set("annotations", `{ "prometheus.io/scrape" = "true" }`)
	whole := block(sidecarsOf(proxyImage, `config = { MODE = "direct" }`), scraped)
	names := func(want ...string) func() {
		return func() {
			t.Helper()
			var got []string
			for _, c := range webPods(t, env, cluster).Spec.InitContainers {
				got = append(got, c.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("init containers are %q, want %q", got, want)
			}
		}
	}
	proxy := func(edit func(*appsv1.Deployment, *corev1.Container)) func() {
		return func() {
			d := liveDeployments(t, env, cluster)[0]
			edit(&d, &d.Spec.Template.Spec.InitContainers[1])
			_, err := env.Kubernetes(t, cluster).AppsV1().Deployments(d.Namespace).Update(t.Context(), &d, metav1.UpdateOptions{FieldManager: "kubectl"})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	steps := []resource.TestStep{
		{Config: whole, ConfigStateChecks: ready(), PostApplyFunc: names("twelvefactor-wait-for-identity", "proxy", "agent")},
		imported(id),
		{Config: block(sidecarsOf(broken, ``), scraped), ExpectError: wrapped(`Sidecar "proxy" of process "web" does not come up (CrashLoopBackOff)`)},
		{Config: block(sidecarsOf(stuck, ``), scraped), ExpectError: wrapped(`Sidecar "proxy" of process "web" does not come up`)},
		updated(block(sidecarsOf(proxyImage, `config = { MODE = "pooled" }, cpu = "200m", readiness = { tcp = true }`), scraped)),
		updated(whole),
	}
	for shown, change := range map[string]func(*appsv1.Deployment, *corev1.Container){
		nextImage: func(_ *appsv1.Deployment, c *corev1.Container) { c.Image = nextImage },
		"initContainers[proxy].env[MODE].value: direct -> other": func(_ *appsv1.Deployment, c *corev1.Container) {
			c.Env[slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "MODE" })].Value = "other"
		},
		"initContainers[proxy].startupProbe.failureThreshold: 24 -> 2": func(_ *appsv1.Deployment, c *corev1.Container) { c.StartupProbe.FailureThreshold = 2 },
		"metadata.annotations[prometheus.io/scrape]: true -> false": func(d *appsv1.Deployment, _ *corev1.Container) {
			d.Spec.Template.Annotations["prometheus.io/scrape"] = "false"
		},
	} {
		steps = append(steps, drifted(whole, shown, proxy(change))...)
	}
	bare := updated(block())
	bare.PreConfig = proxy(func(d *appsv1.Deployment, _ *corev1.Container) { d.Annotations["acme.dev/owner"] = "somebody else" })
	bare.PostApplyFunc = func() {
		names("twelvefactor-wait-for-identity")()
		d := liveDeployments(t, env, cluster)[0]
		if _, left := d.Annotations["prometheus.io/scrape"]; left || d.Annotations["acme.dev/owner"] == "" || len(d.Spec.Template.Annotations) > 0 {
			t.Errorf("annotations are %v, of the pods %v: ours are to go and those of others to stay", d.Annotations, d.Spec.Template.Annotations)
		}
	}
	env.Test(t, resource.TestCase{Steps: append(steps, bare), CheckDestroy: nothingLeft(t, env, cluster)})
}

func webPods(t *testing.T, env *acctest.Env, cluster string) corev1.PodTemplateSpec {
	t.Helper()
	return liveDeployments(t, env, cluster)[0].Spec.Template
}

func TestSidecarsOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	broken := "asia-docker.pkg.dev/acme/proxies/sql:broken"
	behave(t, env, broken, fakegcp.ImageNeverReady)()
	missing := "asia-docker.pkg.dev/acme/proxies/sql:missing"
	behave(t, env, missing, fakegcp.ImageMissing)()
	block := func(changes ...change) string {
		return env.Config(sessionKey(env, "1"), onRun(append([]change{process("worker", `{ port = 9090, startup = { tcp = true } }`)}, changes...)...))
	}
	owned := set("annotations", `{ "acme.dev/team" = "web" }`)
	whole := block(sidecarsOf(proxyImage, `config = { MODE = "direct" }`), owned)
	containers := func(want ...string) func() {
		return func() {
			t.Helper()
			var got []string
			for _, c := range liveService(t, env, runID).GetTemplate().GetContainers() {
				got = append(got, fmt.Sprintf("%s after %v", c.GetName(), c.GetDependsOn()))
			}
			if !slices.Equal(got, want) {
				t.Errorf("containers are %q, want %q", got, want)
			}
		}
	}
	steps := []resource.TestStep{
		{Config: whole, ConfigStateChecks: ready(), PostApplyFunc: containers("web after [proxy]", "proxy after []", "agent after [proxy]")},
		imported(runID),
		{Config: block(sidecarsOf(broken, ``), owned), ExpectError: wrapped(`Sidecar "proxy" does not come up`)},
		{Config: block(sidecarsOf(missing, ``), owned), ExpectError: wrapped(`Sidecar "proxy" does not come up`)},
		updated(block(sidecarsOf(proxyImage, `config = { MODE = "pooled" }, memory = "1Gi"`), owned)),
		updated(whole),
	}
	for shown, change := range map[string]func(*runpb.Service){
		"containers[proxy].image": func(s *runpb.Service) { s.Template.Containers[1].Image = nextImage },
		"containers[proxy].env[MODE].value: direct -> other": func(s *runpb.Service) {
			s.Template.Containers[1].Env[0].Values = &runpb.EnvVar_Value{Value: "other"}
		},
		"containers[agent].depends_on":                    func(s *runpb.Service) { s.Template.Containers[2].DependsOn = nil },
		"template.annotations[acme.dev/team]: web -> ops": func(s *runpb.Service) { s.Template.Annotations["acme.dev/team"] = "ops" },
		runID + " annotations[acme.dev/team]: web -> ops": func(s *runpb.Service) { s.Annotations["acme.dev/team"] = "ops" },
	} {
		steps = append(steps, drifted(whole, shown, func() {
			if err := env.Fake.UpdateRunService(runID, change); err != nil {
				t.Fatal(err)
			}
		})...)
	}
	bare := updated(block())
	bare.PreConfig = func() {
		err := env.Fake.UpdateRunService(runID, func(s *runpb.Service) {
			s.Annotations["acme.dev/owner"], s.Template.Annotations["acme.dev/owner"] = "somebody else", "somebody else"
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	bare.PostApplyFunc = func() {
		containers("web after []")()
		live := liveService(t, env, runID)
		for _, annotations := range []map[string]string{live.GetAnnotations(), live.GetTemplate().GetAnnotations()} {
			if _, left := annotations["acme.dev/team"]; left || annotations["acme.dev/owner"] == "" {
				t.Errorf("annotations are %v: ours are to go and those of others to stay", annotations)
			}
		}
	}
	env.Test(t, resource.TestCase{Steps: append(steps, bare)})
}

// What a runtime does not offer is refused by the plan, at the attribute, with the alternative.
func TestSidecarsThatAreRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	refused := func(text string, changes ...change) resource.TestStep {
		return resource.TestStep{Config: env.Config(onRun(changes...)), PlanOnly: true, ExpectError: wrapped(text)}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		refused("Cloud Run asks the readiness of the container that takes the requests only",
			set("sidecars", `{ proxy = { image = "acme/proxy:1", port = 9001, readiness = { path = "/" } } }`)),
		refused("None of these can start first", set("sidecars", `{
      a = { image = "acme/proxy:1", port = 9001, startup = { tcp = true }, after = ["b"] }
      b = { image = "acme/proxy:1", port = 9002, startup = { tcp = true }, after = ["a"] }
    }`)),
		refused("A worker pool on Cloud Run takes no requests and has no readiness check", process("worker", `{ port = 9090, readiness = { path = "/" } }`)),
		refused("is reserved", set("annotations", `{ "run.googleapis.com/cpu-throttling" = "false" }`)),
	}})
}
