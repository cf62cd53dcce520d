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
func place(spec *corev1.PodSpec, capacity app.Capacity) {
	if capacity == app.Spot {
		spec.NodeSelector = map[string]string{spotKey: "true"}
	}
	if capacity == app.Spot || capacity == app.Mixed {
		spec.Tolerations = []corev1.Toleration{{
			Key: spotKey, Operator: corev1.TolerationOpEqual, Value: "true", Effect: corev1.TaintEffectNoSchedule,
		}}
	}
}

// spread keeps the pods of one release of a process apart. Zones and nodes are a wish: a small cluster has one of
// them. Capacity, for mixed, is a demand: it is what leaves something serving when all Spot nodes go.
func spread(in Input, p process) []corev1.TopologySpreadConstraint {
	var constraints []corev1.TopologySpreadConstraint
	if in.App.GKE.Capacity == app.Mixed {
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
