package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

type kindOf = schema.GroupVersionKind

// bring records what it is about to do, grants access to the secrets, writes the objects in the order in which they
// need each other, and waits until the new release serves.
func (s *serviceGKE) bring(ctx context.Context) error {
	k, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := s.resume(ctx, k); err != nil {
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
	if err := s.applyAll(ctx, k); err != nil {
		return err
	}
	var deployments []string
	for _, process := range slices.Sorted(maps.Keys(s.app.Processes)) {
		deployments = append(deployments, names.Deployment(s.app.Name, process))
	}
	return k.WaitRollout(ctx, s.id.Namespace, deployments)
}

// resume takes over the marks that an earlier, unfinished change left, and notes what the release before had.
func (s *serviceGKE) resume(ctx context.Context, k *kube.Client) error {
	before, err := s.record(ctx, k)
	if err != nil || before == nil {
		return err
	}
	s.creating = before.creating
	s.retired = before.retired.plus(before.app, s.app)
	return nil
}

func (s *serviceGKE) applyAll(ctx context.Context, k *kube.Client) error {
	if err := s.applySecret(ctx, k); err != nil {
		return err
	}
	objects, err := gke.Objects(s.input(s.app))
	if err != nil {
		return err
	}
	if err := s.dropAutoscalers(ctx, k, objects); err != nil {
		return err
	}
	for _, declared := range objects {
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
	switch {
	case apierrors.IsNotFound(err):
		live, err = &unstructured.Unstructured{Object: map[string]any{}}, nil
	case err != nil:
		return err
	case !s.owns(live.GetLabels()):
		return s.foreign(ref, live.GetManagedFields())
	}
	switch ref.GVK {
	case kube.ConfigMap:
		err = dropChanged(ctx, k, declared, live)
	case kube.Deployment:
		err = handOverReplicas(ctx, k, declared, live, s.seedReplicas(ref.Name))
	}
	if err != nil {
		return err
	}
	_, _, err = k.Replace(ctx, declared, live)
	return err
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

// applySecret writes the Kubernetes Secret of these secret versions, unless it is there: it is immutable and named by
// the versions, so it holds what they hold. Only then are the values read.
func (s *serviceGKE) applySecret(ctx context.Context, k *kube.Client) error {
	name := gke.SecretName(s.app)
	if name == "" {
		return nil
	}
	ref := s.ref(kube.Secret, name)
	live, err := k.GetMetadata(ctx, ref)
	switch {
	case err == nil && !s.owns(live.GetLabels()):
		return s.foreign(ref, live.GetManagedFields())
	case err == nil:
		return nil
	case !apierrors.IsNotFound(err):
		return err
	}
	values, err := s.secretValues(ctx)
	if err != nil {
		return err
	}
	declared, err := gke.SecretObject(s.input(s.app), values)
	if err != nil {
		return err
	}
	if _, _, err = k.Apply(ctx, declared, kube.ApplyOptions{}); err != nil {
		return s.applyError(declared, err)
	}
	return nil
}

// secretValues reads the pinned versions, side by side.
func (s *serviceGKE) secretValues(ctx context.Context) (map[string]secret.Bytes, error) {
	envs := slices.Sorted(maps.Keys(s.app.Secrets))
	read := make([]secret.Bytes, len(envs))
	group, ctx := errgroup.WithContext(ctx)
	for i, env := range envs {
		group.Go(func() (err error) {
			if read[i], err = s.cloud.GCP.SecretVersions().Access(ctx, s.app.Secrets[env]); err != nil {
				return serviceSecretError(env, s.app.Secrets[env], err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	values := map[string]secret.Bytes{}
	for i, env := range envs {
		values[env] = read[i]
	}
	return values, nil
}

func serviceSecretError(env, version string, err error) error {
	e := &Error{
		Summary:   fmt.Sprintf("Cannot read the secret version for %s", env),
		Why:       version + " is written into a Kubernetes Secret, so the provider has to read it.",
		Attribute: []string{"secrets", env}, Err: err,
	}
	switch gcp.Classify(err) {
	case gcp.PermissionDenied:
		e.Fix = "Give the account that Terraform runs as secretmanager.versions.access on the secret (roles/secretmanager.secretAccessor)."
	case gcp.NotFound:
		e.Fix = "Name a version that exists, for example the version_id of a twelvefactor_secret."
	case gcp.FailedPrecondition:
		e.Fix = secretGoneFix
	}
	return e
}

// foreign refuses to write over an object of somebody else, naming who writes it.
func (s *serviceGKE) foreign(ref kube.Ref, fields []metav1.ManagedFieldsEntry) error {
	var managers []string
	for _, entry := range fields {
		if !slices.Contains(managers, entry.Manager) {
			managers = append(managers, entry.Manager)
		}
	}
	return &Error{
		Summary: fmt.Sprintf("%s %q in namespace %q belongs to somebody else", ref.GVK.Kind, ref.Name, ref.Namespace),
		Why: fmt.Sprintf("Service %q needs an object of this name, and the one that is there does not carry its labels (%s=%s). "+
			"It is written by %s.", s.app.Name, names.KubeService, s.app.Name, strings.Join(managers, ", ")),
		Fix:       "Choose another name or namespace for the service, or delete the object if nobody needs it.",
		Attribute: []string{"name"},
	}
}

func (s *serviceGKE) applyError(declared *unstructured.Unstructured, err error) error {
	if told, ok := err.(*Error); ok { //nolint:errorlint // only an error that is ours as a whole
		return told
	}
	return fmt.Errorf("write %s: %w", kube.RefOf(declared), err)
}
