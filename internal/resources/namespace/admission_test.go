package namespace_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	corev1 "k8s.io/api/core/v1"
	kubequantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// warnings collects what the API server warns of.
type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeader(_ int, _, text string) { w.texts = append(w.texts, text) }

func warned(t *testing.T, env *acctest.Env, cluster string) (*kubernetes.Clientset, *warnings) {
	t.Helper()
	file, err := env.Fake.Kubeconfig(cluster)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &warnings{}
	config.WarningHandler = rest.WarningHandler(w)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client, w
}

// The API server takes everything without a warning, and the quota and limits let a service roll out and change.
func TestServiceInABoundedNamespace(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	bounds := attributes{
		"network": `{ ingress_from = ["gateway:8080", "130.211.0.0/22"], egress_to = ["2001:db8::/32:443", "0.0.0.0/0:443"] }`,
		"quota":   `{ "requests.cpu" = "4", "limits.cpu" = "20", "requests.memory" = "4Gi", "limits.memory" = "8Gi", pods = "10", "count/deployments.apps" = "3" }`,
		"limits":  `{ default_request = { cpu = "50m" }, default_limit = { cpu = "2" }, max = { memory = "2Gi" } }`,
	}
	service := func(image string) string {
		return fmt.Sprintf(`resource "twelvefactor_service" "shop" {
  name      = %q
  image     = "asia-docker.pkg.dev/acme/shop/web:%s"
  gke       = { cluster = %q, namespace = twelvefactor_namespace.shop.name }
  processes = { web = { scale = { min = 2, max = 3 } }, worker = {} }
}
`, env.Name("shop"), image, cluster)
	}
	checkWarnings := func() {
		client, w := warned(t, env, cluster)
		again := metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}}
		ctx, name := t.Context(), env.Name("shop")
		ns, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		check(t, err)
		_, err = client.CoreV1().Namespaces().Update(ctx, ns, again)
		check(t, err)
		p, err := client.NetworkingV1().NetworkPolicies(name).Get(ctx, "twelvefactor", metav1.GetOptions{})
		check(t, err)
		_, err = client.NetworkingV1().NetworkPolicies(name).Update(ctx, p, again)
		check(t, err)
		if len(w.texts) > 0 {
			t.Errorf("the API server warns: %q", w.texts)
		}
		_, err = client.CoreV1().Pods(name).Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "root"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "c:1"}}},
		}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			t.Error("a pod that is not restricted is taken")
		}
	}
	const app = "twelvefactor_service.shop"
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config:            env.Config(block(env, cluster, bounds), service("1")),
				ConfigStateChecks: ready(), PostApplyFunc: checkWarnings,
				Check: resource.TestCheckResourceAttr(app, "status", "ready"),
			},
			{
				Config: env.Config(block(env, cluster, bounds), service("2")),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(app, plancheck.ResourceActionUpdate), plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop),
				}},
				Check: resource.TestCheckResourceAttr(app, "status", "ready"),
			},
			{
				PreConfig: func() { deleteNetworkPolicy(t, env, cluster) }, Config: env.Config(block(env, cluster, bounds), service("2")),
				ConfigStateChecks: ready(),
			},
		},
		CheckDestroy: gone(t, env, cluster),
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func deleteNetworkPolicy(t *testing.T, env *acctest.Env, cluster string) {
	t.Helper()
	check(t, env.Kubernetes(t, cluster).NetworkingV1().NetworkPolicies(env.Name("shop")).Delete(t.Context(), "twelvefactor", metav1.DeleteOptions{}))
}

// What the rule about quota says is what Kubernetes does: without a default limit no pod of a service comes up.
func TestQuotaOfCPULimitRefusesPodsWithoutOne(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	config := env.Config(block(env, cluster, attributes{"quota": `{ "requests.cpu" = "4" }`}))
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: config, PostApplyFunc: func() {
				w := world{t, env.Kubernetes(t, cluster), env.Name("shop")}
				w.quota(func(q *corev1.ResourceQuota) { q.Spec.Hard["limits.cpu"] = q.Spec.Hard["requests.cpu"] })()
				_, err := w.client.CoreV1().Pods(w.name).Create(t.Context(), restrictedPod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
				if err == nil || !wrapped("must specify limits.cpu").MatchString(err.Error()) {
					t.Errorf("a pod without CPU limit: %v", err)
				}
			}},
		},
		CheckDestroy: gone(t, env, cluster),
	})
}

// restrictedPod asks for what a service's pod asks for.
func restrictedPod() *corev1.Pod {
	memory := kubequantity.MustParse("64Mi")
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "c", Image: "c:1",
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{"cpu": kubequantity.MustParse("100m"), "memory": memory}, Limits: corev1.ResourceList{"memory": memory},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}
