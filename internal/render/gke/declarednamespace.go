package gke

import (
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// NamespaceInput is all that rendering a declared namespace depends on.
type NamespaceInput struct {
	Name     string
	Declared app.Namespace
	Stamp    names.Stamp
	// Creating marks the namespace while its create is unfinished; zero when it is finished.
	Creating time.Time
	// ServiceRanges are the addresses of the cluster's Services, among them that of its DNS.
	ServiceRanges []string
}

// DeclaredNamespace renders the namespace itself, with the record of what is declared: the record also tells that the
// namespace has a resource of its own, so that no service deletes it. Audit and warnings always go by "restricted".
func DeclaredNamespace(in NamespaceInput) (*unstructured.Unstructured, error) {
	record, err := app.EncodeNamespace(in.Declared)
	if err != nil {
		return nil, err
	}
	l := in.labels()
	for mode, level := range map[string]string{"enforce": in.Declared.PodSecurity, "audit": app.Restricted, "warn": app.Restricted} {
		l["pod-security.kubernetes.io/"+mode] = level
		l["pod-security.kubernetes.io/"+mode+"-version"] = podSecurityVersion
	}
	annotations := maps.Clone(in.Declared.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[names.KubeNamespace] = string(record)
	if !in.Creating.IsZero() {
		annotations[names.KubeCreating] = in.Stamp.Mark(in.Creating)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	u.SetName(in.Name)
	u.SetLabels(l)
	u.SetAnnotations(annotations)
	return u, nil
}

// NamespaceObjects renders what is declared to be in the namespace. All that can be are called names.NamespaceObjects.
func NamespaceObjects(in NamespaceInput) ([]*unstructured.Unstructured, error) {
	var typed []any
	if in.Declared.DefaultDeny {
		policy, err := networkPolicy(in)
		if err != nil {
			return nil, err
		}
		typed = append(typed, policy)
	}
	if len(in.Declared.Quota) > 0 {
		hard, err := in.quantities("quota", in.Declared.Quota)
		if err != nil {
			return nil, err
		}
		typed = append(typed, &corev1.ResourceQuota{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ResourceQuota"}, ObjectMeta: in.meta(), Spec: corev1.ResourceQuotaSpec{Hard: hard},
		})
	}
	item, err := in.limitItem()
	if err != nil {
		return nil, err
	}
	if item != nil {
		typed = append(typed, &corev1.LimitRange{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "LimitRange"}, ObjectMeta: in.meta(),
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{*item}},
		})
	}
	return toUnstructured(typed)
}

func (in NamespaceInput) labels() map[string]string {
	l := in.Declared.EffectiveLabels()
	maps.Copy(l, in.Stamp.KubeLabels())
	return l
}

func (in NamespaceInput) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: names.NamespaceObjects, Namespace: in.Name, Labels: in.labels()}
}

// limitItem is nil when there are no limits.
func (in NamespaceInput) limitItem() (*corev1.LimitRangeItem, error) {
	l := in.Declared.Limits
	if l == nil || len(l.DefaultRequest)+len(l.DefaultLimit)+len(l.Min)+len(l.Max) == 0 {
		return nil, nil
	}
	item := corev1.LimitRangeItem{Type: corev1.LimitTypeContainer}
	for attribute, of := range map[string]struct {
		values map[string]string
		into   *corev1.ResourceList
	}{
		"limits.default_request": {l.DefaultRequest, &item.DefaultRequest}, "limits.default_limit": {l.DefaultLimit, &item.Default},
		"limits.min": {l.Min, &item.Min}, "limits.max": {l.Max, &item.Max},
	} {
		var err error
		if *of.into, err = in.quantities(attribute, of.values); err != nil {
			return nil, err
		}
	}
	return &item, nil
}

func (in NamespaceInput) quantities(attribute string, values map[string]string) (corev1.ResourceList, error) {
	if len(values) == 0 {
		return nil, nil
	}
	list := corev1.ResourceList{}
	for key, value := range values {
		q, err := resource.ParseQuantity(value)
		if err != nil {
			return nil, fmt.Errorf("rendering namespace %s: %s %s %+.60q: %w", in.Name, attribute, key, value, err)
		}
		list[corev1.ResourceName(key)] = q
	}
	return list, nil
}
