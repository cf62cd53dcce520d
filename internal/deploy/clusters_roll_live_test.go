package deploy_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// rollWorld is a cluster of its own with a real Kubernetes and three pods on its one pool.
type rollWorld struct {
	*testing.T
	clusterWorld
	kube  kubernetes.Interface
	state *deploy.ClusterState
}

func rollSpec(capacity string) deploy.ClusterSpec {
	spec := smallCluster()
	spec.Pools = map[string]deploy.PoolSpec{
		"base": {MachineType: "e2-standard-2", Capacity: capacity, Isolate: true, MinNodes: 3, MaxNodes: 6, DiskGB: 100},
	}
	return spec
}

func newRollWorld(t *testing.T, minAvailable int) *rollWorld {
	t.Helper()
	bin, err := serviceKubernetes()
	if err != nil {
		t.Fatal(err)
	}
	fake, err := fakegcp.Start(fakegcp.Options{OperationTime: 20 * time.Millisecond, KubernetesBin: bin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	w := &rollWorld{T: t, clusterWorld: clusterWorld{clusterCloud(t, fake, "test"), fake}}
	if w.state, _, err = w.CreateCluster(t.Context(), rollSpec(deploy.PoolOnDemand), clusterTimeout); err != nil {
		t.Fatal(err)
	}
	file, err := fake.Kubeconfig(w.state.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if w.kube, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	w.deploy()
	w.budget(minAvailable)
	return w
}

// deploy rolls out three pods that run on any capacity.
func (w *rollWorld) deploy() {
	w.Helper()
	replicas, labels := int32(3), map[string]string{"app": "web"}
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt(80)}}}
	_, err := w.kube.AppsV1().Deployments("default").Create(w.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Tolerations: []corev1.Toleration{
						{Operator: corev1.TolerationOpExists, Key: "cloud.google.com/gke-spot"},
						{Operator: corev1.TolerationOpExists, Key: "cloud.google.com/gke-preemptible"},
					},
					Containers: []corev1.Container{{Name: "web", Image: "ok:1", ReadinessProbe: probe}},
				},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.until("three pods available", func() bool {
		d, err := w.kube.AppsV1().Deployments("default").Get(w.Context(), "web", metav1.GetOptions{})
		return err == nil && d.Status.AvailableReplicas == replicas
	})
}

// budget sets how many pods must stay available, and waits until Kubernetes has counted.
func (w *rollWorld) budget(least int) {
	w.Helper()
	budgets, amount := w.kube.PolicyV1().PodDisruptionBudgets("default"), intstr.FromInt(least)
	_ = budgets.Delete(w.Context(), "web", metav1.DeleteOptions{})
	made, err := budgets.Create(w.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &amount, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.until("the budget counted", func() bool {
		live, err := budgets.Get(w.Context(), "web", metav1.GetOptions{})
		return err == nil && live.Status.ObservedGeneration == made.Generation && live.Status.ExpectedPods == 3
	})
}

func (w *rollWorld) until(what string, done func() bool) {
	w.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			w.Fatalf("%s: not in a minute", what)
		}
		if err := w.Clock.Sleep(w.Context(), 20*time.Millisecond); err != nil {
			w.Fatal(err)
		}
	}
}

// update applies a capacity within a time and keeps what it reached as the state.
func (w *rollWorld) update(capacity string, timeout time.Duration) ([]deploy.Notice, error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), timeout)
	defer cancel()
	reached, notices, err := w.UpdateCluster(ctx, rollSpec(capacity), w.state.ClusterSpec, "")
	if reached == nil {
		w.Fatalf("there is no state: %v", err)
	}
	w.state = reached
	return notices, err
}

// pool gives the live pool of a name, nil when there is none.
func (w *rollWorld) pools() []*containerpb.NodePool {
	w.Helper()
	live, err := w.GCP.Clusters().Get(w.Context(), w.state.ID.String())
	if err != nil {
		w.Fatal(err)
	}
	return live.GetNodePools()
}

// checkOnly asks for one pool with that capacity, with its autoscaler on and its nodes open.
func (w *rollWorld) checkOnly(capacity string) {
	w.Helper()
	pools := w.pools()
	if len(pools) != 1 || pools[0].GetConfig().GetLabels()[names.KubeCapacity] != capacity || !pools[0].GetAutoscaling().GetEnabled() {
		w.Errorf("the pools are %v", pools)
	}
	checkCluster(w.T, rollSpec(capacity), w.state)
	for _, node := range w.nodes(pools[0].GetName()) {
		if _, marked := node.Annotations[names.KubeCordoned]; marked || node.Spec.Unschedulable {
			w.Errorf("node %s is closed", node.Name)
		}
	}
}

func (w *rollWorld) nodes(pool string) []corev1.Node {
	w.Helper()
	list, err := w.kube.CoreV1().Nodes().List(w.Context(), metav1.ListOptions{LabelSelector: "cloud.google.com/gke-nodepool=" + pool})
	if err != nil || len(list.Items) == 0 {
		w.Fatalf("%d nodes in pool %s: %v", len(list.Items), pool, err)
	}
	return list.Items
}

func (w *rollWorld) watch() *acctest.Availability {
	w.Helper()
	return acctest.WatchAvailability(w.T, w.kube, "default", "app=web")
}

func (w *rollWorld) checkEffects(want map[string]int) {
	w.Helper()
	for _, method := range []string{"CreateNodePool", "SetNodePoolAutoscaling", "DeleteNodePool", "SetNodePoolSize"} {
		if got := w.effects(method); got != want[method] {
			w.Errorf("%s took place %d times, want %d", method, got, want[method])
		}
	}
}

func TestClusterRollKeepsABudget(t *testing.T) {
	t.Parallel()
	w := newRollWorld(t, 2)
	seen := w.watch()
	notices, err := w.update(deploy.PoolSpot, time.Minute)
	if err != nil || len(notices) > 0 {
		t.Fatalf("%v, notices %v", err, notices)
	}
	if least, gone := seen.Stop(t); least < 2 || gone < 3 {
		t.Errorf("at least %d pods were available, %d were moved; want 2 and 3", least, gone)
	}
	w.checkOnly(deploy.PoolSpot)
	w.checkEffects(map[string]int{"CreateNodePool": 1, "SetNodePoolAutoscaling": 1, "DeleteNodePool": 1})
}

// Without an eviction the same roll takes pods below the budget, which the fake's own drain does not know: so the test
// above can fail. It is also what happens where Kubernetes cannot be reached.
func TestClusterRollIsLeftToGKEWhereKubernetesIsOutOfReach(t *testing.T) {
	t.Parallel()
	w := newRollWorld(t, 2)
	if err := w.fake.UpdateCluster(w.state.ID.String(), func(c *containerpb.Cluster) { c.Endpoint = "127.0.0.1:1" }); err != nil {
		t.Fatal(err)
	}
	seen := w.watch()
	notices, err := w.update(deploy.PoolSpot, time.Minute)
	if err != nil || len(notices) != 1 || !strings.Contains(notices[0].Summary, "GKE alone drained") || !strings.Contains(notices[0].Detail, "connection refused") {
		t.Errorf("%v, notices %v", err, notices)
	}
	w.until("the old nodes and their pods gone", func() bool {
		left, err := w.kube.CoreV1().Nodes().List(w.Context(), metav1.ListOptions{LabelSelector: "cloud.google.com/gke-nodepool=base"})
		return err == nil && len(left.Items) == 0
	})
	if least, gone := seen.Stop(t); least >= 2 || gone < 3 {
		t.Errorf("at least %d pods were available, %d were moved: the watch cannot see a broken budget", least, gone)
	}
}

// A roll that a budget holds is taken back, begun again, changed in the middle, and ended: each time it goes on from where
// it is.
func TestClusterRollGoesOnAndBack(t *testing.T) {
	t.Parallel()
	w := newRollWorld(t, 3)
	seen := w.watch()

	held := func(capacity string) {
		t.Helper()
		_, err := w.update(capacity, 2*time.Second)
		if err == nil {
			t.Fatal("the roll ended although the budget lets no pod go")
		}
		for _, want := range []string{
			`Node pool "base" was not drained`, "default/web-", "The disruption budget web needs 3 healthy pods and has 3 currently",
			"more replicas, or a lower minAvailable", "run apply again",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q:\n%v", want, err)
			}
		}
		for _, node := range w.nodes("base") {
			if !node.Spec.Unschedulable || node.Annotations[names.KubeCordoned] == "" {
				t.Errorf("node %s is open: %v", node.Name, node.Annotations)
			}
		}
	}
	held(deploy.PoolSpot)
	if w.state.Pools["base"].Capacity != deploy.PoolOnDemand || len(w.state.Drift) == 0 {
		t.Errorf("the state is %+v, want the old pool and the drift", w.state)
	}
	if _, err := w.update(deploy.PoolOnDemand, time.Minute); err != nil {
		t.Fatal(err)
	}
	w.checkOnly(deploy.PoolOnDemand)
	if least, gone := seen.Stop(t); least != 3 || gone != 0 {
		t.Errorf("at least %d pods were available and %d were moved, want 3 and none", least, gone)
	}
	w.checkEffects(map[string]int{"CreateNodePool": 1, "SetNodePoolAutoscaling": 3, "DeleteNodePool": 1})

	held(deploy.PoolSpot)
	held(deploy.PoolPreemptible)
	if n := len(w.pools()); n != 3 {
		t.Errorf("%d pools while two rolls are unfinished, want 3", n)
	}
	seen = w.watch()
	w.budget(2)
	if _, err := w.update(deploy.PoolPreemptible, time.Minute); err != nil {
		t.Fatal(err)
	}
	if least, gone := seen.Stop(t); least < 2 || gone < 3 {
		t.Errorf("at least %d pods were available, %d were moved; want 2 and 3", least, gone)
	}
	w.checkOnly(deploy.PoolPreemptible)
	w.checkEffects(map[string]int{"CreateNodePool": 3, "SetNodePoolAutoscaling": 5, "DeleteNodePool": 3})
}

// Stopped at any moment, with the state of before as after a kill and with other changes in between, rolls end with one
// pool and never go below the budget.
func TestClusterRollsStoppedAnywhereEndWithOnePool(t *testing.T) {
	t.Parallel()
	w := newRollWorld(t, 2)
	seen := w.watch()
	before := w.state
	seed := uint64(time.Now().UnixNano())
	draw := rand.New(rand.NewPCG(seed, 0))
	capacities := []string{deploy.PoolOnDemand, deploy.PoolSpot, deploy.PoolPreemptible}
	for range 8 {
		capacity, stop := capacities[draw.IntN(3)], time.Duration(10+draw.IntN(3000))*time.Millisecond
		_, err := w.update(capacity, stop)
		if draw.IntN(2) == 0 {
			w.state = before
		}
		t.Logf("%s, stopped after %s: %v", capacity, stop, err)
	}
	if _, err := w.update(deploy.PoolSpot, time.Minute); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	w.checkOnly(deploy.PoolSpot)
	if least, _ := seen.Stop(t); least < 2 {
		t.Errorf("seed %d: at least %d pods were available, want 2", seed, least)
	}
}

// A pool that is no longer declared is drained in the same way.
func TestClusterPoolThatIsRemovedIsDrained(t *testing.T) {
	t.Parallel()
	w := newRollWorld(t, 2)
	spec := rollSpec(deploy.PoolOnDemand)
	spec.Pools = map[string]deploy.PoolSpec{"other": spec.Pools["base"]}
	seen := w.watch()
	if _, _, err := w.UpdateCluster(t.Context(), spec, w.state.ClusterSpec, ""); err != nil {
		t.Fatal(err)
	}
	if least, gone := seen.Stop(t); least < 2 || gone < 3 {
		t.Errorf("at least %d pods were available, %d were moved; want 2 and 3", least, gone)
	}
	w.checkEffects(map[string]int{"CreateNodePool": 1, "SetNodePoolAutoscaling": 1, "DeleteNodePool": 1})
}

// Pods that no node of the new pool takes are named, with the scheduler's words.
func TestClusterRollNamesPodsThatFindNoNode(t *testing.T) {
	t.Parallel()
	w := newRollWorld(t, 2)
	d, err := w.kube.AppsV1().Deployments("default").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.Spec.Template.Spec.Tolerations = nil
	if _, err := w.kube.AppsV1().Deployments("default").Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.until("the new template rolled out", func() bool {
		d, err = w.kube.AppsV1().Deployments("default").Get(t.Context(), "web", metav1.GetOptions{})
		return err == nil && d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 3 && d.Status.Replicas == 3 && d.Status.AvailableReplicas == 3
	})
	_, err = w.update(deploy.PoolSpot, time.Minute)
	for _, want := range []string{"waiting for a node: default/web-", "nodes are available", "Give the pods that wait a node", `node_pools["base"]`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}
