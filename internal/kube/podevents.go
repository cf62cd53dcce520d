package kube

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
)

// scaleUpEvents are what the cluster's autoscaler says about a pod that has no node; true means that none comes.
// Source: kubernetes/autoscaler, processors/status/eventing_scale_up_processor.go; the last is GKE's own.
var scaleUpEvents = map[string]bool{"TriggeredScaleUp": false, "NotTriggerScaleUp": true, "FailedScaleUp": true}

// startEvents are what a kubelet says about a pod whose containers it cannot make.
// Source: k8s.io/kubernetes pkg/kubelet/events/event.go.
var startEvents = map[string]bool{FailedMount: true, "FailedAttachVolume": true, "FailedCreatePodSandBox": true}

// FailedMount is the reason of a pod whose volumes cannot be mounted. Kubelets tell it by events only; the pod itself just
// waits. Source: k8s.io/kubernetes pkg/kubelet/events, FailedMountVolume.
const FailedMount = "FailedMount"

// lostMount are messages about what is not there, or is disabled or destroyed: no waiting helps.
var lostMount = regexp.MustCompile(`code = (NotFound|FailedPrecondition|InvalidArgument)|[nN]ot found`)

// patienceWith is how long a failure to make containers may last, by its message.
func patienceWith(message string) time.Duration {
	if lostMount.MatchString(message) {
		return lostPatience
	}
	return mountPatience
}

// podEvents reads the events of pods, of one pod of each kind of problem in a look: the others say the same.
type podEvents struct {
	client    *Client
	namespace string
	asked     map[string]bool // by reason
}

// explain adds to a problem what events say about it. Who may not list events is told less, and waits longer.
func (e *podEvents) explain(ctx context.Context, pod *unstructured.Unstructured, p *podProblem, grace *time.Duration) {
	telling := startEvents
	switch p.reason {
	case "Unschedulable":
		telling = scaleUpEvents
	case creating:
	default:
		return
	}
	if e.asked[p.reason] {
		return
	}
	if e.asked == nil {
		e.asked = map[string]bool{}
	}
	e.asked[p.reason] = true
	event := e.newest(ctx, pod, telling)
	if event == nil || !telling[event.reason] {
		return
	}
	if p.reason == creating {
		p.reason, p.message, *grace = event.reason, event.message, patienceWith(event.message)
		return
	}
	p.refused, *grace = true, stuckPatience
	p.message += "; the autoscaler says " + event.reason + ": " + event.message
}

// podEvent is one thing that was said about a pod.
type podEvent struct{ reason, message, at string }

// newest is the latest event with one of the reasons, nil when there is none.
func (e *podEvents) newest(ctx context.Context, pod *unstructured.Unstructured, reasons map[string]bool) *podEvent {
	list, err := e.client.of(Ref{GVK: eventKind, Namespace: e.namespace}).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(pod.GetUID())}.String(), Limit: pageSize,
	})
	if err != nil {
		return nil
	}
	var found []podEvent
	for _, item := range list.Items {
		event := podEvent{reason: fmt.Sprint(item.Object["reason"]), message: fmt.Sprint(item.Object["message"]), at: saidAt(&item)}
		if _, known := reasons[event.reason]; known {
			found = append(found, event)
		}
	}
	if len(found) == 0 {
		return nil
	}
	newest := slices.MaxFunc(found, func(a, b podEvent) int { return compareTimes(a.at, b.at) })
	return &newest
}

// saidAt is when an event was said last. Old and new event recorders fill different fields.
func saidAt(event *unstructured.Unstructured) string {
	for _, path := range [][]string{{"series", "lastObservedTime"}, {"lastTimestamp"}, {"eventTime"}, {"metadata", "creationTimestamp"}} {
		if at, _, _ := unstructured.NestedString(event.Object, path...); at != "" {
			return at
		}
	}
	return ""
}

func compareTimes(a, b string) int {
	x, _ := time.Parse(time.RFC3339Nano, a)
	y, _ := time.Parse(time.RFC3339Nano, b)
	return x.Compare(y)
}
