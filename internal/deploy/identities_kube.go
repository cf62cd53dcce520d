package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// identityObject is the Kubernetes service account. It has no token of its own: Workload Identity gets tokens from the
// metadata server.
func identityObject(spec IdentitySpec, stamp names.Stamp, creating time.Time) *unstructured.Unstructured {
	annotations := map[string]string{}
	if spec.hasAccount() {
		annotations[identityAnnotation] = spec.email()
	}
	if !creating.IsZero() {
		annotations[names.KubeCreating] = stamp.Mark(creating)
	}
	obj := &unstructured.Unstructured{Object: map[string]any{"automountServiceAccountToken": false}}
	obj.SetGroupVersionKind(kube.ServiceAccount)
	obj.SetNamespace(spec.Namespace)
	obj.SetName(spec.Name)
	obj.SetLabels(stamp.KubeLabels())
	obj.SetAnnotations(annotations)
	return obj
}

func (s IdentitySpec) kubeRef() kube.Ref {
	return kube.Ref{GVK: kube.ServiceAccount, Namespace: s.Namespace, Name: s.Name}
}

// checkKube refuses, before anything is made, a Kubernetes service account that is somebody else's.
func (r *identityRun) checkKube(ctx context.Context) error {
	if r.spec.Cluster == nil {
		return nil
	}
	client, err := r.cloud.Kube(ctx, *r.spec.Cluster)
	if err != nil {
		return identityClusterError(r.spec, err)
	}
	live, err := client.Get(ctx, r.spec.kubeRef())
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return identityKubeError("read", r.spec, err)
	}
	now := r.cloud.Clock.Now()
	if !r.cloud.AdoptInterrupted || !r.cloud.Stamp.MayAdopt(live.GetLabels(), live.GetAnnotations(), now, r.timeout, true) {
		return identityExists(r.spec, "Kubernetes service account", r.spec.Namespace+"/"+r.spec.Name)
	}
	r.made = true
	r.adopted("Kubernetes service account " + r.spec.Namespace + "/" + r.spec.Name)
	return nil
}

// applyKube makes the Kubernetes service account as declared, in a namespace that is made if it is missing.
func (r *identityRun) applyKube(ctx context.Context, creating time.Time) error {
	if r.spec.Cluster == nil {
		return nil
	}
	err := r.cloud.WithNamespace(ctx, *r.spec.Cluster, r.spec.Namespace, func(ctx context.Context, client *kube.Client) error {
		obj := identityObject(r.spec, r.cloud.Stamp, creating)
		live, _, err := client.Apply(ctx, obj, kube.ApplyOptions{Force: true})
		if err != nil {
			return err
		}
		r.made = true
		if _, foreign := live.GetAnnotations()[identityAnnotation]; foreign && !r.spec.hasAccount() {
			return dropAnnotation(ctx, client, obj)
		}
		return nil
	})
	var told *Error
	if errors.As(err, &told) && told.Attribute != nil {
		told.Attribute = []string{"namespace"} // of this resource, not of a service
	}
	return identityKubeError("write", r.spec, err)
}

// dropAnnotation takes away an annotation that somebody else set. Apply removes only fields of its own manager, so the
// first write takes the field over and the second leaves it out.
func dropAnnotation(ctx context.Context, client *kube.Client, obj *unstructured.Unstructured) error {
	taken := obj.DeepCopy()
	annotations := taken.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[identityAnnotation] = ""
	taken.SetAnnotations(annotations)
	for _, o := range []*unstructured.Unstructured{taken, obj} {
		if _, _, err := client.Apply(ctx, o, kube.ApplyOptions{Force: true}); err != nil {
			return err
		}
	}
	return nil
}

// kubeDrift says what is wrong with the Kubernetes service account. A cluster that is gone took it along; one that
// cannot be asked is reported by an error for which identityUnreachable holds.
func (c *Cloud) kubeDrift(ctx context.Context, spec IdentitySpec) (drift []string, exists, creating bool, err error) {
	if spec.Cluster == nil {
		return nil, false, false, nil
	}
	object := fmt.Sprintf("Kubernetes service account %s/%s", spec.Namespace, spec.Name)
	client, err := c.KubeNow(ctx, *spec.Cluster)
	if gcp.IsNotFound(err) {
		return []string{object + ": present -> missing with its cluster"}, false, false, nil
	}
	if err != nil {
		return nil, false, false, err
	}
	live, err := client.Get(ctx, spec.kubeRef())
	if apierrors.IsNotFound(err) {
		return []string{object + ": present -> missing"}, false, false, nil
	}
	if err != nil {
		return nil, false, false, err
	}
	_, creating = names.CreatingSince(live.GetAnnotations())
	if !c.Stamp.OwnsKube(live.GetLabels()) {
		drift = append(drift, object+" labels: the stamp of this stack -> another")
	}
	if actual := live.GetAnnotations()[identityAnnotation]; actual != spec.email() {
		drift = append(drift, fmt.Sprintf("%s annotation %s: %s -> %s", object, identityAnnotation, names.Quote(spec.email()), names.Quote(actual)))
	}
	return drift, true, creating, nil
}

// identityUnreachable tells that a cluster exists, or may exist, but could not be asked.
func identityUnreachable(err error) bool {
	return errors.Is(err, ErrClusterCreating) || errors.Is(err, ErrClusterStopping) || kube.IsUnreachable(err)
}

// deleteKube removes the Kubernetes service account, and the namespace if that was made for it and is empty. A cluster
// that is gone or going takes both along.
func (r *identityRun) deleteKube(ctx context.Context) error {
	if r.spec.Cluster == nil {
		return nil
	}
	client, err := r.cloud.Kube(ctx, *r.spec.Cluster)
	if gcp.IsNotFound(err) || errors.Is(err, ErrClusterStopping) {
		return nil
	}
	if err != nil {
		return identityClusterError(r.spec, err)
	}
	if err := client.Delete(ctx, r.spec.kubeRef(), kube.DeleteOptions{}); err != nil {
		return identityKubeError("delete", r.spec, err)
	}
	if err := client.WaitGone(ctx, r.spec.kubeRef()); err != nil {
		return identityKubeError("delete", r.spec, err)
	}
	notices, err := r.cloud.ReleaseNamespace(ctx, *r.spec.Cluster, r.spec.Namespace)
	r.notices = append(r.notices, notices...)
	return identityKubeError("delete the namespace of", r.spec, err)
}

func identityKubeError(verb string, spec IdentitySpec, err error) error {
	return identityError(fmt.Sprintf("Cannot %s Kubernetes service account %s", verb, names.Quote(spec.Namespace+"/"+spec.Name)), err)
}

func identityClusterError(spec IdentitySpec, err error) error {
	return identityError(fmt.Sprintf("Cannot connect to cluster %s", names.Quote(spec.Cluster.Name)), err, "cluster")
}
