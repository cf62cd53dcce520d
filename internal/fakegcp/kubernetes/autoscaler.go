package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// stuckAfter is how long a pod that would fit by its size may stay unschedulable before it gets a node anyway: something
// that is not modelled here, such as a topology spread, keeps it off the nodes that there are.
const stuckAfter = 4 * time.Second

// autoscaler remembers since when pods have not been scheduled although they would fit.
type autoscaler struct {
	stuck map[string]time.Time // by pod UID
	told  map[types.UID]told   // by pod UID
}

// room is a node, real or to be made, as the simulation sees it.
type room struct {
	labels map[string]string
	taints []corev1.Taint
	free   corev1.ResourceList
	closed bool // cordoned
}

// scaleUp grows pools until every unschedulable pod fits somewhere: first fit, as the cluster autoscaler estimates. It
// says on the pods what came of it.
func (n *nodeController) scaleUp(ctx context.Context, pools []poolView, now time.Time) {
	pending := n.unschedulable()
	n.scaler.forgetTold(pending)
	rooms := n.rooms(pools)
	seen := map[string]time.Time{}
	for _, pod := range pending {
		id := string(pod.UID)
		if i := slices.IndexFunc(rooms, func(r room) bool { return r.fits(pod) }); i >= 0 {
			since, known := n.scaler.stuck[id]
			if !known {
				since = now
			}
			seen[id] = since
			if now.Sub(since) < stuckAfter {
				rooms[i].take(pod)
				continue
			}
		}
		if r, ok := n.growFor(pod, pools, rooms); ok {
			rooms = append(rooms, r)
			if _, fitted := seen[id]; fitted {
				seen[id] = now // the new node gets its time
			}
			n.tell(ctx, pod, verdict{triggeredScaleUp, fmt.Sprintf("pod triggered scale-up: [{%s}]", r.labels[labelNodePool])}, now)
			continue
		}
		n.tell(ctx, pod, refusal(pod, pools), now)
	}
	n.scaler.stuck = seen
}

// growFor makes the smallest pool larger that can hold the pod, and returns the node to be.
func (n *nodeController) growFor(pod *corev1.Pod, pools []poolView, rooms []room) (room, bool) {
	size := func(pool poolView) int {
		count := 0
		for _, r := range rooms {
			if r.labels[labelNodePool] == pool.Name {
				count++
			}
		}
		return count
	}
	candidates := slices.Clone(pools)
	slices.SortStableFunc(candidates, func(a, b poolView) int { return cmp.Compare(size(a), size(b)) })
	for _, pool := range candidates {
		for _, zone := range pool.Zones {
			r := pool.room(zone)
			if pool.grows && r.fits(pod) && n.inventory.grow(pool.Name) {
				r.take(pod)
				n.wake()
				return r, true
			}
		}
	}
	return room{}, false
}

// unschedulable lists the pods that the scheduler found no node for, the oldest first.
func (n *nodeController) unschedulable() []*corev1.Pod {
	pods := slices.DeleteFunc(n.watch.allPods(), func(pod *corev1.Pod) bool {
		return pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
		})
	})
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID))
	})
	return pods
}

// rooms are the nodes that there are and those that pools still have to make. A node that is closed to new pods counts for
// its pool and has no room. Source: kubernetes/autoscaler, FAQ "How does scale-up work?": a pod fits where the scheduler's
// own checks let it, and these refuse what is unschedulable.
func (n *nodeController) rooms(pools []poolView) []room {
	var all []room
	count := map[string]map[string]int{}
	for _, node := range n.live() {
		r := room{labels: node.Labels, free: node.Status.Allocatable.DeepCopy()}
		for _, taint := range node.Spec.Taints {
			if !isSystemTaint(taint) {
				r.taints = append(r.taints, taint)
			}
		}
		for _, pod := range n.podsOn(node.Name) {
			r.take(pod)
		}
		r.closed = node.Spec.Unschedulable
		all = append(all, r)
		pool, zone := node.Labels[labelNodePool], node.Labels[corev1.LabelTopologyZone]
		if count[pool] == nil {
			count[pool] = map[string]int{}
		}
		count[pool][zone]++
	}
	for _, pool := range pools {
		for _, zone := range pool.Zones {
			for range pool.targets[zone] - count[pool.Name][zone] {
				all = append(all, pool.room(zone))
			}
		}
	}
	return all
}

// room is a node that the pool would make in a zone.
func (p poolView) room(zone string) room {
	return room{labels: p.labels(zone), taints: p.Taints, free: machineOf(p.MachineType).allocatable()}
}

// fits says whether taints, selectors and size allow the pod.
func (r room) fits(pod *corev1.Pod) bool {
	if r.closed {
		return false
	}
	for _, taint := range r.taints {
		if taint.Effect != corev1.TaintEffectPreferNoSchedule && !tolerates(pod, taint) {
			return false
		}
	}
	for key, value := range pod.Spec.NodeSelector {
		if r.labels[key] != value {
			return false
		}
	}
	if !r.matchesAffinity(pod.Spec.Affinity) {
		return false
	}
	for name, want := range requests(pod) {
		if free := r.free[name]; free.Cmp(want) < 0 {
			return false
		}
	}
	return true
}

func tolerates(pod *corev1.Pod, taint corev1.Taint) bool {
	return slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
		return t.ToleratesTaint(klog.Background(), &taint, true)
	})
}

func (r room) matchesAffinity(affinity *corev1.Affinity) bool {
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return true
	}
	terms := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	return slices.ContainsFunc(terms, func(term corev1.NodeSelectorTerm) bool {
		return len(term.MatchExpressions) > 0 && !slices.ContainsFunc(term.MatchExpressions, func(e corev1.NodeSelectorRequirement) bool { return !r.matches(e) })
	})
}

var operators = map[corev1.NodeSelectorOperator]selection.Operator{
	corev1.NodeSelectorOpIn:           selection.In,
	corev1.NodeSelectorOpNotIn:        selection.NotIn,
	corev1.NodeSelectorOpExists:       selection.Exists,
	corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
	corev1.NodeSelectorOpGt:           selection.GreaterThan,
	corev1.NodeSelectorOpLt:           selection.LessThan,
}

func (r room) matches(e corev1.NodeSelectorRequirement) bool {
	requirement, err := labels.NewRequirement(e.Key, operators[e.Operator], e.Values)
	return err == nil && requirement.Matches(labels.Set(r.labels))
}

// take gives a pod its share of the node.
func (r room) take(pod *corev1.Pod) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return
	}
	for name, want := range requests(pod) {
		free := r.free[name]
		free.Sub(want)
		r.free[name] = free
	}
}

// requests is what a pod's containers ask for, init containers by the largest, and one of the node's places for pods.
func requests(pod *corev1.Pod) corev1.ResourceList {
	sum := corev1.ResourceList{corev1.ResourcePods: onePod}
	for _, c := range pod.Spec.Containers {
		for name, quantity := range c.Resources.Requests {
			total := sum[name]
			total.Add(quantity)
			sum[name] = total
		}
	}
	for _, c := range pod.Spec.InitContainers {
		for name, quantity := range c.Resources.Requests {
			if total := sum[name]; total.Cmp(quantity) < 0 {
				sum[name] = quantity
			}
		}
	}
	return sum
}
