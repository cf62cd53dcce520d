package kube

import (
	"cmp"
	"context"
	"regexp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FailedMount is the reason of a pod whose volumes cannot be mounted. Kubelets tell it by events only; the pod itself just
// waits. Source: k8s.io/kubernetes pkg/kubelet/events, FailedMountVolume.
const FailedMount = "FailedMount"

// How long a mount may fail, from the first time that it is seen.
const (
	// deniedGrace is for secrets that the pod may not read: a grant that was just written is effective within two minutes,
	// mostly, and kubelets try again at most every two minutes.
	// Sources: cloud.google.com/iam/docs/access-change-propagation; k8s.io/kubernetes pkg/util/goroutinemap/exponentialbackoff.
	deniedGrace = 5 * time.Minute
	// lostGrace is for what is not there, or is disabled or destroyed.
	lostGrace = 20 * time.Second
)

// mountGraces sorts the messages of failed mounts; what is in none of them passes, such as a driver that is still starting.
var mountGraces = []struct {
	message *regexp.Regexp
	grace   time.Duration
}{
	{regexp.MustCompile(`code = PermissionDenied`), deniedGrace},
	{regexp.MustCompile(`code = (NotFound|FailedPrecondition|InvalidArgument)|[nN]ot found`), lostGrace},
}

// mountProblem finds why the volumes of a pod that has not started cannot be mounted, by its newest event of that reason.
// Who may not read events is not told.
func (c *Client) mountProblem(ctx context.Context, pod *unstructured.Unstructured) (*podProblem, time.Duration) {
	if !waitsForVolumes(pod) {
		return nil, passes
	}
	events, err := c.of(Ref{GVK: Event, Namespace: pod.GetNamespace()}).List(ctx, metav1.ListOptions{
		FieldSelector: "reason=" + FailedMount + ",involvedObject.uid=" + string(pod.GetUID()),
	})
	if err != nil {
		return nil, passes
	}
	var newest string
	var problem *podProblem
	for _, event := range events.Items {
		if at := seenAt(event.Object); at >= newest {
			message, _, _ := unstructured.NestedString(event.Object, "message")
			newest, problem = at, &podProblem{reason: FailedMount, message: message}
		}
	}
	if problem == nil {
		return nil, passes
	}
	for _, known := range mountGraces {
		if known.message.MatchString(problem.message) {
			return problem, known.grace
		}
	}
	return problem, passes
}

// seenAt is when an event was seen last, as text that sorts by time.
func seenAt(event map[string]any) string {
	last, _, _ := unstructured.NestedString(event, "lastTimestamp")
	first, _, _ := unstructured.NestedString(event, "eventTime")
	return cmp.Or(last, first)
}

// waitsForVolumes tells that a scheduled pod has no container yet: images are pulled only after the volumes are there.
func waitsForVolumes(pod *unstructured.Unstructured) bool {
	creating := false
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, s := range statuses {
			status, _ := s.(map[string]any)
			waiting, _, _ := unstructured.NestedString(status, "state", "waiting", "reason")
			switch waiting {
			case "ContainerCreating", "PodInitializing":
				creating = true
			default:
				return false
			}
		}
	}
	return creating
}
