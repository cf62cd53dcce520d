package gke

import (
	"strconv"
	"time"

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
	u.SetAnnotations(creatingMark(in.Creating))
	return u
}

// creatingMark is nil for a finished create.
func creatingMark(since time.Time) map[string]string {
	if since.IsZero() {
		return nil
	}
	return map[string]string{names.KubeCreating: strconv.FormatInt(since.Unix(), 10)}
}
