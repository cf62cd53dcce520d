package namespace_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// A namespace by hand is refused, and taken over by the import block that the error prints: in place.
func TestExistingNamespace(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	id := idOf(env, cluster)
	config := env.Config(block(env, cluster, nil))
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				PreConfig: func() {
					ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: env.Name("shop")}}
					_, err := env.Kubernetes(t, cluster).CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
					check(t, err)
				},
				Config: config, ExpectError: wrapped("already exists"),
			},
			{
				Config:            config + fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, id),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				ConfigStateChecks: append(ready(), at("pod_security", knownvalue.StringExact("restricted"))),
			},
		},
		CheckDestroy: gone(t, env, cluster),
	})
}

// default_labels of the provider are effective labels, of the objects in the namespace too.
func TestDefaultLabels(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	config := func(defaults string, a attributes) string {
		return env.Provider("default_labels = "+defaults) + block(env, cluster, a)
	}
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config: config(`{ env = "dev", team = "web" }`, attributes{"labels": `{ team = "shop" }`}),
				ConfigStateChecks: append(ready(), at("effective_labels", knownvalue.MapExact(map[string]knownvalue.Check{
					"env": knownvalue.StringExact("dev"), "team": knownvalue.StringExact("shop"),
				}))),
				PostApplyFunc: func() {
					p, err := env.Kubernetes(t, cluster).NetworkingV1().NetworkPolicies(env.Name("shop")).Get(t.Context(), "twelvefactor", metav1.GetOptions{})
					check(t, err)
					if p.Labels["env"] != "dev" || p.Labels["team"] != "shop" {
						t.Errorf("labels %v", p.Labels)
					}
				},
			},
			imported(idOf(env, cluster)),
			updated(config(`{ env = "prod" }`, nil)),
			{Config: config(`{ env = "-" }`, nil), ExpectError: wrapped("Default label that Kubernetes does not take")},
		},
		CheckDestroy: gone(t, env, cluster),
	})
}

// A name or a cluster that changes makes another namespace, and nothing else does.
func TestReplacement(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	provider := env.InProcess(t, noun)
	config := acctest.Attributes{"cluster": cluster, "name": env.Name("shop")}
	plan, d := provider.Plan(t, nil, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(d))
	}
	state, d := provider.Apply(t, plan)
	if state == nil || state.Tainted || !strings.Contains(acctest.DiagnosticsText(d), "does not enforce network policies") {
		t.Fatal(acctest.DiagnosticsText(d))
	}
	for name, other := range map[string]any{
		"name": "other", "cluster": cluster + "2", "pod_security": "privileged", "default_deny": false, "quota": map[string]string{"pods": "1"},
		"labels": map[string]string{"a": "b"}, "annotations": map[string]string{"a": "b"}, "force_destroy": true,
	} {
		changed := acctest.Attributes{"cluster": cluster, "name": env.Name("shop")}
		changed[name] = other
		plan, d := provider.Plan(t, state, changed)
		if plan == nil {
			t.Fatal(acctest.DiagnosticsText(d))
		}
		if plan.Replaces != (name == "name" || name == "cluster") || plan.Empty() {
			t.Errorf("a change of %s: replaces %v, empty %v", name, plan.Replaces, plan.Empty())
		}
	}
	if state, d := provider.Destroy(t, state); state != nil {
		t.Error(acctest.DiagnosticsText(d))
	}
}
