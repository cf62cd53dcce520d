package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What GKE's cluster autoscaler tells about a pod that has no node, as events on the pod.
// Source: kubernetes/autoscaler, processors/status/eventing_scale_up_processor.go; FailedScaleUp is GKE's own, its texts
// are in "Troubleshoot cluster autoscaler not scaling up" of GKE's documentation.
const (
	triggeredScaleUp  = "TriggeredScaleUp"
	notTriggerScaleUp = "NotTriggerScaleUp"
	failedScaleUp     = "FailedScaleUp"
	// scanInterval is the autoscaler's: it says at most so often that nothing has changed.
	scanInterval = 10 * time.Second
)

// told is what was said last about a pod.
type told struct {
	text string
	at   time.Time
}

// verdict is what the autoscaler makes of one pod.
type verdict struct{ reason, message string }

// refusal says why no pool grows for a pod. A machine that is out of stock counts more than a pool that is full: the
// autoscaler has tried that one.
func refusal(pod *corev1.Pod, pools []poolView) verdict {
	why, out := map[string]int{}, map[string]bool{}
	for _, pool := range pools {
		for _, zone := range pool.Zones {
			switch {
			case pool.Autoscaling == nil: // not the autoscaler's
			case !pool.room(zone).fits(pod):
				why["node(s) didn't match Pod's node affinity/selector"]++
			case pool.out[zone]:
				out[zone] = true
			case pool.size() >= pool.Autoscaling.Max:
				why["max node group size reached"]++
			default:
				why["node(s) didn't match pod topology spread constraints"]++
			}
		}
	}
	if len(out) > 0 {
		zones := strings.Join(slices.Sorted(maps.Keys(out)), ", ")
		return verdict{failedScaleUp, fmt.Sprintf(
			"Node scale up in zones %s associated with this pod failed: GCE out of resources. Pod is at risk of not being scheduled.", zones)}
	}
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		reasons = append(reasons, fmt.Sprintf("%d %s", why[reason], reason))
	}
	return verdict{notTriggerScaleUp, "pod didn't trigger scale-up: " + strings.Join(reasons, ", ")}
}

// tell writes an event about a pod unless the same was just said.
func (n *nodeController) tell(ctx context.Context, pod *corev1.Pod, v verdict, now time.Time) {
	last, text := n.scaler.told[pod.UID], v.reason+v.message
	if last.text == text && now.Sub(last.at) < scanInterval {
		return
	}
	kind := corev1.EventTypeNormal
	if v.reason == failedScaleUp {
		kind = corev1.EventTypeWarning
	}
	at := metav1.NewTime(now)
	_, err := n.client.CoreV1().Events(pod.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: pod.Name + ".", Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
		},
		Reason: v.reason, Message: v.message, Type: kind, Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: corev1.EventSource{Component: "cluster-autoscaler"},
	}, metav1.CreateOptions{})
	if err == nil { // a namespace that is going takes none
		n.scaler.told[pod.UID] = told{text, now}
	}
}

// forgetTold drops what was said about pods that have a node by now.
func (a *autoscaler) forgetTold(pending []*corev1.Pod) {
	maps.DeleteFunc(a.told, func(id types.UID, _ told) bool {
		return !slices.ContainsFunc(pending, func(pod *corev1.Pod) bool { return pod.UID == id })
	})
}
