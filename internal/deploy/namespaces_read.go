package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

const enforceLabel = "pod-security.kubernetes.io/enforce"

// ReadNamespace compares what was applied last with what is live. The state is nil when the namespace is gone, alone or
// with its cluster.
func (c *Cloud) ReadNamespace(ctx context.Context, spec NamespaceSpec) (*NamespaceState, []Notice, error) {
	k, err := c.KubeNow(ctx, spec.ID.Cluster)
	switch {
	case gcp.IsNotFound(err), errors.Is(err, ErrClusterStopping):
		return nil, []Notice{{
			Summary: fmt.Sprintf("Namespace %q is gone with its cluster", spec.ID.Name),
			Detail:  fmt.Sprintf("There is no %s any more. The namespace is no longer in the state; the plan shows what would be made anew.", spec.ID.Cluster),
		}}, nil
	case kubeUnusable(err):
		return namespaceUnreachable(spec, err)
	case err != nil:
		return nil, nil, namespaceError("read", spec, err)
	}
	cluster, err := c.GCP.Clusters().Get(ctx, spec.ID.Cluster.String())
	if err != nil {
		return nil, nil, namespaceError("read", spec, err)
	}
	r := &namespaceRun{cloud: c, spec: spec, cluster: cluster, kube: k}
	var state *NamespaceState
	unseen, err := kubeLook(ctx, func(ctx context.Context) (err error) {
		state, err = r.read(ctx)
		return err
	})
	if unseen {
		return namespaceUnreachable(spec, err)
	}
	return state, nil, namespaceError("read", spec, err)
}

func namespaceUnreachable(spec NamespaceSpec, err error) (*NamespaceState, []Notice, error) {
	return &NamespaceState{Unreachable: true},
		[]Notice{unseenNotice(fmt.Sprintf("Namespace %q", spec.ID.Name), spec.ID.Cluster, spec.ID.Name, err)}, nil
}

func (r *namespaceRun) read(ctx context.Context) (*NamespaceState, error) {
	live, err := r.kube.Get(ctx, r.spec.ref())
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	objects, err := r.readObjects(ctx)
	if err != nil {
		return nil, err
	}
	state := &NamespaceState{Status: NamespaceReady}
	record := recordedNamespace(live.GetAnnotations())
	switch {
	case record != nil:
		state.Declared, state.Recorded = *record, true
	case r.spec.Declared != nil: // the record was taken away; the state knows what it said
		state.Declared = *r.spec.Declared
	default: // an import of one that was not made by this resource
		state.Declared = namespaceFound(live, objects)
	}
	r.spec.Declared = &state.Declared
	if state.Recorded || !r.imported(live) {
		if state.Drift, err = r.drift(live, objects); err != nil {
			return nil, err
		}
	}
	state.Objects = namespaceObjects(r.spec.ID, state.Declared)
	_, creating := names.CreatingSince(live.GetAnnotations())
	switch {
	case live.GetDeletionTimestamp() != nil:
		state.Status = NamespaceDeleting
	case creating:
		state.Status = NamespaceCreating
	case len(state.Drift) > 0 || !state.Recorded:
		state.Status = NamespaceDegraded
	}
	return state, nil
}

// imported tells a namespace that has never been this resource's: there is nothing that it could have drifted from.
func (r *namespaceRun) imported(live *unstructured.Unstructured) bool {
	_, ok := live.GetAnnotations()[names.KubeNamespace]
	return !ok && live.GetLabels()[names.KubeManagedBy] != names.ManagedBy
}

// readObjects gives what is in the namespace under our name, by kind.
func (r *namespaceRun) readObjects(ctx context.Context) (map[kindOf]*unstructured.Unstructured, error) {
	objects := map[kindOf]*unstructured.Unstructured{}
	for _, gvk := range namespaceKinds {
		live, err := r.kube.Get(ctx, r.spec.objectRef(gvk))
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		objects[gvk] = live
	}
	return objects, nil
}

// namespaceFound describes a namespace without a record by what it has, so that the plan of an import shows what changes.
func namespaceFound(live *unstructured.Unstructured, objects map[kindOf]*unstructured.Unstructured) app.Namespace {
	n := app.Namespace{PodSecurity: live.GetLabels()[enforceLabel], DefaultDeny: objects[kube.NetworkPolicy] != nil}
	if !slices.Contains(app.PodSecurities(), n.PodSecurity) {
		n.PodSecurity = app.Privileged // what Kubernetes enforces without the label
	}
	return n
}

// drift compares field by field.
func (r *namespaceRun) drift(live *unstructured.Unstructured, objects map[kindOf]*unstructured.Unstructured) ([]string, error) {
	declared, err := gke.DeclaredNamespace(r.input())
	if err != nil {
		return nil, err
	}
	annotations := maps.Clone(declared.GetAnnotations())
	_, recorded := live.GetAnnotations()[names.KubeNamespace]
	delete(annotations, names.KubeNamespace) // what stands in it is what everything is compared with
	declared.SetAnnotations(annotations)
	all := serviceChanges(r.spec.ref(), kube.Diff(declared, live))
	if !recorded {
		all = append(all, fmt.Sprintf("%s metadata.annotations[%s]: present -> %s", r.spec.ref(), names.KubeNamespace, kube.Missing))
	}
	rendered, err := gke.NamespaceObjects(r.input())
	if err != nil {
		return nil, err
	}
	wanted := map[kindOf]*unstructured.Unstructured{}
	for _, object := range rendered {
		wanted[object.GroupVersionKind()] = object
	}
	for _, gvk := range namespaceKinds {
		all = append(all, namespaceObjectDrift(r.spec.objectRef(gvk), wanted[gvk], objects[gvk])...)
	}
	return all, nil
}

func namespaceObjectDrift(ref kube.Ref, declared, live *unstructured.Unstructured) []string {
	switch {
	case declared == nil && live == nil:
		return nil
	case declared == nil && live.GetLabels()[names.KubeManagedBy] != names.ManagedBy: // somebody else's
		return nil
	case declared == nil:
		return []string{ref.String() + ": " + kube.Missing + " -> present"}
	case live == nil:
		return serviceMissing(ref)
	case ref.GVK != kube.NetworkPolicy:
		return serviceChanges(ref, kube.Diff(declared, live))
	}
	// A rule that somebody added lets through what is not listed.
	labels := &unstructured.Unstructured{Object: map[string]any{"metadata": declared.Object["metadata"]}}
	return serviceChanges(ref, slices.Concat(kube.Diff(labels, live), kube.DiffExact("spec", declared.Object["spec"], live.Object["spec"])))
}
