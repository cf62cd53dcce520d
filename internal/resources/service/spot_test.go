package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
)

// In an ordinary rollout of a mixed service a pod on an on-demand node serves all the time: the others may go at any
// moment.
func TestMixedKeepsAPodOnDemandInARollout(t *testing.T) {
	t.Parallel()
	clk := &fastClock{begin: time.Now(), times: 1}
	env, cluster := acctest.SharedCluster(t)
	w := newSpotWorld(t, env, clk, cluster, "mixed")
	w.works("after the create", w.good)
	onDemand := w.onDemandNodes()
	safe := func(pod corev1.Pod) bool { return isReady(pod) && onDemand[pod.Spec.NodeName] }
	for round := range 4 {
		for _, pod := range w.pods(func(pod corev1.Pod) bool { return onDemand[pod.Spec.NodeName] }) {
			if pod.Annotations["controller.kubernetes.io/pod-deletion-cost"] == "" {
				t.Errorf("pod %s on an on-demand node is not kept longest", pod.Name)
			}
		}
		w.good["config"] = map[string]string{"ROUND": fmt.Sprint(round)}
		updated := make(chan string, 1)
		go func() { updated <- w.life.Apply(w.good) }()
		for done := false; !done; {
			select {
			case said := <-updated:
				w.life.Must(said)
				done = true
			case <-time.After(20 * time.Millisecond):
			}
			if len(w.pods(safe)) == 0 {
				t.Errorf("round %d: no pod on an on-demand node serves", round)
			}
		}
	}
	w.remove()
}

// Whoever rolls a mixed service out, and may not or does not mark its pods: there is a new pod on an on-demand node before
// the first of the old ones goes. A process of one pod is nowhere else.
func TestMixedKeepsAPodOnDemandInARolloutOfOthers(t *testing.T) {
	t.Parallel()
	clk := &fastClock{begin: time.Now(), times: 1}
	env, cluster := acctest.SharedCluster(t)
	w := newSpotWorld(t, env, clk, cluster, "mixed")
	w.good["processes"].(map[string]acctest.Attributes)["worker"] = acctest.Attributes{"command": []string{"/app", "worker"}}
	w.works("after the create", w.good)
	onDemand := w.onDemandNodes()
	of := func(process string) func(corev1.Pod) bool {
		return func(pod corev1.Pod) bool {
			return isReady(pod) && onDemand[pod.Spec.NodeName] && pod.Labels["twelvefactor.dev/process"] == process
		}
	}
	core, apps := w.kubernetes().CoreV1().Pods(w.namespace), w.kubernetes().AppsV1().Deployments(w.namespace)
	for round := range 6 {
		for _, pod := range w.pods(func(corev1.Pod) bool { return true }) {
			unmark := []byte(`{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":null}}}`)
			if _, err := core.Patch(t.Context(), pod.Name, types.MergePatchType, unmark, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		restart := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"round":"%d"}}}}}`, round)
		for _, process := range []string{"web", "worker"} {
			if _, err := apps.Patch(t.Context(), env.Name("shop-mixed")+"-"+process, types.MergePatchType, restart, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		w.until("the rollout", func() bool {
			for _, process := range []string{"web", "worker"} {
				if len(w.pods(of(process))) == 0 {
					t.Errorf("round %d: no pod of %s on an on-demand node serves", round, process)
				}
			}
			list, err := apps.List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return !slices.ContainsFunc(list.Items, func(d appsv1.Deployment) bool {
				return d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < *d.Spec.Replicas ||
					d.Status.Replicas > d.Status.UpdatedReplicas || d.Status.AvailableReplicas < *d.Spec.Replicas
			})
		})
	}
	w.remove()
}

// onDemandNodes are the names of those that are there.
func (w *failureWorld) onDemandNodes() map[string]bool {
	w.Helper()
	nodes, err := w.kubernetes().CoreV1().Nodes().List(w.Context(), metav1.ListOptions{LabelSelector: "twelvefactor.dev/capacity=on_demand"})
	if err != nil {
		w.Fatal(err)
	}
	found := map[string]bool{}
	for _, node := range nodes.Items {
		found[node.Name] = true
	}
	return found
}

// A cluster of its own: its Spot nodes are preempted, all of them, and its zones run out of machines.
func TestSpotNodesGo(t *testing.T) {
	t.Parallel()
	clk := &fastClock{begin: time.Now(), times: 1}
	env := acctest.New(t, acctest.WithKubernetes(t), acctest.WithProviderClock(func(*clock.Offset) clock.Clock { return clk }))
	cluster := "projects/" + acctest.Project + "/locations/" + acctest.Region + "/clusters/dev"
	maker := env.NewLife(t, "twelvefactor_cluster", acctest.NewCanaries())
	maker.Must(maker.Apply(acctest.Attributes{"name": "dev", "node_pools": map[string]acctest.Attributes{
		"base": {"machine_type": "e2-standard-4", "capacity": "on_demand", "min_nodes": int64(1), "max_nodes": int64(3)},
		"spot": {"machine_type": "e2-standard-4", "capacity": "spot", "min_nodes": int64(1), "max_nodes": int64(3)},
	}}))
	client := env.Kubernetes(t, cluster)
	until(t, env, "nodes that are ready", func() bool { // else the pods go where there are some
		nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		return err == nil && len(nodes.Items) > 0 && !slices.ContainsFunc(nodes.Items, func(n corev1.Node) bool {
			return slices.ContainsFunc(n.Spec.Taints, func(taint corev1.Taint) bool { return strings.HasPrefix(taint.Key, "node.kubernetes.io/") })
		})
	})
	mixed, spot := newSpotWorld(t, env, clk, cluster, "mixed"), newSpotWorld(t, env, clk, cluster, "spot")
	for _, w := range []*failureWorld{mixed, spot} {
		w.works("after the create", w.good)
	}
	serving := mixed.atLeastOne()
	t.Run("at rest", func(t *testing.T) {
		if err := env.Fake.Preempt("dev", "spot"); err != nil {
			t.Fatal(err)
		}
		spot.in(t).outage()
		spot.in(t).returns()
		mixed.in(t).returns()
	})
	t.Run("during a rollout", func(t *testing.T) {
		for _, w := range []*failureWorld{mixed, spot} {
			if err := env.Fake.SetImage(w.nextImage(), "slow"); err != nil {
				t.Fatal(err)
			}
			updated := make(chan string, 1)
			go func() { updated <- w.in(t).life.Apply(w.changed(nextRelease)) }()
			w.in(t).until("pods of the new release on their nodes", func() bool {
				return len(w.pods(func(p corev1.Pod) bool { return p.Spec.Containers[0].Image == w.nextImage() && p.Spec.NodeName != "" })) > 0
			})
			if err := env.Fake.Preempt("dev", "spot"); err != nil {
				t.Fatal(err)
			}
			if said := <-updated; acctest.Failed(said) {
				t.Errorf("the preemption failed the release:\n%s", said)
			}
			w.in(t).works("after the rollout", w.changed(nextRelease))
			w.good = w.changed(nextRelease)
		}
	})
	t.Run("without machines", func(t *testing.T) { withoutMachines(t, mixed, spot) })
	serving()
	for _, w := range []*failureWorld{mixed, spot} {
		w.in(t).remove()
	}
}

// withoutMachines has all Spot nodes go and none come: mixed moves to on-demand nodes and can be rolled out, a rollout on
// Spot alone ends early, serves what is left, and goes on when there are machines.
func withoutMachines(t *testing.T, mixed, spot *failureWorld) {
	mixed, spot = mixed.in(t), spot.in(t)
	fake := mixed.env.Fake
	if err := fake.SetStockout("", true); err != nil {
		t.Fatal(err)
	}
	if err := fake.Preempt("dev", "spot"); err != nil {
		t.Fatal(err)
	}
	mixed.returns()
	debug := func(_ *failureWorld, config acctest.Attributes) {
		config["config"] = map[string]string{"LEVEL": "debug"}
	}
	mixed.works("without Spot nodes", mixed.changed(debug))
	spot.outage()
	spot.clock.set(15)
	began := spot.clock.Now()
	said := spot.life.Apply(spot.changed(debug))
	if took := spot.clock.Now().Sub(began); took > early {
		t.Errorf("it was recognised after %s", took)
	}
	spot.clock.set(1)
	for _, part := range []string{"Unschedulable", "out of resources", `AttributeName("gke").AttributeName("capacity")`, `capacity "spot"`} {
		if !acctest.Failed(said) || !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
	spot.honest(spot.changed(debug))
	if err := fake.SetStockout("", false); err != nil {
		t.Fatal(err)
	}
	spot.works("with machines again", spot.changed(debug))
}

func newSpotWorld(t *testing.T, env *acctest.Env, clk *fastClock, cluster, capacity string) *failureWorld {
	t.Helper()
	w := &failureWorld{T: t, env: env, life: env.NewLife(t, noun, acctest.NewCanaries()), clock: clk, cluster: cluster}
	w.namespace = env.Name(capacity)
	w.secret, w.next = w.version(env.Name(capacity+"-key")), w.version(env.Name(capacity+"-next"))
	w.good = acctest.Attributes{
		"name": env.Name("shop-" + capacity), "image": image, "secrets": map[string]string{"KEY": w.secret},
		"gke":       acctest.Attributes{"cluster": cluster, "namespace": w.namespace, "capacity": capacity},
		"processes": map[string]acctest.Attributes{"web": {"scale": acctest.Attributes{"min": int64(webReplicas)}}},
	}
	w.gone = func(w *failureWorld) { w.checkPolicies() }
	return w
}

// in is the same world in another test.
func (w *failureWorld) in(t *testing.T) *failureWorld {
	other := *w
	other.T = t
	return &other
}

func (w *failureWorld) until(what string, done func() bool) {
	w.Helper()
	until(w.T, w.env, what, done)
}

// pods lists those of web that are not told to end.
func (w *failureWorld) pods(which func(corev1.Pod) bool) []corev1.Pod {
	w.Helper()
	list, err := w.kubernetes().CoreV1().Pods(w.namespace).List(w.Context(), metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	var found []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil && which(pod) {
			found = append(found, pod)
		}
	}
	return found
}

func isReady(pod corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// atLeastOne watches that a pod is available all the time.
func (w *failureWorld) atLeastOne() (stop func()) {
	watch := acctest.WatchAvailability(w, w.kubernetes(), w.namespace, "twelvefactor.dev/process=web")
	return func() {
		w.Helper()
		least, gone := watch.Stop(w)
		if least < 1 {
			w.Errorf("at a time no pod of %s was available", w.namespace)
		}
		if gone == 0 {
			w.Error("no pod was told to end: the test has shown nothing")
		}
	}
}

// outage demands that a service without a pod says so, and that nothing is to be applied for it.
func (w *failureWorld) outage() {
	w.Helper()
	w.until("the end of all pods", func() bool { return len(w.pods(isReady)) == 0 })
	w.until("the outage in the status", func() bool {
		w.life.Must(w.life.Refresh())
		return w.life.State.Get(w, "status") == "unavailable" || len(w.pods(isReady)) > 0
	})
	w.life.CheckEmptyPlan("during the outage", w.good)
}

// returns demands that all pods come back by themselves, and that nothing is to be applied.
func (w *failureWorld) returns() {
	w.Helper()
	w.until(fmt.Sprintf("the return of the pods of %s", w.namespace), func() bool { return len(w.pods(isReady)) >= webReplicas })
	w.until("the return in the status", func() bool {
		w.life.Must(w.life.Refresh())
		return w.life.State.Get(w, "status") == "ready"
	})
	w.life.CheckEmptyPlan("after the outage", w.good)
}
