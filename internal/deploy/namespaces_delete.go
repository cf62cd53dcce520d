package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// DeleteNamespace deletes a namespace and waits until it is gone. One that holds anything but what Kubernetes and this
// resource put there is an error that names it, unless ForceDestroy is declared. What is gone already is no error.
func (c *Cloud) DeleteNamespace(ctx context.Context, spec NamespaceSpec) ([]Notice, error) {
	r, unlock, err := c.openNamespace(ctx, spec)
	if gcp.IsNotFound(err) || errors.Is(err, ErrClusterStopping) {
		return nil, nil // gone with its cluster
	}
	if err != nil {
		return nil, namespaceError("delete", spec, err)
	}
	defer unlock()
	live, err := r.kube.GetMetadata(ctx, spec.ref())
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, namespaceError("delete", spec, err)
	}
	if live.GetDeletionTimestamp() == nil {
		if !namespaceOurs(live.GetLabels(), live.GetAnnotations()) {
			return []Notice{namespaceNotOurs(spec)}, nil
		}
		if err := r.checkEmpty(ctx); err != nil {
			return nil, namespaceError("delete", spec, err)
		}
		if err := r.kube.Delete(ctx, spec.ref(), kube.DeleteOptions{UID: live.GetUID()}); err != nil {
			return nil, namespaceError("delete", spec, err)
		}
	}
	return nil, r.waitGone(ctx)
}

// namespaceOurs tells a namespace that this resource has written, in whatever stack.
func namespaceOurs(labels, annotations map[string]string) bool {
	_, declared := annotations[names.KubeNamespace]
	return declared || labels[names.KubeManagedBy] == names.ManagedBy
}

func namespaceNotOurs(spec NamespaceSpec) Notice {
	return Notice{
		Summary: fmt.Sprintf("Namespace %q was kept", spec.ID.Name),
		Detail: "It carries no mark of this provider any more: somebody deleted the one that this resource made, and made another, or took the marks " +
			"away. It is no longer in the state. If it is not needed: kubectl delete namespace " + spec.ID.Name,
	}
}

// checkEmpty refuses to delete what others put into the namespace.
func (r *namespaceRun) checkEmpty(ctx context.Context) error {
	if r.spec.Declared.ForceDestroy {
		return nil
	}
	name := r.spec.ID.Name
	const force = "To delete it with everything in it, set force_destroy = true, apply, and destroy again. To keep it and only forget it: a " +
		"removed block with destroy = false."
	contents, err := r.kube.NamespaceContents(ctx, name)
	if apierrors.IsForbidden(err) {
		return &Error{
			Summary: fmt.Sprintf("Namespace %q was not deleted", name),
			Why:     "The caller may not list everything in it, so that it cannot be told whether it is empty.",
			Fix:     "Grant the caller list on everything in the namespace (roles/container.developer has it for what Kubernetes comes with). " + force,
			Err:     err,
		}
	}
	if err != nil {
		return err
	}
	var own []string
	for _, gvk := range namespaceKinds {
		own = append(own, gvk.Kind+"/"+names.NamespaceObjects)
	}
	contents = slices.DeleteFunc(contents, func(object string) bool { return slices.Contains(own, object) })
	if len(contents) == 0 {
		return nil
	}
	return &Error{
		Summary: fmt.Sprintf("Namespace %q is not empty", name),
		Why:     "It would be deleted with everything in it, and it holds: " + listed(contents) + ".",
		Fix: "Destroy these first; services of this configuration go first by themselves where they refer to the namespace: namespace = " +
			"twelvefactor_namespace.NAME.name. " + force,
		Attribute: []string{"force_destroy"},
	}
}

// waitGone waits for the end of the namespace. What holds it up when the time is over is named.
func (r *namespaceRun) waitGone(ctx context.Context) error {
	err := r.kube.WaitNamespaceGone(ctx, r.spec.ID.Name)
	if err == nil || ctx.Err() == nil {
		return namespaceError("delete", r.spec, err)
	}
	return &Error{
		Summary: fmt.Sprintf("Namespace %q is still being deleted", r.spec.ID.Name),
		Why:     "Kubernetes deletes what is in it first, and something holds that up.",
		Fix: "Look for what the message names; an object with a finalizer waits for the controller that set it. Then destroy again: it goes on from " +
			"there. timeouts.delete says how long to wait.",
		Err: err,
	}
}
