package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

type kindOf = schema.GroupVersionKind

// bring looks at the secrets, records what it is about to do, grants access to the secrets, writes the objects in the order in which they
// need each other, and waits until the new release serves.
func (s *serviceGKE) bring(ctx context.Context) error {
	k, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := s.checkFiles(ctx, k); err != nil {
		return err
	}
	if err := s.resume(ctx, k); err != nil {
		return err
	}
	if err := s.checkSecrets(ctx, k); err != nil {
		return err
	}
	if err := s.checkConflicts(ctx, k); err != nil {
		return err
	}
	err = s.cloud.WithNamespace(ctx, s.cluster, s.id.Namespace, func(ctx context.Context, k *kube.Client) error {
		return s.writeRecord(ctx, k, true)
	})
	if err != nil {
		return err
	}
	member, err := s.member(ctx, serviceIdentity(s.app))
	if err != nil {
		return err
	}
	if err := s.cloud.serviceGrant(ctx, member, serviceSecrets(s.app)); err != nil {
		return err
	}
	if _, err := s.keepOnDemand(ctx, k); err != nil {
		return err
	}
	if err := s.applyAll(ctx, k); err != nil {
		return err
	}
	var deployments []string
	for _, process := range slices.Sorted(maps.Keys(s.app.Processes)) {
		deployments = append(deployments, names.Deployment(s.app.Name, process))
	}
	if err := k.WaitRollout(ctx, s.id.Namespace, deployments); err != nil {
		return err
	}
	return s.adoptService(ctx, k)
}

// resume takes over the marks that an earlier, unfinished change left, and notes what the release before had.
func (s *serviceGKE) resume(ctx context.Context, k *kube.Client) error {
	if err := s.lookIdentity(ctx, k, s.app); err != nil {
		return err
	}
	before, err := s.record(ctx, k)
	if err != nil || before == nil {
		return err
	}
	s.before = before
	if err := s.lookIdentity(ctx, k, before.app); err != nil {
		return err
	}
	s.creating, s.adopting = before.creating, s.adopting || before.adopting
	s.retired = before.retired.plus(before.app, s.app)
	return nil
}

func (s *serviceGKE) applyAll(ctx context.Context, k *kube.Client) error {
	if err := s.applySecret(ctx, k); err != nil {
		return err
	}
	// In an adoption the Kubernetes Service goes on sending requests to what served before until the new pods are ready.
	return s.applyEach(ctx, k, func(ref kube.Ref) bool { return !s.adopting || ref.GVK != kube.Service })
}

// applyEach writes those of the rendered objects that are asked for.
func (s *serviceGKE) applyEach(ctx context.Context, k *kube.Client, wanted func(kube.Ref) bool) error {
	objects, err := gke.Objects(s.input(s.app))
	if err != nil {
		return err
	}
	if err := s.dropAutoscalers(ctx, k, objects); err != nil {
		return err
	}
	for _, declared := range objects {
		if !wanted(kube.RefOf(declared)) {
			continue
		}
		if err := s.apply(ctx, k, declared); err != nil {
			return s.applyError(declared, err)
		}
	}
	return nil
}

// apply writes one object over what is there.
func (s *serviceGKE) apply(ctx context.Context, k *kube.Client, declared *unstructured.Unstructured) error {
	ref := kube.RefOf(declared)
	live, err := k.Get(ctx, ref)
	if err == nil && live.GetDeletionTimestamp() != nil { // an interrupted deletion: what is written to it would go too
		if err := k.WaitGone(ctx, ref); err != nil {
			return err
		}
		live, err = k.Get(ctx, ref)
	}
	switch {
	case apierrors.IsNotFound(err):
		live, err = &unstructured.Unstructured{Object: map[string]any{}}, nil
	case err != nil:
		return err
	case !s.made(live) && !s.mayWrite(live):
		return s.foreign(ref, live.GetManagedFields())
	}
	declared = s.leave(declared, live)
	switch ref.GVK {
	case kube.ConfigMap:
		err = dropChanged(ctx, k, declared, live)
	case kube.Deployment:
		live, err = s.handOver(ctx, k, declared, live)
	}
	if err != nil {
		return err
	}
	applied, _, err := k.Replace(ctx, declared, live)
	if err == nil {
		s.applies = serviceNoted(s.applies, ref.String(), string(applied.GetUID()))
	}
	return err
}

func serviceNoted(all map[string]string, key, value string) map[string]string {
	if all == nil {
		all = map[string]string{}
	}
	all[key] = value
	return all
}

// handOver gives the autoscaler and the tool that deploys images what the declaration leaves to them, as it is.
func (s *serviceGKE) handOver(ctx context.Context, k *kube.Client, declared, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if live.GetUID() == "" {
		var err error
		if live, err = s.startDeployment(ctx, k, declared); err != nil {
			return live, err
		}
	}
	if err := handOverReplicas(ctx, k, declared, live); err != nil || !s.app.ImageIsExternal() {
		return live, err
	}
	return live, handOverImage(ctx, k, declared, live, serviceProcessOf(s.app, declared.GetName()))
}

// dropChanged deletes an immutable ConfigMap that does not hold what its name says: somebody deleted ours and made
// another. The pods that run keep what they have read.
func dropChanged(ctx context.Context, k *kube.Client, declared, live *unstructured.Unstructured) error {
	want, _, _ := unstructured.NestedMap(declared.Object, "data")
	have, found, _ := unstructured.NestedMap(live.Object, "data")
	if !found || maps.Equal(want, have) {
		return nil
	}
	ref := kube.RefOf(declared)
	if err := k.Delete(ctx, ref, kube.DeleteOptions{UID: live.GetUID()}); err != nil {
		return err
	}
	return k.WaitGone(ctx, ref)
}

// applySecret writes the Kubernetes Secret, for which checkSecrets has read the values, unless it is there.
func (s *serviceGKE) applySecret(ctx context.Context, k *kube.Client) error {
	if len(s.values) == 0 {
		return nil
	}
	declared, err := gke.SecretObject(s.input(s.app), s.values)
	if err != nil {
		return err
	}
	if s.secretGoing {
		if err := k.WaitGone(ctx, kube.RefOf(declared)); err != nil {
			return err
		}
	}
	if _, _, err = k.Apply(ctx, declared, kube.ApplyOptions{}); err != nil {
		return s.applyError(declared, err)
	}
	return nil
}

// foreign refuses to write over an object of somebody else, naming who writes it.
func (s *serviceGKE) foreign(ref kube.Ref, fields []metav1.ManagedFieldsEntry) *Error {
	var managers []string
	for _, entry := range fields {
		if !slices.Contains(managers, entry.Manager) {
			managers = append(managers, entry.Manager)
		}
	}
	return s.notAdopted(&Error{
		Summary: fmt.Sprintf("%s %q in namespace %q belongs to somebody else", ref.GVK.Kind, ref.Name, ref.Namespace),
		Why: fmt.Sprintf("Service %q needs an object of this name, and the one that is there does not carry its labels (%s=%s). "+
			"It is written by %s.", s.app.Name, names.KubeService, s.app.Name, strings.Join(managers, ", ")),
		Fix:       "Choose another name or namespace for the service, or delete the object if nobody needs it.",
		Attribute: []string{"name"},
	}, ref)
}

func (s *serviceGKE) applyError(declared *unstructured.Unstructured, err error) error {
	if told, ok := err.(*Error); ok { //nolint:errorlint // only an error that is ours as a whole
		return told
	}
	return fmt.Errorf("write %s: %w", kube.RefOf(declared), err)
}
