package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RolloutError tells why a Deployment's newest pods do not become available.
type RolloutError struct {
	Namespace, Deployment string
	// Pod is the pod that shows the reason, empty when the Deployment itself does.
	Pod string
	// Container is the one at fault, empty when none in particular is.
	Container string
	// Reason is Kubernetes' own word: ImagePullBackOff, CrashLoopBackOff, Unschedulable …
	Reason, Message string
	// Ended is why the container ended last, in Kubernetes' words (Error, OOMKilled, Completed), and ExitCode with which
	// status. Ended is empty when it did not.
	Ended    string
	ExitCode int64
	// Hopeless says that waiting longer would not help.
	Hopeless bool
}

// Error names the Deployment, the pod and the reason.
func (e *RolloutError) Error() string {
	where := fmt.Sprintf("deployment %s/%s", e.Namespace, e.Deployment)
	if e.Pod != "" {
		where += ", pod " + e.Pod
	}
	if e.Message == "" {
		return where + ": " + e.Reason
	}
	return where + ": " + e.Reason + ": " + e.Message
}

// The reasons of a RolloutError that are not Kubernetes' own.
const (
	// notObserved is the reason as long as the Deployment controller has not looked at the newest template.
	notObserved = "NotObserved"
	// NotReady is the reason of a pod whose containers run and fail their checks.
	NotReady = "NotReady"
)

// ProgressDeadlineExceeded is Kubernetes' own verdict on a rollout that makes no progress.
const ProgressDeadlineExceeded = "ProgressDeadlineExceeded"

// RolledOut tells whether every replica of a Deployment is of its newest template and available; the RolloutError
// says what it lacks.
func RolledOut(d *unstructured.Unstructured) *RolloutError {
	if failed, _ := overdue(d); failed != nil {
		return failed
	}
	return lacking(d)
}

// overdue is Kubernetes' verdict that the rollout takes too long, and when it was given, in the server's words.
func overdue(d *unstructured.Unstructured) (failed *RolloutError, at string) {
	for _, condition := range conditions(d.Object) {
		seen := integer(d.Object, "status", "observedGeneration") >= d.GetGeneration()
		if condition["type"] == "Progressing" && condition["reason"] == ProgressDeadlineExceeded && seen {
			return &RolloutError{
				Namespace: d.GetNamespace(), Deployment: d.GetName(), Reason: ProgressDeadlineExceeded, Hopeless: true,
				Message: fmt.Sprint(condition["message"]),
			}, fmt.Sprint(condition["lastUpdateTime"])
		}
	}
	return nil, ""
}

// lacking compares the numbers of pods.
func lacking(d *unstructured.Unstructured) *RolloutError {
	lacks := func(reason, format string, args ...any) *RolloutError {
		return &RolloutError{Namespace: d.GetNamespace(), Deployment: d.GetName(), Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	status := func(field string) int64 { return integer(d.Object, "status", field) }
	want, declared, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if !declared {
		want = 1
	}
	switch {
	case status("observedGeneration") < d.GetGeneration():
		return lacks(notObserved, "Kubernetes has not looked at the change yet")
	case status("updatedReplicas") < want:
		return lacks("Updating", "%d of %d pods are of the new release", status("updatedReplicas"), want)
	case status("replicas") > status("updatedReplicas"):
		return lacks("Terminating", "%d pods of the old release are still there", status("replicas")-status("updatedReplicas"))
	case status("availableReplicas") < status("updatedReplicas"):
		return lacks("NotAvailable", "%d of %d pods are available", status("availableReplicas"), status("updatedReplicas"))
	}
	return nil
}

// Serving tells whether the newest template of a Deployment has replaced the ones before and at least one of its pods
// is available. Unlike RolledOut it is true while pods are added, moved or replaced.
func Serving(d *unstructured.Unstructured) bool {
	want, declared, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if declared && want == 0 {
		return true
	}
	status := func(field string) int64 { return integer(d.Object, "status", field) }
	lacks := RolledOut(d)
	switch {
	case lacks == nil:
		return true
	case lacks.Hopeless, status("observedGeneration") < d.GetGeneration():
		return false
	}
	return status("availableReplicas") > 0 && status("replicas") <= status("updatedReplicas")
}

// Rolling tells that another template is on its way, or has failed.
func Rolling(d *unstructured.Unstructured) bool {
	status := func(field string) int64 { return integer(d.Object, "status", field) }
	failed, _ := overdue(d)
	return failed != nil || status("observedGeneration") < d.GetGeneration() || status("replicas") > status("updatedReplicas")
}
