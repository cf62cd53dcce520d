package kube

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// awayPatience is how long the API server may be away in the middle of a rollout: GKE restarts or moves a zonal
	// control plane within that time. The rollout itself goes on meanwhile.
	awayPatience = 5 * time.Minute
	// verdictPatience is how long a verdict may stand that was given before this rollout was waited for.
	verdictPatience = time.Minute
)

// WaitRollout waits until all of these Deployments are rolled out. It ends early with a RolloutError when the newest
// pods say themselves that they never will be. Pods of the release before are of no interest.
func (c *Client) WaitRollout(ctx context.Context, namespace string, deployments []string) error {
	watcher := &rolloutWatcher{
		client: c, namespace: namespace, since: map[string]time.Time{}, looked: map[string]bool{}, verdicts: map[string]string{},
	}
	var away time.Time
	var last error // what was found before the API server went away, or the time was up
	return c.poll(ctx, "the rollout", func(ctx context.Context) (bool, error, error) {
		missing, err := watcher.lookAll(ctx, deployments)
		switch now := c.clock.Now(); {
		case err == nil:
			away = time.Time{}
		case !IsTransient(err) || !away.IsZero() && now.Sub(away) >= awayPatience:
			return false, nil, err
		default:
			if away.IsZero() {
				away = now
			}
			if ctx.Err() != nil {
				return false, last, nil
			}
			return false, err, nil
		}
		switch {
		case missing == nil:
			return true, nil, nil
		case missing.Hopeless:
			return false, nil, missing
		default:
			last = missing
			return false, missing, nil
		}
	})
}

// rolloutWatcher remembers since when a pod has shown a reason, because most reasons pass.
type rolloutWatcher struct {
	client    *Client
	namespace string
	since     map[string]time.Time
	// looked holds the Deployments that were seen with their newest template, verdicts when Kubernetes gave up on them
	// before that: a release that is tried again must not fail for the attempt before.
	looked   map[string]bool
	verdicts map[string]string
	shown    map[string]bool // keys of since that the current look has found
}

// lookAll gives what the first Deployment lacks, or the first that is hopeless.
func (w *rolloutWatcher) lookAll(ctx context.Context, deployments []string) (*RolloutError, error) {
	var missing *RolloutError
	w.shown = map[string]bool{}
	for _, name := range deployments {
		lacks, err := w.look(ctx, name)
		if err != nil {
			return nil, err
		}
		if lacks != nil && lacks.Hopeless {
			return lacks, nil
		}
		if missing == nil {
			missing = lacks
		}
	}
	maps.DeleteFunc(w.since, func(key string, _ time.Time) bool { return !w.shown[key] }) // it has passed
	return missing, nil
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
	lacks := lacking(d)
	if lacks == nil || lacks.Reason == notObserved {
		return lacks, nil // not observed: the newest pods that can be seen are those of the release before
	}
	set, err := w.newestSet(ctx, d)
	if err != nil {
		return nil, err
	}
	if refused := w.refusedPods(d, set); refused != nil {
		return refused, nil
	}
	verdict, again := w.verdict(d)
	problem, err := w.podProblem(ctx, d, set, again)
	switch {
	case err != nil:
		return nil, err
	case problem != nil:
		problem.Hopeless = problem.Hopeless || verdict != nil
		return problem, nil
	case verdict != nil:
		return verdict, nil
	case again:
		return w.judge(d, "", podProblem{reason: ProgressDeadlineExceeded, message: lacks.Message}, verdictPatience), nil
	default:
		return lacks, nil
	}
}

// verdict is Kubernetes' own, if it was given since this rollout is waited for; again tells that an earlier one still
// stands, and that this look is not the first.
func (w *rolloutWatcher) verdict(d *unstructured.Unstructured) (failed *RolloutError, again bool) {
	failed, at := overdue(d)
	if !w.looked[d.GetName()] {
		w.verdicts[d.GetName()] = at
	}
	if failed != nil && at == w.verdicts[d.GetName()] {
		return nil, true
	}
	return failed, false
}

// refusedPods tells that pods of the newest template are not even made: admission or a quota refuses them. The
// Deployment's own condition may be about pods of the release before.
func (w *rolloutWatcher) refusedPods(d, set *unstructured.Unstructured) *RolloutError {
	from, kind := d, "Progressing"
	if set != nil {
		from, kind = set, "ReplicaFailure"
	}
	for _, condition := range conditions(from.Object) {
		reason := fmt.Sprint(condition["reason"])
		failed := condition["status"] == "True"
		if kind == "Progressing" {
			failed = condition["status"] == "False" && strings.HasSuffix(reason, "CreateError") // ReplicaSetCreateError
		}
		if condition["type"] == kind && failed {
			return w.judge(d, "", podProblem{reason: reason, message: fmt.Sprint(condition["message"])}, refusedGrace)
		}
	}
	return nil
}

// podProblem looks at the pods of the newest ReplicaSet for the worst problem. again tells that Kubernetes has given up
// on them before, so that even what may pass gets a limit.
func (w *rolloutWatcher) podProblem(ctx context.Context, d, set *unstructured.Unstructured, again bool) (*RolloutError, error) {
	if set == nil {
		return nil, nil // somebody has written the Deployment between the two looks
	}
	hash := set.GetLabels()["pod-template-hash"]
	if hash == "" {
		return nil, nil
	}
	pods, err := w.client.List(ctx, Pod, w.namespace, "pod-template-hash="+hash)
	if err != nil {
		return nil, err
	}
	if !w.looked[d.GetName()] {
		w.looked[d.GetName()] = true
		return nil, w.client.startAgain(ctx, pods)
	}
	if p := evictedForThemselves(pods); p != nil {
		return w.judge(d, p.pod, *p, 0), nil
	}
	var worst *RolloutError
	events := &podEvents{client: w.client, namespace: w.namespace}
	for _, pod := range pods {
		problem, grace := problemOf(&pod)
		if problem == nil {
			continue
		}
		events.explain(ctx, &pod, problem, &grace)
		if again {
			grace = min(grace, stuckPatience)
		}
		if e := w.judge(d, pod.GetName(), *problem, grace); worst == nil || e.Hopeless && !worst.Hopeless {
			worst = e
		}
	}
	return worst, nil
}

// startAgain deletes the pods that wait in a back-off from before this rollout: whatever was wrong may have been mended
// outside (the image is there by now), and a back-off of up to five minutes would hide that. They serve nothing.
func (c *Client) startAgain(ctx context.Context, pods []unstructured.Unstructured) error {
	for _, pod := range pods {
		if pod.GetDeletionTimestamp() != nil || !inBackOff(&pod) {
			continue
		}
		err := c.Delete(ctx, Ref{Pod, pod.GetNamespace(), pod.GetName()}, DeleteOptions{UID: pod.GetUID()})
		if err != nil && !apierrors.IsForbidden(err) {
			return err
		}
	}
	return nil
}

// newestSet is the ReplicaSet of the newest template, nil before there is one.
func (w *rolloutWatcher) newestSet(ctx context.Context, d *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	labels, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
	sets, err := w.client.List(ctx, ReplicaSet, w.namespace, metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels}))
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		owner := metav1.GetControllerOfNoCopy(&set)
		if owner != nil && owner.UID == d.GetUID() && set.GetAnnotations()[revisionAnnotation] == d.GetAnnotations()[revisionAnnotation] {
			return &set, nil
		}
	}
	return nil, nil
}

// revisionAnnotation numbers a Deployment's ReplicaSets; the newest has the Deployment's own number.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// judge decides whether a problem has lasted too long to pass.
func (w *rolloutWatcher) judge(d *unstructured.Unstructured, pod string, p podProblem, grace time.Duration) *RolloutError {
	key := strings.Join([]string{d.GetName(), pod, p.reason, p.container, fmt.Sprint(p.refused)}, "/")
	now := w.client.clock.Now()
	first, seen := w.since[key]
	if !seen {
		w.since[key], first = now, now
	}
	w.shown[key] = true
	return &RolloutError{
		Namespace: w.namespace, Deployment: d.GetName(), Pod: pod, Container: p.container, Reason: p.reason, Message: p.message,
		Ended: p.ended, ExitCode: p.exitCode, Hopeless: grace != passes && now.Sub(first) >= grace,
	}
}
