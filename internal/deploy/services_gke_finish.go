package deploy

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// serviceKinds are the kinds that a service is made of, in the order of their deletion. What holds content comes last:
// pods that end may still need it.
var serviceKinds = []kindOf{
	kube.HorizontalPodAutoscaler, kube.PodDisruptionBudget, kube.Service, kube.Deployment,
	kube.ConfigMap, kube.Secret, kube.SecretProviderClass, kube.ServiceAccount,
}

// serviceContent are the kinds that are named by their content. What a release that can be rolled back to refers to
// is kept.
var serviceContent = map[kindOf]bool{kube.ConfigMap: true, kube.Secret: true, kube.SecretProviderClass: true}

// finish deletes what the declared release does not have, takes back the grants that it does not need, and removes the
// marks of the change.
func (s *serviceGKE) finish(ctx context.Context) ([]Notice, error) {
	k, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	spotOnly, err := s.keepOnDemand(ctx, k)
	if err != nil {
		return nil, err
	}
	notices := serviceSpotOnly(s.app, spotOnly)
	if err := s.prune(ctx, k); err != nil {
		return notices, err
	}
	more, err := s.cloud.serviceTakeBack(ctx, s.app, s.retired.Grants, s.member)
	notices = append(notices, more...)
	if err != nil {
		return notices, err
	}
	notices = append(notices, s.besideNotice()...)
	takeMarksOff := func(ctx context.Context) error {
		s.creating, s.retired = time.Time{}, serviceRetired{}
		return s.writeRecord(ctx, k, false)
	}
	if !s.fresh {
		return notices, takeMarksOff(ctx)
	}
	s.ending = true
	return notices, s.cloud.endCreate(ctx, takeMarksOff)
}

func (s *serviceGKE) prune(ctx context.Context, k *kube.Client) error {
	objects, err := gke.Objects(s.input(s.app))
	if err != nil {
		return err
	}
	keep := map[kube.Ref]bool{s.recordRef(): true, s.ref(kube.Secret, gke.SecretName(s.app)): true}
	for _, declared := range objects {
		keep[kube.RefOf(declared)] = true
	}
	if err := s.deleteAll(ctx, k, func(ref kube.Ref) bool { return !serviceContent[ref.GVK] && !keep[ref] }); err != nil {
		return err
	}
	// With the Deployments their ReplicaSets are gone, and with those what only they referred to.
	if err := s.addReferred(ctx, k, keep); err != nil {
		return err
	}
	return s.deleteAll(ctx, k, func(ref kube.Ref) bool { return serviceContent[ref.GVK] && !keep[ref] })
}

// owned is the selector of this service's objects.
func (s *serviceGKE) owned() string {
	return metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: map[string]string{
		names.KubeManagedBy: names.ManagedBy, names.KubeService: s.app.Name,
	}})
}

// deleteAll deletes this service's objects that match, kind by kind, and waits until they are gone.
func (s *serviceGKE) deleteAll(ctx context.Context, k *kube.Client, matches func(kube.Ref) bool) error {
	for _, gvk := range serviceKinds {
		found, err := k.ListMetadata(ctx, gvk, s.id.Namespace, s.owned())
		if gvk == kube.SecretProviderClass && (apierrors.IsNotFound(err) || apierrors.IsForbidden(err)) {
			continue // without the add-on there is no such kind, and who may not list them has not made any
		}
		if err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		for _, object := range found {
			if ref := s.ref(gvk, object.GetName()); matches(ref) {
				group.Go(func() error { return s.deleteOwned(ctx, k, ref) })
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// addReferred keeps what a ReplicaSet refers to. Kubernetes itself deletes those beyond revisionHistoryLimit.
func (s *serviceGKE) addReferred(ctx context.Context, k *kube.Client, keep map[kube.Ref]bool) error {
	selector := metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: map[string]string{names.KubeService: s.app.Name}})
	sets, err := k.List(ctx, kube.ReplicaSet, s.id.Namespace, selector)
	if err != nil {
		return err
	}
	for _, set := range sets {
		pod, _, _ := unstructured.NestedMap(set.Object, "spec", "template", "spec")
		s.addReferences(pod, keep)
	}
	return nil
}

// serviceReferences are the fields of a pod, its containers and its volumes that name an object of a kind, and the field
// within that has the name. The sources of a projected volume have the same as environment.
var serviceReferences = map[string][]struct {
	gvk  kindOf
	name string
}{
	"configMapRef": {{kube.ConfigMap, "name"}}, "configMapKeyRef": {{kube.ConfigMap, "name"}}, "configMap": {{kube.ConfigMap, "name"}},
	"secretRef": {{kube.Secret, "name"}}, "secretKeyRef": {{kube.Secret, "name"}}, "secret": {{kube.Secret, "name"}, {kube.Secret, "secretName"}},
	"volumeAttributes": {{kube.SecretProviderClass, "secretProviderClass"}},
}

func (s *serviceGKE) addReferences(value any, keep map[kube.Ref]bool) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			s.addReferences(inner, keep)
		}
	case map[string]any:
		for field, inner := range v {
			for _, known := range serviceReferences[field] {
				reference, _ := inner.(map[string]any)
				name, _ := reference[known.name].(string)
				keep[s.ref(known.gvk, name)] = true
			}
			s.addReferences(inner, keep)
		}
	}
}
