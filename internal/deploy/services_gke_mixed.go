package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	// deletionCost ranks the pods of a ReplicaSet that is made smaller: those with less go first.
	// Source: Kubernetes, "ReplicaSet", Pod deletion cost.
	deletionCost = "controller.kubernetes.io/pod-deletion-cost"
	onDemandCost = "1000"
	// capacityManager writes it: a manager of its own, because the pods are the ReplicaSet's.
	capacityManager = "twelvefactor-capacity"
)

// keepOnDemand has the pods on on-demand nodes outlive the others of their ReplicaSet. The scheduler spreads the pods of
// a mixed service over both kinds of nodes; which ones go when there are fewer, in a rollout or by the autoscaler, is not
// its business, and what is left on Spot nodes alone would go with them. A caller who may not look at nodes or change
// pods has the spread alone. It gives the processes that have several pods and none on an on-demand node.
func (s *serviceGKE) keepOnDemand(ctx context.Context, k *kube.Client) (spotOnly []string, err error) {
	if s.app.GKE.Capacity != app.Mixed {
		return nil, nil
	}
	nodes, err := k.ListMetadata(ctx, kube.Node, "", names.KubeCapacity+"="+string(app.OnDemand))
	if err != nil {
		return nil, ignoreForbidden(err)
	}
	onDemand := map[string]bool{}
	for _, node := range nodes {
		onDemand[node.GetName()] = true
	}
	for _, process := range slices.Sorted(maps.Keys(s.app.Processes)) {
		selector := map[string]string{names.KubeService: s.app.Name, names.KubeProcess: process}
		pods, err := k.List(ctx, kube.Pod, s.id.Namespace, metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: selector}))
		if err != nil {
			return nil, ignoreForbidden(err)
		}
		kept := 0
		for _, pod := range pods {
			node, _, _ := unstructured.NestedString(pod.Object, "spec", "nodeName")
			if !onDemand[node] || pod.GetDeletionTimestamp() != nil {
				continue
			}
			kept++
			if err := keepPod(ctx, k, &pod); err != nil {
				return nil, err
			}
		}
		if kept == 0 && s.app.Processes[process].Scale.Min > 1 {
			spotOnly = append(spotOnly, process)
		}
	}
	return spotOnly, nil
}

// keepPod marks a pod, unless it has gone meanwhile.
func keepPod(ctx context.Context, k *kube.Client, pod *unstructured.Unstructured) error {
	if pod.GetAnnotations()[deletionCost] != "" {
		return nil
	}
	mark := &unstructured.Unstructured{Object: map[string]any{}}
	mark.SetGroupVersionKind(kube.Pod)
	mark.SetNamespace(pod.GetNamespace())
	mark.SetName(pod.GetName())
	mark.SetUID(pod.GetUID())
	mark.SetAnnotations(map[string]string{deletionCost: onDemandCost})
	_, _, err := k.Apply(ctx, mark, kube.ApplyOptions{FieldManager: capacityManager})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil
	}
	return ignoreForbidden(err)
}

func ignoreForbidden(err error) error {
	if apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// serviceSpotOnly warns of a mixed service that is not mixed.
func serviceSpotOnly(a app.App, processes []string) []Notice {
	var notices []Notice
	for _, process := range processes {
		notices = append(notices, Notice{
			Summary: fmt.Sprintf("All pods of process %q of service %q are on Spot nodes", process, a.Name),
			Detail: "gke.capacity is \"mixed\", but there was no on-demand node for its pods, so a preemption of all Spot nodes would take all of them. " +
				"Give a node pool with capacity = \"on_demand\" a min_nodes of 1 or more, and apply a new release.",
		})
	}
	return notices
}
