package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// namespaceKinds are the kinds of what a declared namespace may have in it, each called names.NamespaceObjects.
var namespaceKinds = []kindOf{kube.NetworkPolicy, kube.ResourceQuota, kube.LimitRange}

func (s NamespaceSpec) objectRef(gvk kindOf) kube.Ref {
	return kube.Ref{GVK: gvk, Namespace: s.ID.Name, Name: names.NamespaceObjects}
}

func (r *namespaceRun) input() gke.NamespaceInput {
	in := gke.NamespaceInput{Name: r.spec.ID.Name, Declared: *r.spec.Declared, Stamp: r.cloud.Stamp, Creating: r.creating}
	seen := map[string]bool{"": true}
	allocation := r.cluster.GetIpAllocationPolicy()
	for _, cidr := range []string{
		r.cluster.GetServicesIpv4Cidr(), allocation.GetServicesIpv4CidrBlock(), allocation.GetServicesIpv6CidrBlock(),
	} {
		if !seen[cidr] && strings.Contains(cidr, "/") {
			in.ServiceRanges = append(in.ServiceRanges, cidr)
		}
		seen[cidr] = true
	}
	return in
}

// bring makes the namespace, then what is declared to be in it, and takes away what is not declared any more.
func (r *namespaceRun) bring(ctx context.Context) error {
	if err := r.applyNamespace(ctx); err != nil {
		return err
	}
	r.made = true
	declared, err := gke.NamespaceObjects(r.input())
	if err != nil {
		return err
	}
	missing := slices.Clone(namespaceKinds)
	for _, object := range declared {
		if _, _, err := r.kube.Apply(ctx, object, kube.ApplyOptions{Force: true}); err != nil {
			return fmt.Errorf("write %s: %w", kube.RefOf(object), err)
		}
		missing = slices.DeleteFunc(missing, func(gvk kindOf) bool { return gvk == object.GroupVersionKind() })
	}
	for _, gvk := range missing {
		ref := r.spec.objectRef(gvk)
		live, err := r.kube.GetMetadata(ctx, ref)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err == nil && live.GetLabels()[names.KubeManagedBy] == names.ManagedBy {
			err = r.kube.Delete(ctx, ref, kube.DeleteOptions{UID: live.GetUID()})
		}
		if err != nil {
			return fmt.Errorf("delete %s: %w", ref, err)
		}
	}
	return nil
}

// applyNamespace writes the namespace. What is there keeps its identity: were it deleted meanwhile, the write is refused
// instead of making it anew.
func (r *namespaceRun) applyNamespace(ctx context.Context) error {
	declared, err := gke.DeclaredNamespace(r.input())
	if err != nil {
		return err
	}
	live, err := r.kube.GetMetadata(ctx, r.spec.ref())
	switch {
	case err == nil:
		declared.SetUID(live.GetUID())
	case !apierrors.IsNotFound(err), r.made: // one that this run has made does not come back
		return err
	}
	_, _, err = r.kube.Apply(ctx, declared, kube.ApplyOptions{})
	manager, fields, conflict := kube.Conflict(err)
	if !conflict || live == nil {
		return err
	}
	before := recordedNamespace(live.GetAnnotations())
	for _, field := range fields {
		if attribute, key := namespaceField(field); attribute != "" && !ownedNamespaceKey(before, attribute, key) {
			return namespaceConflict(r.spec, manager, attribute, key, err)
		}
	}
	_, _, err = r.kube.Apply(ctx, declared, kube.ApplyOptions{Force: true})
	return err
}

// recordedNamespace is the record, nil without one that can be read.
func recordedNamespace(annotations map[string]string) *app.Namespace {
	record, ok := annotations[names.KubeNamespace]
	if !ok {
		return nil
	}
	declared, err := app.DecodeNamespace([]byte(record))
	if err != nil {
		return nil
	}
	return &declared
}

// namespaceField is the attribute and the key of a label or annotation that the user declares; empty for the provider's.
func namespaceField(field string) (attribute, key string) {
	for _, attribute := range []string{"labels", "annotations"} {
		if key, ok := strings.CutPrefix(field, "metadata."+attribute+"."); ok && !strings.HasPrefix(key, "pod-security.kubernetes.io/") &&
			!strings.HasPrefix(key, "twelvefactor.dev/") && key != names.KubeManagedBy {
			return attribute, key
		}
	}
	return "", ""
}

// ownedNamespaceKey tells whether the label or annotation was applied before, so that it is taken back.
func ownedNamespaceKey(before *app.Namespace, attribute, key string) bool {
	if before == nil {
		return false
	}
	of := before.Annotations
	if attribute == "labels" {
		of = before.EffectiveLabels()
	}
	_, owned := of[key]
	return owned
}

func namespaceConflict(spec NamespaceSpec, manager, attribute, key string, err error) error {
	return &Error{
		Summary: fmt.Sprintf("Namespace %q has %s %s from somebody else", spec.ID.Name, strings.TrimSuffix(attribute, "s"), names.Quote(key)),
		Why:     fmt.Sprintf("It is written by %s with another value, and this resource never set it, so it is not overwritten.", manager),
		Fix: fmt.Sprintf("Declare the value that it has, leave it out of %s, or let the other writer give it up: "+
			"kubectl %s namespace %s %s-", attribute, map[string]string{"labels": "label", "annotations": "annotate"}[attribute], spec.ID.Name, key),
		Attribute: []string{attribute}, Err: err,
	}
}

// namespaceObjects are the full names of what a declared namespace is made of.
func namespaceObjects(id names.KubeNamespaceID, n app.Namespace) []string {
	all := []string{id.String()}
	for _, o := range []struct {
		kind string
		has  bool
	}{
		{"NetworkPolicy", n.DefaultDeny}, {"ResourceQuota", len(n.Quota) > 0},
		{"LimitRange", n.Limits != nil && len(n.Limits.DefaultRequest)+len(n.Limits.DefaultLimit)+len(n.Limits.Min)+len(n.Limits.Max) > 0},
	} {
		if o.has {
			all = append(all, fmt.Sprintf("%s/%s/%s", id, o.kind, names.NamespaceObjects))
		}
	}
	return all
}
