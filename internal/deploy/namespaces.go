package deploy

import (
	"context"
	"fmt"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// EnsureNamespace makes sure that a namespace exists. One that is made here gets our stamp and Pod Security
// "restricted"; one that exists is left as it is.
func (c *Cloud) EnsureNamespace(ctx context.Context, cluster names.ClusterID, namespace string) error {
	return c.WithNamespace(ctx, cluster, namespace, func(context.Context, *kube.Client) error { return nil })
}

// WithNamespace is EnsureNamespace, and runs first, which puts an object into the namespace, before anybody else in
// this process can find it empty and delete it.
func (c *Cloud) WithNamespace(
	ctx context.Context, cluster names.ClusterID, namespace string, first func(context.Context, *kube.Client) error,
) error {
	k, err := c.Kube(ctx, cluster)
	if err != nil {
		return err
	}
	unlock, err := c.namespaces.lock(ctx, cluster.String()+"/"+namespace)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.namespaceCreate(ctx, k, namespace); err != nil {
		return &Error{Summary: fmt.Sprintf("Cannot create namespace %s", names.Quote(namespace)), Attribute: namespaceAttribute, Err: err}
	}
	return first(ctx, k)
}

var namespaceAttribute = []string{"gke", "namespace"}

func (c *Cloud) namespaceCreate(ctx context.Context, k *kube.Client, namespace string) error {
	ref := kube.Ref{GVK: kube.Namespace, Name: namespace}
	live, err := k.GetMetadata(ctx, ref)
	switch {
	case err == nil && live.GetDeletionTimestamp() == nil:
		return nil
	case err == nil:
		if err := k.WaitNamespaceGone(ctx, namespace); err != nil {
			return err
		}
	case !apierrors.IsNotFound(err):
		return err
	}
	declared := gke.Namespace(gke.Input{App: app.App{GKE: &app.GKE{Namespace: namespace}}, Stamp: c.Stamp})
	_, _, err = k.Apply(ctx, declared, kube.ApplyOptions{})
	return err
}

// ReleaseNamespace deletes a namespace if it carries our stamp and holds nothing but what Kubernetes puts there, and
// waits until it is gone. Otherwise it stays, and if it is ours a notice names what is in it. A namespace that somebody
// uses without an object in it yet may be deleted: only those who came through WithNamespace are waited for.
func (c *Cloud) ReleaseNamespace(ctx context.Context, cluster names.ClusterID, namespace string) ([]Notice, error) {
	k, err := c.Kube(ctx, cluster)
	if gcp.IsNotFound(err) {
		return nil, nil // gone with its cluster
	}
	if err != nil {
		return nil, err
	}
	unlock, err := c.namespaces.lock(ctx, cluster.String()+"/"+namespace)
	if err != nil {
		return nil, err
	}
	defer unlock()
	ref := kube.Ref{GVK: kube.Namespace, Name: namespace}
	live, err := k.GetMetadata(ctx, ref)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !c.releasable(live) {
		return nil, nil
	}
	if live.GetDeletionTimestamp() == nil {
		if stays, err := namespaceStays(ctx, k, live); err != nil || stays != nil {
			return stays, err
		}
		if err := k.Delete(ctx, ref, kube.DeleteOptions{UID: live.GetUID()}); err != nil {
			return nil, fmt.Errorf("delete namespace %s: %w", namespace, err)
		}
	}
	return nil, k.WaitNamespaceGone(ctx, namespace)
}

// releasable tells whether a namespace goes with the last object that needed it: this stack made it for that, and it has no
// resource of its own.
func (c *Cloud) releasable(live *metav1.PartialObjectMetadata) bool {
	_, declared := live.GetAnnotations()[names.KubeNamespace]
	return c.Stamp.OwnsKube(live.GetLabels()) && !declared
}

// maxListed is how many objects a notice names.
const maxListed = 20

// namespaceStays gives the notice about a namespace that is not empty, or whose contents may not be looked at.
func namespaceStays(ctx context.Context, k *kube.Client, live *metav1.PartialObjectMetadata) ([]Notice, error) {
	name := live.GetName()
	contents, err := k.NamespaceContents(ctx, name)
	switch {
	case apierrors.IsForbidden(err):
		return []Notice{{
			Summary: fmt.Sprintf("Namespace %q was kept", name),
			Detail: "This provider made it, and deletes it only when nothing else is in it. The caller may not list everything in it, " +
				"so that cannot be told. If it is not needed any more: kubectl delete namespace " + name,
		}}, nil
	case err != nil:
		return nil, err
	case len(contents) == 0:
		return nil, nil
	}
	return []Notice{{
		Summary: fmt.Sprintf("Namespace %q was kept", name),
		Detail: "This provider made it, and deletes it only when nothing else is in it. It holds: " + listed(contents) +
			". When these are gone and it is not needed any more: kubectl delete namespace " + name,
	}}, nil
}

// listed names objects, the first of many.
func listed(contents []string) string {
	if more := len(contents) - maxListed; more > 0 {
		contents = append(contents[:maxListed:maxListed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(contents, ", ")
}

// keyedLocks are locks by name that a waiter can give up.
type keyedLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the lock of key until ctx ends.
func (l *keyedLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		if l.held == nil {
			l.held = map[string]chan struct{}{}
		}
		busy, taken := l.held[key]
		if !taken {
			free := make(chan struct{})
			l.held[key] = free
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.held, key)
				close(free)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
