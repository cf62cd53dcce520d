package kube

import (
	"fmt"
	"math"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podProblem is why a pod is not ready, in Kubernetes' words.
type podProblem struct {
	reason, message string
	// container is the one at fault, pod the pod where that is not the one that was looked at.
	container, pod string
	// ended and exitCode tell how the container ended last.
	ended    string
	exitCode int64
	// refused tells that the cluster's autoscaler has said that no node comes.
	refused bool
}

const (
	// passes marks a problem that waiting may cure, however long: a node may still come.
	passes = time.Duration(math.MaxInt64)
	// refusedGrace outlives the moment in which a quota is being raised or a service account is being made.
	refusedGrace = 15 * time.Second
	// stuckPatience is how long no node may come for a pod after the autoscaler has said that none will. It tries other
	// zones meanwhile, and looks again every ten seconds.
	stuckPatience = 2 * time.Minute
	// readyPatience is how long a container that runs, and had the time that its startup check leaves it, may fail its
	// checks. An app that takes longer says so by a startup check.
	readyPatience = 3 * time.Minute
	// mountPatience outlasts the time that a new grant on a secret takes to be effective: two minutes as a rule, seven at
	// the most by Google's documentation, in which kubelets try again less and less often.
	mountPatience = 7 * time.Minute
	// lostPatience is for files that are not there: somebody may be about to mend it, no more.
	lostPatience = 20 * time.Second
	// hopelessRestarts is how many restarts a crashing container gets. A new node answers for its service account
	// late (googleapis/google-cloud-go#14349), so that the first start may fail for a reason that passes.
	hopelessRestarts = 2
	// hopelessEvictions is how many pods may be thrown out for what they use themselves.
	hopelessEvictions = 3
)

// Initializing is the reason of a pod whose init containers, sidecars among them, have not come so far that its
// containers start.
const Initializing = "Initializing"

const (
	crashLoop = "CrashLoopBackOff"
	pullLoop  = "ImagePullBackOff"
	evicted   = "Evicted"
	// creating is a problem only if events say so: a volume that cannot be mounted shows nowhere else.
	creating = "ContainerCreating"
)

// waitingGrace is how long a container may wait for a reason before the rollout counts as failed. What is not here
// passes (ContainerCreating, PodInitializing).
// Source: k8s.io/kubernetes pkg/kubelet/images/types.go and pkg/kubelet/container/sync_result.go.
var waitingGrace = map[string]time.Duration{
	"ErrImagePull":               30 * time.Second, // turns into ImagePullBackOff when it fails again
	pullLoop:                     5 * time.Second,
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
// problem, nor has one that ends: it was evicted or preempted, or its node goes, and another one takes its place.
func problemOf(pod *unstructured.Unstructured) (*podProblem, time.Duration) {
	if pod.GetDeletionTimestamp() != nil || isOver(pod) {
		return nil, passes
	}
	for _, condition := range conditions(pod.Object) {
		if condition["type"] == "PodScheduled" && condition["status"] == "False" {
			return &podProblem{reason: fmt.Sprint(condition["reason"]), message: fmt.Sprint(condition["message"])}, passes
		}
	}
	var deaf *podProblem
	patience := passes
	statuses := containerStatuses(pod)
	if noneMade(statuses) {
		return &podProblem{reason: creating, message: "its containers are being made"}, passes
	}
	for _, status := range statuses {
		if problem, grace := waitingProblem(pod, status); problem != nil {
			return problem, grace
		}
		if runsUnready(pod, status) { // the process itself, which comes last, before its sidecars
			deaf, patience = notReady(pod, status)
		}
	}
	if name := unstarted(statuses); deaf == nil && name != "" {
		return &podProblem{
			reason: Initializing, container: name, message: "container " + name + " has not ended, or as a sidecar not started, yet",
		}, passes
	}
	return deaf, patience
}

// unstarted is the first init container that the others wait for, empty when they do not wait.
func unstarted(statuses []map[string]any) string {
	waits := false
	for _, status := range statuses {
		reason, _ := waitingReason(status)
		waits = waits || reason == "PodInitializing"
	}
	for _, status := range statuses {
		started, _, _ := unstructured.NestedBool(status, "started")
		ended, exited, _ := unstructured.NestedMap(status, "state", "terminated")
		if waits && !started && (!exited || integer(ended, "exitCode") != 0) {
			return fmt.Sprint(status["name"])
		}
	}
	return ""
}

// noneMade tells that a pod has a node, and not one container yet.
func noneMade(statuses []map[string]any) bool {
	for _, status := range statuses {
		if reason, _ := waitingReason(status); reason != creating && reason != "PodInitializing" {
			return false
		}
	}
	return len(statuses) > 0
}

// isOver tells that all containers of a pod have ended for good.
func isOver(pod *unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	return phase == "Failed" || phase == "Succeeded"
}

// containerStatuses lists those of init containers, which sidecars are too, before the others.
func containerStatuses(pod *unstructured.Unstructured) []map[string]any {
	var all []map[string]any
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, s := range statuses {
			if status, ok := s.(map[string]any); ok {
				all = append(all, status)
			}
		}
	}
	return all
}

func waitingReason(status map[string]any) (reason, message string) {
	waiting, _, _ := unstructured.NestedStringMap(status, "state", "waiting")
	return waiting["reason"], waiting["message"]
}

func waitingProblem(pod *unstructured.Unstructured, status map[string]any) (*podProblem, time.Duration) {
	name, _, _ := unstructured.NestedString(status, "name")
	reason, message := waitingReason(status)
	if reason == crashLoop {
		return crash(status, name, containerSpec(pod, status) == nil)
	}
	if grace, known := waitingGrace[reason]; known {
		return &podProblem{reason: reason, message: "container " + name + ": " + message, container: name}, grace
	}
	return nil, passes
}

// runtimeEnds are the ends whose message comes from the container runtime: the command is not there.
// Source: k8s.io/cri-api and containerd, internal/cri/server: the reason of a container that could not be started.
var runtimeEnds = map[string]bool{"StartError": true, "ContainerCannotRun": true}

// crash tells how a container ended. What an app has written, its termination message included, stays in the cluster: it
// may be the environment, with the secrets in it. Init containers that end are this provider's own.
func crash(status map[string]any, name string, own bool) (*podProblem, time.Duration) {
	p := &podProblem{reason: crashLoop, container: name, exitCode: integer(status, "lastState", "terminated", "exitCode")}
	p.ended, _, _ = unstructured.NestedString(status, "lastState", "terminated", "reason")
	restarts := integer(status, "restartCount")
	p.message = fmt.Sprintf("container %s exited with status %d (%s), restarted %d times", name, p.exitCode, p.ended, restarts)
	if said, _, _ := unstructured.NestedString(status, "lastState", "terminated", "message"); said != "" && (own || runtimeEnds[p.ended]) {
		p.message += ": " + said
	}
	if restarts >= hopelessRestarts {
		return p, 0
	}
	return p, passes
}

// runsUnready tells that a container runs and is not ready. An init container that is not a sidecar is never ready
// while it runs.
func runsUnready(pod *unstructured.Unstructured, status map[string]any) bool {
	_, running, _ := unstructured.NestedMap(status, "state", "running")
	ready, _, _ := unstructured.NestedBool(status, "ready")
	spec := containerSpec(pod, status)
	return running && !ready && spec != nil
}

// containerSpec finds what a container is declared as, nil for an init container that runs to its end.
func containerSpec(pod *unstructured.Unstructured, status map[string]any) map[string]any {
	for _, field := range []string{"initContainers", "containers"} {
		all, _, _ := unstructured.NestedSlice(pod.Object, "spec", field)
		for _, c := range all {
			container, _ := c.(map[string]any)
			if container["name"] == status["name"] && (field == "containers" || container["restartPolicy"] == "Always") {
				return container
			}
		}
	}
	return nil
}

// notReady gives a container the whole of its startup check, and then some time for its readiness check.
func notReady(pod *unstructured.Unstructured, status map[string]any) (*podProblem, time.Duration) {
	name := fmt.Sprint(status["name"])
	spec := containerSpec(pod, status)
	reason, check, startup := NotReady, "readiness", time.Duration(0)
	if probe, declared, _ := unstructured.NestedMap(spec, "startupProbe"); declared {
		seconds := integer(probe, "initialDelaySeconds") + max(1, integer(probe, "periodSeconds"))*max(1, integer(probe, "failureThreshold"))
		startup = time.Duration(seconds) * time.Second
		if started, _, _ := unstructured.NestedBool(status, "started"); !started {
			check = "startup"
			if spec["restartPolicy"] == "Always" { // a sidecar, which the others wait for
				reason = Initializing
			}
		}
	}
	return &podProblem{
		reason: reason, container: name, message: fmt.Sprintf("container %s runs, and its %s check fails", name, check),
	}, startup + readyPatience
}

// inBackOff tells that a container waits for its next start, after failures that make the wait long.
func inBackOff(pod *unstructured.Unstructured) bool {
	for _, status := range containerStatuses(pod) {
		reason, _ := waitingReason(status)
		if reason == pullLoop || reason == crashLoop && integer(status, "restartCount") >= hopelessRestarts {
			return true
		}
	}
	return false
}

// ownUse is what a kubelet says of a pod that is evicted for what it uses itself.
// Source: k8s.io/kubernetes pkg/kubelet/eviction/eviction_manager.go.
var ownUse = regexp.MustCompile(`exceed(s|ed) (the|its) `)

// evictedForThemselves finds pods that are thrown out for what they use themselves, again and again. A node that is low
// on something, or goes, is not their fault.
func evictedForThemselves(pods []unstructured.Unstructured) *podProblem {
	times := 0
	var last *podProblem
	for _, pod := range pods {
		status, _, _ := unstructured.NestedMap(pod.Object, "status")
		if message := fmt.Sprint(status["message"]); isOver(&pod) && status["reason"] == evicted && ownUse.MatchString(message) {
			times++
			last = &podProblem{reason: evicted, message: message, pod: pod.GetName()}
		}
	}
	if times < hopelessEvictions {
		return nil
	}
	return last
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
