package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
)

// Object names an object in the cluster.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is "Kind namespace/name".
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
}

// systemNamespaces hold what Kubernetes and GKE run; what a user puts there is not seen.
var systemNamespaces = []string{metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease}

// ownNames are what Kubernetes puts into every namespace, or into "default", by kind.
var ownNames = map[string][]string{
	"ConfigMap":      {"kube-root-ca.crt"},
	"ServiceAccount": {"default"},
	"Service":        {"kubernetes"},
	"EndpointSlice":  {"kubernetes"},
}

// passingKinds are records and mirrors, not objects that anybody would clean up.
var passingKinds = []string{"Event", "Lease", "PodMetrics", "Endpoints"}

// Dump lists the namespaces and the objects in them that Kubernetes did not put there itself, sorted. A cluster whose
// control plane has not started has none.
func (c *Cluster) Dump(ctx context.Context) ([]Object, error) {
	r, ok := c.started()
	if !ok {
		return nil, nil
	}
	lists, err := discovery.ServerPreferredNamespacedResources(r.client.Discovery())
	if err != nil {
		return nil, fmt.Errorf("find out what the cluster can hold: %w", err)
	}
	client, err := metadata.NewForConfig(r.config())
	if err != nil {
		return nil, err
	}
	all, err := dumpNamespaces(ctx, client)
	for _, list := range lists {
		version, perr := schema.ParseGroupVersion(list.GroupVersion)
		if perr != nil {
			return nil, perr
		}
		for _, resource := range list.APIResources {
			found, lerr := dumpResource(ctx, client, version.WithResource(resource.Name), resource)
			all = append(all, found...)
			err = errors.Join(err, lerr)
		}
	}
	slices.SortFunc(all, func(a, b Object) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all), err
}

func dumpNamespaces(ctx context.Context, client metadata.Interface) ([]Object, error) {
	list, err := client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var all []Object
	for _, item := range list.Items {
		if item.Name != metav1.NamespaceDefault && !slices.Contains(systemNamespaces, item.Name) {
			all = append(all, Object{Kind: "Namespace", Name: item.Name})
		}
	}
	return all, nil
}

func dumpResource(ctx context.Context, client metadata.Interface, resource schema.GroupVersionResource, described metav1.APIResource) ([]Object, error) {
	if !slices.Contains(described.Verbs, "list") || slices.Contains(passingKinds, described.Kind) {
		return nil, nil
	}
	list, err := client.Resource(resource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", resource.Resource, err)
	}
	var all []Object
	for _, item := range list.Items {
		o := Object{Kind: described.Kind, Namespace: item.Namespace, Name: item.Name}
		if !o.isOwn() {
			all = append(all, o)
		}
	}
	return all, nil
}

// isOwn says whether Kubernetes made the object itself.
func (o Object) isOwn() bool {
	if slices.Contains(systemNamespaces, o.Namespace) {
		return true
	}
	return slices.Contains(ownNames[o.Kind], o.Name) && (o.Namespace == metav1.NamespaceDefault || o.Name != "kubernetes")
}
