package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// preemptionGrace is what GKE leaves pods of a machine that Compute Engine takes away.
	// Source: cloud.google.com/kubernetes-engine/docs/concepts/spot-vms, "Termination and graceful shutdown".
	preemptionGrace = 25 * time.Second
	// refillDelay is from the end of a preempted node to the try to make another one.
	refillDelay = time.Second
	// drainTimeout bounds the wait for pods of a node that leaves in order; GKE waits an hour.
	drainTimeout = time.Minute
	departPoll   = 50 * time.Millisecond
)

// isSystemTaint says whether Kubernetes or GKE itself put a taint on a node.
func isSystemTaint(t corev1.Taint) bool {
	return strings.HasPrefix(t.Key, "node.kubernetes.io/") || t.MatchTaint(&taintTermination)
}

// drain sends nodes away in order: cordoned, their pods deleted with their own grace, then removed. It does not wait.
func (n *nodeController) drain(ctx context.Context, nodes []*corev1.Node) {
	for _, node := range nodes {
		if !n.leave(node.Name) {
			continue
		}
		n.depart(node.Name, func() error {
			cordon := map[string]any{
				"metadata": map[string]any{"annotations": map[string]string{annotationDrained: "true"}},
				"spec":     map[string]any{"unschedulable": true},
			}
			if err := n.patch(ctx, node.Name, cordon); err != nil {
				return err
			}
			if err := n.deletePods(ctx, node.Name, nil); err != nil {
				return err
			}
			return n.removeEmpty(ctx, node.Name, drainTimeout)
		})
	}
}

// preempt takes the nodes that are picked away at once and returns when none of their pods is ready; the rest happens behind.
func (n *nodeController) preempt(ctx context.Context, p Preemption) error {
	picked := p.pick(n.live())
	if err := p.missing(picked); err != nil {
		return err
	}
	for _, node := range picked {
		name := node.Labels[labelNodePool]
		if !n.leave(node.Name) {
			continue
		}
		n.inventory.hold(name, time.Now().Add(preemptionGrace+refillDelay))
		if err := n.shutDown(ctx, node); err != nil {
			n.stay(node.Name)
			return fmt.Errorf("preempt node %s: %w", node.Name, err)
		}
		n.depart(node.Name, func() error {
			// The caller's context ends with its request, the departure with the controller.
			err := n.removeEmpty(context.WithoutCancel(ctx), node.Name, preemptionGrace)
			n.inventory.hold(name, time.Now().Add(refillDelay))
			return err
		})
	}
	return nil
}

// shutDown is what the kubelet does at the notice: no new pods, not ready, pods told to end.
func (n *nodeController) shutDown(ctx context.Context, node *corev1.Node) error {
	taints := append(slices.Clone(node.Spec.Taints), taintTermination)
	err := n.patch(ctx, node.Name, map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{annotationPreempted: "true"}},
		"spec":     map[string]any{"taints": taints, "unschedulable": true},
	})
	if err != nil {
		return err
	}
	now := metav1.Now()
	notReady := corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady",
		Message: "node is shutting down", LastHeartbeatTime: now, LastTransitionTime: now,
	}
	err = n.patch(ctx, node.Name, map[string]any{"status": map[string]any{"conditions": []corev1.NodeCondition{notReady}}}, "status")
	if err != nil {
		return err
	}
	grace := int64(preemptionGrace / time.Second)
	return n.deletePods(ctx, node.Name, &grace)
}

// deletePods deletes the pods of a node, with at most the grace if there is one.
func (n *nodeController) deletePods(ctx context.Context, node string, grace *int64) error {
	for _, pod := range n.podsOn(node) {
		options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}}
		if own := pod.Spec.TerminationGracePeriodSeconds; grace != nil && (own == nil || *own > *grace) {
			options.GracePeriodSeconds = grace
		}
		err := n.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("delete pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}

func (n *nodeController) podsOn(node string) []*corev1.Pod {
	return slices.DeleteFunc(n.watch.allPods(), func(pod *corev1.Pod) bool { return pod.Spec.NodeName != node })
}

// removeEmpty removes a node once its pods have ended, or after the timeout.
func (n *nodeController) removeEmpty(ctx context.Context, node string, timeout time.Duration) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(departPoll)
	defer tick.Stop()
	for len(n.podsOn(node)) > 0 {
		select {
		case <-n.stopped:
			return nil
		case <-tick.C:
			continue
		case <-deadline.C:
		}
		break
	}
	err := n.client.CoreV1().Nodes().Delete(ctx, node, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// depart runs a node's departure in the background.
func (n *nodeController) depart(node string, departure func() error) {
	n.leavers.Go(func() {
		if err := departure(); err != nil {
			n.log.Warn("a node does not go", "cluster", n.cluster, "node", node, "error", err)
		}
		n.stay(node)
		n.wake()
	})
}

// leave marks a node as going; false when it is going already.
func (n *nodeController) leave(node string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leaving[node] {
		return false
	}
	n.leaving[node] = true
	delete(n.born, node)
	return true
}

func (n *nodeController) stay(node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.leaving, node)
}

func (n *nodeController) patch(ctx context.Context, node string, change map[string]any, subresources ...string) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = n.client.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, body, metav1.PatchOptions{}, subresources...)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
