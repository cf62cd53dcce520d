package kube

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPodsThatBelongToTheirNodeStay(t *testing.T) {
	t.Parallel()
	controlled := func(version, kind string) metav1.PartialObjectMetadata {
		yes := true
		return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			OwnerReferences: []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: "o", Controller: &yes}},
		}}
	}
	mirror := controlled("v1", "Node")
	mirror.Annotations = map[string]string{annotationMirror: "hash"}
	for name, row := range map[string]struct {
		pod    metav1.PartialObjectMetadata
		leaves bool
	}{
		"of a ReplicaSet":             {controlled("apps/v1", "ReplicaSet"), true},
		"of nobody":                   {metav1.PartialObjectMetadata{}, true},
		"of a DaemonSet":              {controlled("apps/v1", "DaemonSet"), false},
		"of somebody's own DaemonSet": {controlled("apps.kruise.io/v1alpha1", "DaemonSet"), false},
		"a mirror of a file":          {mirror, false},
	} {
		if got := leaves(&row.pod); got != row.leaves {
			t.Errorf("a pod %s: leaves is %v, want %v", name, got, row.leaves)
		}
	}
}
