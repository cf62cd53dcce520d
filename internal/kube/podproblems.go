package kube

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podProblem is why a pod is not ready, in Kubernetes' words. container is empty when it is not about one of them.
type podProblem struct{ reason, message, container string }

// Initializing is the reason of a pod whose init containers, sidecars among them, have not come so far that its
// containers start. It passes.
const Initializing = "Initializing"

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
			return &podProblem{reason: fmt.Sprint(condition["reason"]), message: fmt.Sprint(condition["message"])}, passes
		case condition["type"] == "Initialized" && condition["status"] == "False":
			name := unstarted(pod)
			return &podProblem{Initializing, "container " + name + " has not ended, or as a sidecar not started, yet", name}, passes
		case condition["type"] == "Ready" && condition["status"] == "False" && condition["reason"] == "ContainersNotReady":
			return notReady(pod), passes
		}
	}
	return nil, passes
}

// unstarted is the first init container that the others wait for.
func unstarted(pod *unstructured.Unstructured) string {
	statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", "initContainerStatuses")
	for _, s := range statuses {
		status, _ := s.(map[string]any)
		name, _, _ := unstructured.NestedString(status, "name")
		started, _, _ := unstructured.NestedBool(status, "started")
		ended, exited, _ := unstructured.NestedMap(status, "state", "terminated")
		if !started && (!exited || integer(ended, "exitCode") != 0) {
			return name
		}
	}
	return ""
}

// notReady names a sidecar that is not ready while the rest of the pod is: its check keeps requests away as well.
func notReady(pod *unstructured.Unstructured) *podProblem {
	problem := &podProblem{reason: "NotReady", message: "the containers run, or start, and are not ready"}
	for _, field := range []string{"containerStatuses", "initContainerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, s := range statuses {
			status, _ := s.(map[string]any)
			if ready, _, _ := unstructured.NestedBool(status, "ready"); !ready {
				problem.container, _, _ = unstructured.NestedString(status, "name")
				problem.message = "container " + problem.container + " runs, or starts, and is not ready"
				return problem
			}
		}
	}
	return problem
}

func containerProblem(status map[string]any) (*podProblem, time.Duration) {
	name, _, _ := unstructured.NestedString(status, "name")
	waiting, _, _ := unstructured.NestedStringMap(status, "state", "waiting")
	reason := waiting["reason"]
	if reason == "CrashLoopBackOff" {
		message := fmt.Sprintf("container %s exited with status %d, restarted %d times", name,
			integer(status, "lastState", "terminated", "exitCode"), integer(status, "restartCount"))
		if said, _, _ := unstructured.NestedString(status, "lastState", "terminated", "message"); said != "" {
			message += ": " + said
		}
		if integer(status, "restartCount") >= hopelessRestarts {
			return &podProblem{reason, message, name}, 0
		}
		return &podProblem{reason, message, name}, passes
	}
	if grace, known := waitingGrace[reason]; known {
		return &podProblem{reason, "container " + name + ": " + waiting["message"], name}, grace
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
