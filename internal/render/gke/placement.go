package gke

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// spotKey is the label that GKE puts on Spot nodes, and the key of the taint that node pools with
// capacity = "spot" carry. Source: GKE documentation, "Spot VMs".
const spotKey = "cloud.google.com/gke-spot"

// place chooses the nodes:
//
//	capacity   selector  toleration
//	on_demand  none      none: the taint keeps the pods off Spot nodes
//	spot       Spot      Spot
//	mixed      none      Spot
//
// A mixed process of a single pod has nothing to spread, and nothing would serve while its Spot node goes: it runs on
// demand. Of several the first is to go there, and the spread sends the second to Spot nodes: so a rollout has a new pod
// on demand before it takes the first of the old ones away, whichever that is.
func place(spec *corev1.PodSpec, p process, capacity app.Capacity) {
	switch {
	case capacity == app.Spot:
		spec.NodeSelector = map[string]string{spotKey: "true"}
	case capacity == app.Mixed && p.single():
		spec.NodeSelector = map[string]string{names.KubeCapacity: string(app.OnDemand)}
		return
	case capacity == app.Mixed:
		spec.Affinity = &corev1.Affinity{NodeAffinity: preferOnDemand()}
	default:
		return
	}
	spec.Tolerations = []corev1.Toleration{{
		Key: spotKey, Operator: corev1.TolerationOpEqual, Value: "true", Effect: corev1.TaintEffectNoSchedule,
	}}
}

// preferOnDemand weighs more than everything else that the scheduler weighs between nodes that the spread allows.
func preferOnDemand() *corev1.NodeAffinity {
	return &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
		Weight: 100,
		Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{
			Key: names.KubeCapacity, Operator: corev1.NodeSelectorOpIn, Values: []string{string(app.OnDemand)},
		}}},
	}}}
}

// spread keeps the pods of one release of a process apart. Zones and nodes are a wish: a small cluster has one of
// them. Capacity, for mixed, is a demand: it is what leaves something serving when all Spot nodes go.
func spread(in Input, p process) []corev1.TopologySpreadConstraint {
	var constraints []corev1.TopologySpreadConstraint
	if in.App.GKE.Capacity == app.Mixed && !p.single() {
		c := spreadBy(in, p, names.KubeCapacity, corev1.DoNotSchedule)
		// Else a preempted node, tainted but still listed, would count as an empty place to go to, and hold up the pods
		// that have to move to the other kind of node.
		c.NodeTaintsPolicy = new(corev1.NodeInclusionPolicyHonor)
		constraints = append(constraints, c)
	}
	return append(constraints,
		spreadBy(in, p, corev1.LabelTopologyZone, corev1.ScheduleAnyway),
		spreadBy(in, p, corev1.LabelHostname, corev1.ScheduleAnyway),
	)
}

func spreadBy(in Input, p process, key string, otherwise corev1.UnsatisfiableConstraintAction) corev1.TopologySpreadConstraint {
	return corev1.TopologySpreadConstraint{
		MaxSkew:           1,
		TopologyKey:       key,
		WhenUnsatisfiable: otherwise,
		LabelSelector:     &metav1.LabelSelector{MatchLabels: selector(in, p)},
		// Pods of the release before do not count, else a rollout ends lopsided.
		MatchLabelKeys: []string{"pod-template-hash"},
	}
}
