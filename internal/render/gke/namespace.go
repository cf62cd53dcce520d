package gke

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// podSecurityVersion is the version of the standard that a namespace holds its pods to. Pinned, so that an upgrade of
// the cluster does not refuse pods that ran before; a cluster that is older takes its own latest.
// Source: Kubernetes, "Pod Security Admission", per-mode version labels.
const podSecurityVersion = "v1.34"

// Namespace renders a namespace that the provider creates: stamped, and with Pod Security "restricted".
func Namespace(in Input) *unstructured.Unstructured {
	in = in.filled()
	l := in.Stamp.KubeLabels()
	for _, mode := range []string{"enforce", "audit", "warn"} {
		l["pod-security.kubernetes.io/"+mode] = "restricted"
		l["pod-security.kubernetes.io/"+mode+"-version"] = podSecurityVersion
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	u.SetName(in.App.GKE.Namespace)
	u.SetLabels(l)
	u.SetAnnotations(in.creatingMark())
	return u
}

// creatingMark is nil for a finished create.
func (in Input) creatingMark() map[string]string {
	if in.Creating.IsZero() {
		return nil
	}
	return map[string]string{names.KubeCreating: in.Stamp.Mark(in.Creating)}
}
