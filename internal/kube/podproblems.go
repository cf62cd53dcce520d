package kube

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podProblem is why a pod is not ready, in Kubernetes' words.
type podProblem struct{ reason, message string }

const (
	// passes marks a problem that waiting may cure, however long: a node may still come.
	passes = time.Duration(math.MaxInt64)
	// refusedGrace outlives the moment in which a quota is being raised or a service account is being made.
	refusedGrace = 15 * time.Second
	// hopelessRestarts is how many restarts a crashing container gets. A new node answers for its service account
	// late (googleapis/google-cloud-go#14349), so that the first start may fail for a reason that passes.
	hopelessRestarts = 2
)

// waitingGrace is how long a container may wait for a reason before the rollout counts as failed. What is not here
// passes (ContainerCreating, PodInitializing).
// Source: k8s.io/kubernetes pkg/kubelet/images/types.go and pkg/kubelet/container/sync_result.go.
var waitingGrace = map[string]time.Duration{
	"ErrImagePull":               30 * time.Second, // turns into ImagePullBackOff when it fails again
	"ImagePullBackOff":           5 * time.Second,
	"InvalidImageName":           0,
	"ErrImageNeverPull":          0,
	"ImageInspectError":          30 * time.Second,
	"RegistryUnavailable":        time.Minute,
	"CreateContainerConfigError": 10 * time.Second, // a Secret that the kubelet has not seen yet passes
	"CreateContainerError":       30 * time.Second,
	"RunContainerError":          30 * time.Second,
	"PreCreateHookError":         30 * time.Second,
	"PostStartHookError":         30 * time.Second,
}

// problemOf finds what keeps a pod from being ready, and how long that may last. A pod that is only starting has no
// problem.
func problemOf(pod *unstructured.Unstructured) (*podProblem, time.Duration) {
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, s := range statuses {
			status, _ := s.(map[string]any)
			if problem, grace := containerProblem(status); problem != nil {
				return problem, grace
			}
		}
	}
	for _, condition := range conditions(pod.Object) {
		switch {
		case condition["type"] == "PodScheduled" && condition["status"] == "False":
			return &podProblem{fmt.Sprint(condition["reason"]), fmt.Sprint(condition["message"])}, passes
		case condition["type"] == "Ready" && condition["status"] == "False" && condition["reason"] == "ContainersNotReady":
			return &podProblem{"NotReady", "the containers run, or start, and are not ready"}, passes
		}
	}
	return nil, passes
}

func containerProblem(status map[string]any) (*podProblem, time.Duration) {
	name, _, _ := unstructured.NestedString(status, "name")
	waiting, _, _ := unstructured.NestedStringMap(status, "state", "waiting")
	reason := waiting["reason"]
	if reason == "CrashLoopBackOff" {
		message := fmt.Sprintf("container %s exited with status %d, restarted %d times", name,
			integer(status, "lastState", "terminated", "exitCode"), integer(status, "restartCount"))
		if integer(status, "restartCount") >= hopelessRestarts {
			return &podProblem{reason, message}, 0
		}
		return &podProblem{reason, message}, passes
	}
	if grace, known := waitingGrace[reason]; known {
		return &podProblem{reason, "container " + name + ": " + waiting["message"]}, grace
	}
	return nil, passes
}

func conditions(obj map[string]any) []map[string]any {
	list, _, _ := unstructured.NestedSlice(obj, "status", "conditions")
	var all []map[string]any
	for _, c := range list {
		if condition, ok := c.(map[string]any); ok {
			all = append(all, condition)
		}
	}
	return all
}

// integer reads a number, zero when it is not there.
func integer(obj map[string]any, path ...string) int64 {
	n, _, _ := unstructured.NestedInt64(obj, path...)
	return n
}
