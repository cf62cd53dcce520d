package deploy

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// replicasManager holds the number of replicas from the moment when this provider lets go of it until the autoscaler
// sets one of its own. Without it the field would be gone, and Kubernetes would scale to its default of one.
const replicasManager = "twelvefactor-replicas"

var replicasPath = []string{"spec", "replicas"}

// handOverReplicas keeps the live number of replicas where the declaration leaves it to an autoscaler.
func handOverReplicas(ctx context.Context, k *kube.Client, declared, live *unstructured.Unstructured) error {
	if _, ours, _ := unstructured.NestedInt64(declared.Object, replicasPath...); ours {
		return nil
	}
	count, there, _ := unstructured.NestedInt64(live.Object, replicasPath...)
	if !there || !ownsReplicas(live.GetManagedFields()) {
		return nil // the autoscaler has it already
	}
	held := bare(declared)
	held.Object["spec"] = map[string]any{"replicas": count}
	_, _, err := k.Apply(ctx, held, kube.ApplyOptions{Force: true, FieldManager: replicasManager})
	return err
}

// ownsReplicas tells whether this provider's manager has spec.replicas.
func ownsReplicas(fields []metav1.ManagedFieldsEntry) bool {
	for _, entry := range fields {
		if entry.Manager != kube.Manager || entry.FieldsV1 == nil {
			continue
		}
		var owned struct {
			Spec map[string]any `json:"f:spec"`
		}
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) != nil {
			return true // handing over what is not ours does no harm
		}
		if _, ours := owned.Spec["f:replicas"]; ours {
			return true
		}
	}
	return false
}

// seedReplicas is the number of pods that a new Deployment begins with: the autoscaler's minimum, which it would
// otherwise reach only with its next look.
func (s *serviceGKE) seedReplicas(deployment string) int64 {
	for name, p := range s.app.Processes {
		if names.Deployment(s.app.Name, name) == deployment {
			return int64(p.Scale.Min)
		}
	}
	return 1
}

// dropAutoscalers deletes the autoscalers of processes that have a fixed number of pods now, before that number is
// written: afterwards they would change it back.
func (s *serviceGKE) dropAutoscalers(ctx context.Context, k *kube.Client, objects []*unstructured.Unstructured) error {
	declared := map[string]bool{}
	for _, o := range objects {
		if o.GroupVersionKind() == kube.HorizontalPodAutoscaler {
			declared[o.GetName()] = true
		}
	}
	for name := range s.app.Processes {
		scaler := names.Deployment(s.app.Name, name)
		if declared[scaler] {
			continue
		}
		if err := s.deleteOwned(ctx, k, s.ref(kube.HorizontalPodAutoscaler, scaler)); err != nil {
			return err
		}
	}
	return nil
}

// deleteOwned deletes an object if it belongs to this service, and waits until it is gone.
func (s *serviceGKE) deleteOwned(ctx context.Context, k *kube.Client, ref kube.Ref) error {
	live, err := k.GetMetadata(ctx, ref)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !s.owns(live.GetLabels()) {
		return err
	}
	if err := k.Delete(ctx, ref, kube.DeleteOptions{Foreground: true, UID: live.GetUID()}); err != nil {
		return err
	}
	return k.WaitGone(ctx, ref)
}
