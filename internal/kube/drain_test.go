package kube_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// drainTests are the tests that need two pools of their own, NAME-old and NAME-new.
var drainTests = []string{"move", "held", "twice", "open", "reader", "denied"}

// onPools is a workload's place: the nodes of both pools of a test.
const onPools = `
      nodeSelector: {drain: %[1]s}
      tolerations: [{key: drain, operator: Exists}]
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: web
        image: ok:1
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// webOnOldNodes rolls out three pods on the old pool of a test, with a budget.
func webOnOldNodes(t *testing.T, of, budget string) (*kube.Client, string) {
	t.Helper()
	client, namespace := live(t)
	closeNodes(t, of+"-old", false)
	closeNodes(t, of+"-new", true)
	apply(t, client, parse(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %[2]s}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:`+onPools, of, namespace)), kube.ApplyOptions{})
	apply(t, client, budgetOf(t, namespace, "web", budget), kube.ApplyOptions{})
	if err := client.WaitRollout(t.Context(), namespace, []string{"web"}); err != nil {
		t.Fatal(err)
	}
	closeNodes(t, of+"-new", false)
	return client, namespace
}

func budgetOf(t *testing.T, namespace, name, spec string) *unstructured.Unstructured {
	t.Helper()
	return parse(t, fmt.Sprintf(`
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: %s, namespace: %s}
spec: {selector: {matchLabels: {app: web}}, %s}
`, name, namespace, spec))
}

// closeNodes does what a person's kubectl cordon and uncordon do.
func closeNodes(t *testing.T, pool string, closed bool) {
	t.Helper()
	nodes := administrator(t).CoreV1().Nodes()
	list, err := nodes.List(t.Context(), metav1.ListOptions{LabelSelector: "cloud.google.com/gke-nodepool=" + pool})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("%d nodes in pool %s: %v", len(list.Items), pool, err)
	}
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, closed)
	for _, node := range list.Items {
		if _, err := nodes.Patch(t.Context(), node.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// podsByPool lists the names of a namespace's unfinished pods by the pool of their node.
func podsByPool(t *testing.T, namespace string) map[string][]string {
	t.Helper()
	person := administrator(t)
	pods, err := person.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, pod := range pods.Items {
		if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		node, err := person.CoreV1().Nodes().Get(t.Context(), pod.Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			t.Fatalf("node of pod %s: %v", pod.Name, err)
		}
		pool := node.Labels["cloud.google.com/gke-nodepool"]
		found[pool] = append(found[pool], pod.Name)
	}
	return found
}

func TestDrainMovesPodsAndLeavesThoseThatBelongToTheNode(t *testing.T) {
	t.Parallel()
	client, namespace := webOnOldNodes(t, "move", "minAvailable: 2")
	apply(t, client, parse(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: %[2]s}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:`+onPools, "move", namespace)), kube.ApplyOptions{})
	until(t, "the DaemonSet's pods", func() bool {
		return len(slices.Concat(podsByPool(t, namespace)["move-old"], podsByPool(t, namespace)["move-new"])) == 3+4
	})

	if err := client.Drain(t.Context(), "move-old"); err != nil {
		t.Fatal(err)
	}
	left := podsByPool(t, namespace)
	for _, pod := range left["move-old"] {
		if !strings.HasPrefix(pod, "agent-") {
			t.Errorf("pod %s is still on the old pool", pod)
		}
	}
	if len(left["move-old"]) != 2 {
		t.Errorf("on the old pool are %q, want the two pods of the DaemonSet", left["move-old"])
	}
	nodes, err := client.PoolNodes(t.Context(), "move-old")
	if err != nil || len(nodes) != 2 {
		t.Fatalf("%d nodes: %v", len(nodes), err)
	}
	for _, node := range nodes {
		if !node.Cordoned || node.Ready {
			t.Errorf("node %s: %+v, want it closed and marked", node.Name, node)
		}
	}
	if err := client.WaitRollout(t.Context(), namespace, []string{"web"}); err != nil {
		t.Fatal(err)
	}
}

func TestDrainNamesThePodsThatABudgetHoldsAndGoesOnLater(t *testing.T) {
	t.Parallel()
	client, namespace := webOnOldNodes(t, "held", "minAvailable: 3")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := client.Drain(ctx, "held-old")
	var left *kube.DrainError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &left) {
		t.Fatalf("the drain ended with %v", err)
	}
	if len(left.Pods) != 3 || left.NodePool != "held-old" {
		t.Errorf("left are %v", left.Pods)
	}
	for _, pod := range left.Pods {
		if pod.Namespace != namespace || pod.Why != "The disruption budget web needs 3 healthy pods and has 3 currently" {
			t.Errorf("left is %s", pod)
		}
	}
	if pods := podsByPool(t, namespace)["held-old"]; len(pods) != 3 {
		t.Errorf("on the old pool are %q, want all three", pods)
	}

	apply(t, client, budgetOf(t, namespace, "web", "minAvailable: 2"), kube.ApplyOptions{})
	if err := client.Drain(t.Context(), "held-old"); err != nil {
		t.Fatal(err)
	}
	if pods := podsByPool(t, namespace)["held-old"]; len(pods) > 0 {
		t.Errorf("on the old pool are %q", pods)
	}
}

func TestDrainRefusesPodsThatKubernetesNeverEvicts(t *testing.T) {
	t.Parallel()
	client, namespace := webOnOldNodes(t, "twice", "minAvailable: 2")
	apply(t, client, budgetOf(t, namespace, "second", "maxUnavailable: 1"), kube.ApplyOptions{})
	err := client.Drain(t.Context(), "twice-old")
	var refused *kube.BudgetsError
	if !errors.As(err, &refused) || refused.Namespace != namespace || !slices.Equal(refused.Budgets, []string{"second", "web"}) {
		t.Errorf("the drain ended with %v", err)
	}
}

func TestUncordonLeavesClosedWhatOthersHaveClosed(t *testing.T) {
	t.Parallel()
	client := as(t, "admin")
	closeNodes(t, "open-new", false)
	if err := client.Drain(t.Context(), "open-new"); err != nil {
		t.Fatal(err)
	}
	closeNodes(t, "open-old", true)
	if err := client.Drain(t.Context(), "open-old"); err != nil {
		t.Fatal(err)
	}
	for pool, ready := range map[string]bool{"open-new": true, "open-old": false} {
		if err := client.Uncordon(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		enough := func(nodes []kube.PoolNode) bool {
			return len(nodes) == 2 && !slices.ContainsFunc(nodes, func(n kube.PoolNode) bool { return n.Ready != ready || n.Cordoned })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := client.WaitNodes(ctx, pool, enough); err != nil {
			nodes, _ := client.PoolNodes(t.Context(), pool)
			t.Errorf("pool %s: %v: %+v", pool, err, nodes)
		}
	}
	node := firstNode(t, "open-new")
	if _, marked := node.Annotations[names.KubeCordoned]; marked || node.Spec.Unschedulable {
		t.Errorf("node %s is still marked or closed", node.Name)
	}
}

func firstNode(t *testing.T, pool string) corev1.Node {
	t.Helper()
	list, err := administrator(t).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: "cloud.google.com/gke-nodepool=" + pool})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("nodes of %s: %v", pool, err)
	}
	return list.Items[0]
}

func TestDrainTellsThatItMayNot(t *testing.T) {
	t.Parallel()
	if _, err := as(t, readOnly).PoolNodes(t.Context(), "reader-old"); err != nil && !apierrors.IsForbidden(err) {
		t.Fatal(err)
	}
	if err := as(t, readOnly).Drain(t.Context(), "reader-old"); !apierrors.IsForbidden(err) {
		t.Errorf("the drain ended with %v", err)
	}
	if firstNode(t, "reader-old").Spec.Unschedulable {
		t.Error("the node was closed")
	}
}

// Admission that refuses an eviction is not a lack of rights: an operator may be about to move the pod itself.
func TestDrainWaitsForAdmission(t *testing.T) {
	t.Parallel()
	client, namespace := webOnOldNodes(t, "denied", "maxUnavailable: 1")
	for _, object := range []string{`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-evictions}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods/eviction]}]}
  validations: [{expression: "false", reason: Forbidden, message: the operator moves it}]
`, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-evictions}
spec:
  policyName: no-evictions
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ` + namespace + `}}}
`} {
		apply(t, client, parse(t, object), kube.ApplyOptions{})
	}
	pods := administrator(t).CoreV1().Pods(namespace)
	list, err := pods.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the policy in force", func() bool {
		return apierrors.IsForbidden(pods.EvictV1(t.Context(), &policyv1.Eviction{
			ObjectMeta: metav1.ObjectMeta{Name: list.Items[0].Name}, DeleteOptions: &metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}},
		}))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err = client.Drain(ctx, "denied-old")
	var left *kube.DrainError
	if apierrors.IsForbidden(err) || !errors.As(err, &left) || len(left.Pods) != 3 || !strings.Contains(left.Pods[0].Why, "the operator moves it") {
		t.Errorf("the drain ended with %v", err)
	}
}

// until looks again and again until done, or fails the test.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in a minute", what)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
