package namespace_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	kubequantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// world is a namespace of a test, as its cluster's administrator sees it.
type world struct {
	*testing.T
	client *kubernetes.Clientset
	name   string
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

var byHand = metav1.UpdateOptions{FieldManager: "kubectl-edit"}

func (w world) namespace(edit func(*corev1.Namespace)) func() {
	return func() {
		ns, err := w.client.CoreV1().Namespaces().Get(w.Context(), w.name, metav1.GetOptions{})
		w.must(err)
		edit(ns)
		_, err = w.client.CoreV1().Namespaces().Update(w.Context(), ns, byHand)
		w.must(err)
	}
}

func (w world) policy(edit func(*networkingv1.NetworkPolicy)) func() {
	return func() {
		p, err := w.client.NetworkingV1().NetworkPolicies(w.name).Get(w.Context(), "twelvefactor", metav1.GetOptions{})
		w.must(err)
		edit(p)
		_, err = w.client.NetworkingV1().NetworkPolicies(w.name).Update(w.Context(), p, byHand)
		w.must(err)
	}
}

func (w world) quota(edit func(*corev1.ResourceQuota)) func() {
	return func() {
		q, err := w.client.CoreV1().ResourceQuotas(w.name).Get(w.Context(), "twelvefactor", metav1.GetOptions{})
		w.must(err)
		edit(q)
		_, err = w.client.CoreV1().ResourceQuotas(w.name).Update(w.Context(), q, byHand)
		w.must(err)
	}
}

func (w world) limits(edit func(*corev1.LimitRangeItem)) func() {
	return func() {
		l, err := w.client.CoreV1().LimitRanges(w.name).Get(w.Context(), "twelvefactor", metav1.GetOptions{})
		w.must(err)
		edit(&l.Spec.Limits[0])
		_, err = w.client.CoreV1().LimitRanges(w.name).Update(w.Context(), l, byHand)
		w.must(err)
	}
}

// change is one behind Terraform's back, and what is shown of it: "object path: declared -> actual".
type change struct {
	made  func()
	shown string
}

func (w world) changes() []change {
	policies, quotas, ranges := w.client.NetworkingV1().NetworkPolicies(w.name), w.client.CoreV1().ResourceQuotas(w.name), w.client.CoreV1().LimitRanges(w.name)
	ns, in := "Namespace/"+w.name, func(kind string) string { return kind + "/" + w.name + "/twelvefactor" }
	label := func(key, value string) func() {
		return w.namespace(func(n *corev1.Namespace) { n.Labels[key] = value })
	}
	const security = "pod-security.kubernetes.io/"
	return []change{
		{label("team", "hr"), ns + " metadata.labels.team: web -> hr"},
		{w.namespace(func(n *corev1.Namespace) { delete(n.Labels, "team") }), ns + " metadata.labels.team: web -> (missing)"},
		{w.namespace(func(n *corev1.Namespace) { n.Annotations["acme.example/owner"] = "me" }), "metadata.annotations[acme.example/owner]: web@acme.example -> me"},
		{label(security+"enforce", "privileged"), "enforce]: baseline -> privileged"},
		{label(security+"enforce-version", "latest"), "enforce-version]: v1.34 -> latest"},
		{label(security+"warn", "baseline"), "warn]: restricted -> baseline"},
		{label("app.kubernetes.io/managed-by", "me"), "managed-by]: twelvefactor -> me"},
		{w.namespace(func(n *corev1.Namespace) { delete(n.Annotations, "twelvefactor.dev/namespace") }), "annotations[twelvefactor.dev/namespace]: present -> (missing)"},
		{w.policy(func(p *networkingv1.NetworkPolicy) { p.Labels["team"] = "hr" }), in("NetworkPolicy") + " metadata.labels.team: web -> hr"},
		{w.policy(func(p *networkingv1.NetworkPolicy) {
			p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{}) // everything
		}), in("NetworkPolicy") + " spec.egress: "},
		{w.policy(func(p *networkingv1.NetworkPolicy) { p.Spec.Ingress[0].From = nil }), in("NetworkPolicy") + " spec.ingress[0].from: "},
		{w.policy(func(p *networkingv1.NetworkPolicy) { p.Spec.Egress[1].Ports = p.Spec.Egress[1].Ports[:1] }), in("NetworkPolicy") + " spec.egress[1].ports: "},
		{w.policy(func(p *networkingv1.NetworkPolicy) { p.Spec.PolicyTypes = p.Spec.PolicyTypes[:1] }), in("NetworkPolicy") + " spec.policyTypes: "},
		{w.policy(func(p *networkingv1.NetworkPolicy) { p.Spec.PodSelector.MatchLabels = map[string]string{"app": "no"} }), " spec.podSelector.matchLabels: "},
		{func() { w.must(policies.Delete(w.Context(), "twelvefactor", metav1.DeleteOptions{})) }, in("NetworkPolicy") + ": present -> (missing)"},
		{w.quota(func(q *corev1.ResourceQuota) { q.Spec.Hard["pods"] = kubequantity.MustParse("500") }), in("ResourceQuota") + " spec.hard.pods: 50 -> 500"},
		{w.quota(func(q *corev1.ResourceQuota) { delete(q.Spec.Hard, "pods") }), in("ResourceQuota") + " spec.hard.pods: 50 -> (missing)"},
		{func() { w.must(quotas.Delete(w.Context(), "twelvefactor", metav1.DeleteOptions{})) }, in("ResourceQuota") + ": present -> (missing)"},
		{w.limits(func(l *corev1.LimitRangeItem) { l.DefaultRequest["cpu"] = kubequantity.MustParse("2") }), in("LimitRange") + " spec.limits[0].defaultRequest.cpu: 100m -> 2"},
		{w.limits(func(l *corev1.LimitRangeItem) { l.Max["memory"] = kubequantity.MustParse("64Gi") }), in("LimitRange") + " spec.limits[0].max.memory: 4Gi -> 64Gi"},
		{func() { w.must(ranges.Delete(w.Context(), "twelvefactor", metav1.DeleteOptions{})) }, in("LimitRange") + ": present -> (missing)"},
	}
}

// What is changed behind Terraform's back is shown with both values, and put back.
func TestDriftIsShownAndRepaired(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	w := world{t, env.Kubernetes(t, cluster), env.Name("shop")}
	config := env.Config(block(env, cluster, full()))
	steps := []resource.TestStep{{Config: config, ConfigStateChecks: ready()}}
	for _, c := range w.changes() {
		steps = append(steps, resource.TestStep{
			PreConfig: c.made, RefreshState: true, ExpectNonEmptyPlan: true,
			RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
			}},
			Check: resource.ComposeTestCheckFunc(checkDrift(c.shown), resource.TestCheckResourceAttr(address, "status", "degraded")),
		}, updated(config))
	}
	// What others add is theirs.
	steps = append(steps, resource.TestStep{
		PreConfig: func() {
			w.namespace(func(n *corev1.Namespace) { n.Labels["theirs"], n.Annotations["theirs"] = "x", "y" })()
			w.quota(func(q *corev1.ResourceQuota) { q.Spec.Hard["services"] = kubequantity.MustParse("3") })()
		},
		Config: config, ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionNoop),
	})
	env.Test(t, resource.TestCase{Steps: steps, CheckDestroy: gone(t, env, cluster)})
}

// checkDrift looks for a text in any line of drift.
func checkDrift(text string) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		all := s.RootModule().Resources[address].Primary.Attributes
		for key, value := range all {
			if strings.HasPrefix(key, "drift.") && strings.Contains(value, text) {
				return nil
			}
		}
		return fmt.Errorf("drift does not show %q: %v", text, all)
	}
}
