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
