package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds that the provider works with.
var (
	Event                   = schema.GroupVersionKind{Version: "v1", Kind: "Event"}
	ConfigMap               = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	Namespace               = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
	Node                    = schema.GroupVersionKind{Version: "v1", Kind: "Node"}
	Pod                     = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	Secret                  = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	Service                 = schema.GroupVersionKind{Version: "v1", Kind: "Service"}
	LimitRange              = schema.GroupVersionKind{Version: "v1", Kind: "LimitRange"}
	ResourceQuota           = schema.GroupVersionKind{Version: "v1", Kind: "ResourceQuota"}
	NetworkPolicy           = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}
	ServiceAccount          = schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}
	Deployment              = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	ReplicaSet              = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}
	HorizontalPodAutoscaler = schema.GroupVersionKind{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}
	SecretProviderClass     = schema.GroupVersionKind{Group: "secrets-store.csi.x-k8s.io", Version: "v1", Kind: "SecretProviderClass"}
	eventKind               = schema.GroupVersionKind{Version: "v1", Kind: "Event"}
	PodDisruptionBudget     = schema.GroupVersionKind{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}
)

// Ref names one object. Namespace is empty for what belongs to the whole cluster.
type Ref struct {
	GVK             schema.GroupVersionKind
	Namespace, Name string
}

// RefOf names an object.
func RefOf(obj *unstructured.Unstructured) Ref {
	return Ref{obj.GroupVersionKind(), obj.GetNamespace(), obj.GetName()}
}

// String is Kind/namespace/name, or Kind/name without a namespace.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.GVK.Kind + "/" + r.Name
	}
	return r.GVK.Kind + "/" + r.Namespace + "/" + r.Name
}

// resourceOf is the REST resource of a kind. The rule of English plurals that Kubernetes itself started with holds for
// every kind above; other kinds would need discovery.
func resourceOf(gvk schema.GroupVersionKind) schema.GroupVersionResource {
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return plural
}

// check refuses an answer about another object than the one that was asked for.
func (r Ref) check(kind, namespace, name string) error {
	if kind != r.GVK.Kind || namespace != r.Namespace || name != r.Name {
		return fmt.Errorf("asked for %s, the server answered with %.60q %.260q", r, kind, namespace+"/"+name)
	}
	return nil
}
