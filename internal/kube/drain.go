package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// drainWidth is how many requests a drain has in flight.
const drainWidth = 10

// DrainError tells what a drain that has ended too early left on the nodes.
type DrainError struct {
	// NodePool is the pool's name.
	NodePool string
	// Pods are those that are left, sorted.
	Pods []HeldPod
	// Waiting are pods of the same namespaces that no node takes, with the scheduler's words: as long as a replacement
	// waits, a budget lets no other pod go.
	Waiting []HeldPod
}

// HeldPod is a pod with the reason why it is where it is.
type HeldPod struct {
	Namespace, Name string
	// Why is in Kubernetes' own words: the budget and its numbers, or what keeps a deletion from ending.
	Why string
}

// String is namespace/name (reason).
func (p HeldPod) String() string { return p.Namespace + "/" + p.Name + " (" + p.Why + ")" }

const maxListed = 10

// Error names the pods.
func (e *DrainError) Error() string {
	text := fmt.Sprintf("still on node pool %s: %s", e.NodePool, listed(e.Pods))
	if len(e.Waiting) > 0 {
		text += "; waiting for a node: " + listed(e.Waiting)
	}
	return text
}

func listed(pods []HeldPod) string {
	var texts []string
	for _, pod := range pods[:min(len(pods), maxListed)] {
		texts = append(texts, pod.String())
	}
	if more := len(pods) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, ", ")
}

// Drain closes the nodes of a pool to new pods and moves their pods away through the Eviction API, which keeps to
// disruption budgets: what a budget does not let go is tried again. It returns when the pods are gone, those included
// that were already ending; pods of DaemonSets, mirror pods and finished pods stay. Failures that pass are waited out
// until ctx ends; then the error holds a DrainError.
func (c *Client) Drain(ctx context.Context, pool string) error {
	d := &drain{client: c, left: DrainError{NodePool: pool}}
	for attempt, before := 0, 0; ; attempt++ {
		empty, err := d.round(ctx)
		if err == nil && empty {
			return nil
		}
		if err != nil && !IsTransient(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
			return err
		}
		if len(d.left.Pods) < before {
			attempt = 0 // a budget lets one pod go after the other: the next may be as quick
		}
		before = len(d.left.Pods)
		if cause := c.clock.Sleep(ctx, c.pause(attempt)); cause != nil {
			return fmt.Errorf("waiting for the pods to leave node pool %s: %w", pool, ended(cause, d.progress(err)))
		}
	}
}

// drain is one Drain in progress. What it knows it has read: a new one goes on where the one before was stopped.
type drain struct {
	client *Client
	left   DrainError
}

// progress is what the drain was waiting for when it was stopped.
func (d *drain) progress(err error) error {
	if len(d.left.Pods) > 0 {
		left := d.left
		return &left
	}
	return err
}

// round closes nodes that have come meanwhile, asks every pod to go, and notes those that are left. The pool is empty
// when all its nodes were closed before and no pod was found then: the scheduler may be about to put one on an open node.
func (d *drain) round(ctx context.Context) (empty bool, err error) {
	nodes, err := d.client.PoolNodes(ctx, d.left.NodePool)
	if err != nil {
		return false, err
	}
	closed, err := d.client.cordon(ctx, nodes)
	if err != nil {
		return false, err
	}
	pods, err := d.pods(ctx, nodes)
	if err != nil {
		return false, err
	}
	held, hopeless := make([]HeldPod, len(pods)), make([]error, len(pods))
	d.each(len(pods), func(i int) {
		var why string
		if why, hopeless[i] = d.client.evict(ctx, &pods[i]); why != "" {
			held[i] = HeldPod{pods[i].Namespace, pods[i].Name, why}
		}
	})
	if ctx.Err() != nil {
		return false, context.Cause(ctx) // reasons that the end of the wait made say nothing
	}
	d.left.Pods = slices.DeleteFunc(held, func(p HeldPod) bool { return p.Name == "" })
	d.left.Waiting = d.client.waitingBeside(ctx, d.left.Pods)
	return closed == 0 && len(pods) == 0, errors.Join(hopeless...)
}

// each calls f with 0 to n-1, a few at a time.
func (*drain) each(n int, f func(int)) {
	var group errgroup.Group
	group.SetLimit(drainWidth)
	for i := range n {
		group.Go(func() error { f(i); return nil })
	}
	_ = group.Wait()
}

// pods lists the pods that have to leave the nodes, sorted by namespace and name.
func (d *drain) pods(ctx context.Context, nodes []PoolNode) ([]metav1.PartialObjectMetadata, error) {
	found, errs := make([][]metav1.PartialObjectMetadata, len(nodes)), make([]error, len(nodes))
	d.each(len(nodes), func(i int) {
		unfinished := "spec.nodeName=" + nodes[i].Name + ",status.phase!=Succeeded,status.phase!=Failed"
		found[i], errs[i] = d.client.podsWhere(ctx, unfinished)
	})
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	pods := slices.DeleteFunc(slices.Concat(found...), func(pod metav1.PartialObjectMetadata) bool { return !leaves(&pod) })
	slices.SortFunc(pods, func(a, b metav1.PartialObjectMetadata) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return pods, nil
}

// annotationMirror marks what the kubelet shows of pods that are files on its node; they end with the node.
const annotationMirror = "kubernetes.io/config.mirror"

// leaves tells whether a pod is to be moved. A DaemonSet's controller, Kubernetes' own or another project's of that kind,
// would put it right back on the closed node.
func leaves(pod *metav1.PartialObjectMetadata) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	_, mirror := pod.Annotations[annotationMirror]
	return !mirror && (owner == nil || owner.Kind != "DaemonSet")
}

// podsWhere reads the metadata of the pods in all namespaces that a field selector matches.
func (c *Client) podsWhere(ctx context.Context, fields string) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	err := c.pages(ctx, resourceOf(Pod), "", func(ctx context.Context, o metav1.ListOptions) (string, error) {
		o.FieldSelector = fields
		page, err := c.metadataOf(Pod, "").List(ctx, o)
		if err != nil {
			return "", err
		}
		all = append(all, page.Items...)
		return page.GetContinue(), nil
	})
	return all, err
}
