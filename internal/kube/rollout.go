package kube

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RolloutError tells why a Deployment's newest pods do not become available.
type RolloutError struct {
	Namespace, Deployment string
	// Pod is the pod that shows the reason, empty when the Deployment itself does.
	Pod string
	// Container is the pod's container that shows the reason, empty when the pod itself does.
	Container string
	// Reason is Kubernetes' own word: ImagePullBackOff, CrashLoopBackOff, Unschedulable …
	Reason, Message string
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

// revisionAnnotation numbers a Deployment's ReplicaSets; the newest has the Deployment's own number.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// notObserved is the reason as long as the Deployment controller has not looked at the newest template.
const notObserved = "NotObserved"

// RolledOut tells whether every replica of a Deployment is of its newest template and available; the RolloutError
// says what it lacks.
func RolledOut(d *unstructured.Unstructured) *RolloutError {
	lacks := func(reason, format string, args ...any) *RolloutError {
		return &RolloutError{Namespace: d.GetNamespace(), Deployment: d.GetName(), Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	status := func(field string) int64 { return integer(d.Object, "status", field) }
	want, declared, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if !declared {
		want = 1
	}
	for _, condition := range conditions(d.Object) {
		if condition["type"] == "Progressing" && condition["reason"] == "ProgressDeadlineExceeded" && status("observedGeneration") >= d.GetGeneration() {
			failed := lacks("ProgressDeadlineExceeded", "%v", condition["message"])
			failed.Hopeless = true
			return failed
		}
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

// WaitRollout waits until all of these Deployments are rolled out. It ends early with a RolloutError when the newest
// pods say themselves that they never will be.
func (c *Client) WaitRollout(ctx context.Context, namespace string, deployments []string) error {
	watcher := &rolloutWatcher{client: c, namespace: namespace, since: map[string]time.Time{}}
	return c.poll(ctx, "the rollout", func(ctx context.Context) (bool, error, error) {
		var missing *RolloutError
		for _, name := range deployments {
			lacks, err := watcher.look(ctx, name)
			switch {
			case err != nil:
				return false, nil, err
			case lacks != nil && lacks.Hopeless:
				return false, nil, lacks
			case lacks != nil && missing == nil:
				missing = lacks
			}
		}
		if missing == nil {
			return true, nil, nil
		}
		return false, missing, nil
	})
}

// rolloutWatcher remembers since when a pod has shown a reason, because most reasons pass.
type rolloutWatcher struct {
	client    *Client
	namespace string
	since     map[string]time.Time
}

func (w *rolloutWatcher) look(ctx context.Context, name string) (*RolloutError, error) {
	d, err := w.client.Get(ctx, Ref{Deployment, w.namespace, name})
	if apierrors.IsNotFound(err) {
		return &RolloutError{
			Namespace: w.namespace, Deployment: name, Reason: "Deleted", Message: "the Deployment is not there any more", Hopeless: true,
		}, nil
	}
	if err != nil {
		return nil, err
	}
	lacks := RolledOut(d)
	switch {
	case lacks == nil || lacks.Hopeless:
		return w.withPod(ctx, d, lacks)
	case lacks.Reason == notObserved:
		return lacks, nil // the newest pods that can be seen are those of the release before
	}
	if refused := w.refusedPods(d); refused != nil {
		return refused, nil
	}
	problem, err := w.podProblem(ctx, d)
	if err != nil || problem == nil {
		return lacks, err
	}
	return problem, nil
}

// withPod replaces the Deployment's general word for a failure by the reason that a pod shows.
func (w *rolloutWatcher) withPod(ctx context.Context, d *unstructured.Unstructured, failed *RolloutError) (*RolloutError, error) {
	if failed == nil {
		return nil, nil
	}
	problem, err := w.podProblem(ctx, d)
	if err != nil || problem == nil { // the failure is known; the pods would only say more about it
		return failed, nil
	}
	problem.Hopeless = true
	return problem, nil
}

// refusedPods tells that pods are not even made: admission or a quota refuses them.
func (w *rolloutWatcher) refusedPods(d *unstructured.Unstructured) *RolloutError {
	for _, condition := range conditions(d.Object) {
		if condition["type"] == "ReplicaFailure" && condition["status"] == "True" {
			return w.judge(d, "", podProblem{reason: fmt.Sprint(condition["reason"]), message: fmt.Sprint(condition["message"])}, refusedGrace)
		}
	}
	return nil
}

// podProblem looks at the pods of the newest ReplicaSet for the worst problem.
func (w *rolloutWatcher) podProblem(ctx context.Context, d *unstructured.Unstructured) (*RolloutError, error) {
	hash, err := w.newestTemplate(ctx, d)
	if err != nil || hash == "" {
		return nil, err
	}
	pods, err := w.client.List(ctx, Pod, w.namespace, "pod-template-hash="+hash)
	if err != nil {
		return nil, err
	}
	var worst *RolloutError
	for _, pod := range pods {
		if pod.GetDeletionTimestamp() != nil {
			continue
		}
		problem, grace := problemOf(&pod)
		if problem == nil {
			continue
		}
		if e := w.judge(d, pod.GetName(), *problem, grace); worst == nil || e.Hopeless && !worst.Hopeless {
			worst = e
		}
	}
	return worst, nil
}

func (w *rolloutWatcher) newestTemplate(ctx context.Context, d *unstructured.Unstructured) (hash string, err error) {
	labels, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
	sets, err := w.client.ListMetadata(ctx, ReplicaSet, w.namespace, metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels}))
	if err != nil {
		return "", err
	}
	for _, set := range sets {
		owner := metav1.GetControllerOfNoCopy(&set)
		if owner != nil && owner.UID == d.GetUID() && set.GetAnnotations()[revisionAnnotation] == d.GetAnnotations()[revisionAnnotation] {
			return set.GetLabels()["pod-template-hash"], nil
		}
	}
	return "", nil
}

// judge decides whether a problem has lasted too long to pass.
func (w *rolloutWatcher) judge(d *unstructured.Unstructured, pod string, p podProblem, grace time.Duration) *RolloutError {
	key := d.GetName() + "/" + pod + "/" + p.reason
	now := w.client.clock.Now()
	first, seen := w.since[key]
	if !seen {
		w.since[key], first = now, now
	}
	return &RolloutError{
		Namespace: w.namespace, Deployment: d.GetName(), Pod: pod, Container: p.container, Reason: p.reason, Message: p.message,
		Hopeless: grace != passes && now.Sub(first) >= grace,
	}
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
