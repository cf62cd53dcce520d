package kubernetes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestClosedNodeIsNoRoom(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}}}
	for closed, fits := range map[bool]bool{false: true, true: false} {
		r := room{free: machineOf("e2-standard-2").allocatable(), closed: closed}
		if got := r.fits(pod); got != fits {
			t.Errorf("closed is %v, the pod fits: %v", closed, got)
		}
	}
}

func TestAutoscalerSaysWhyNoNodeComes(t *testing.T) {
	pool := func(name string, spot bool, size, most int) poolView {
		return poolView{
			poolState: poolState{
				NodePool: NodePool{
					Name: name, Zones: []string{"z-a", "z-b"}, MachineType: "e2-standard-2", Spot: spot, Autoscaling: &Autoscaling{Max: most},
				},
				targets: map[string]int{"z-a": size},
			},
			out: map[string]bool{},
		}
	}
	stockout := pool("spot", true, 0, 3)
	stockout.out["z-b"] = true
	fixed := pool("fixed", true, 1, 1)
	fixed.Autoscaling = nil
	pod := &corev1.Pod{Spec: corev1.PodSpec{NodeSelector: map[string]string{labelSpot: "true"}}}
	for name, test := range map[string]struct {
		pools []poolView
		want  verdict
	}{
		"full": {[]poolView{pool("base", false, 1, 3), pool("spot", true, 3, 3), fixed}, verdict{notTriggerScaleUp,
			"pod didn't trigger scale-up: 2 max node group size reached, 2 node(s) didn't match Pod's node affinity/selector"}},
		"out of stock": {[]poolView{pool("base", false, 1, 3), stockout}, verdict{failedScaleUp,
			"Node scale up in zones z-b associated with this pod failed: GCE out of resources. Pod is at risk of not being scheduled."}},
		"none": {nil, verdict{notTriggerScaleUp, "pod didn't trigger scale-up: "}},
	} {
		if got := refusal(pod, test.pools); got != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
