package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// NamespaceContents lists what is in a namespace as Kind/name, sorted: everything except what Kubernetes puts there
// itself and what belongs to an object that is listed.
func (c *Client) NamespaceContents(ctx context.Context, namespace string) ([]string, error) {
	kinds, err := c.deletableKinds(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for what namespace %s holds: %w", namespace, err)
	}
	found := make([][]string, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, k := range kinds {
		group.Go(func() error {
			items, err := c.listMetadata(ctx, k.resource, namespace, "")
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				return nil // the kind went away, or lists nothing
			}
			for _, item := range items {
				if !isOfKubernetes(k.kind, &item) {
					found[i] = append(found[i], k.kind+"/"+item.GetName())
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("look for what namespace %s holds: %w", namespace, err)
	}
	contents := slices.Concat(found...)
	slices.Sort(contents)
	return slices.Compact(contents), nil
}

// isOfKubernetes tells what every namespace gets (kube-controller-manager's serviceaccount and
// root-ca-certificate-publisher controllers), what follows a Service that is gone, and what an owner takes with it.
func isOfKubernetes(kind string, item *metav1.PartialObjectMetadata) bool {
	if metav1.GetControllerOfNoCopy(item) != nil {
		return true
	}
	switch kind {
	case "Event", "Endpoints", "EndpointSlice":
		return true
	case "ServiceAccount":
		return item.GetName() == "default"
	case "ConfigMap":
		return item.GetName() == "kube-root-ca.crt"
	case "Secret": // the token that clusters before 1.24 made for each service account
		return item.GetAnnotations()["kubernetes.io/service-account.name"] == "default"
	default:
		return false
	}
}

// kind is one kind of namespaced objects with its REST resource.
type kind struct {
	kind     string
	resource schema.GroupVersionResource
}

// discovery is the part of apidiscovery.k8s.io/v2 APIGroupDiscoveryList that is used here.
type discovery struct {
	Items []struct {
		Metadata struct{ Name string }
		Versions []struct {
			Version   string
			Freshness string
			Resources []struct {
				Resource     string
				ResponseKind struct{ Kind string }
				Scope        string
				Verbs        []string
			}
		}
	}
}

// deletableKinds lists the kinds of namespaced objects that can be stored: those with list and delete. Views that an
// add-on computes, like PodMetrics, have no delete.
func (c *Client) deletableKinds(ctx context.Context) ([]kind, error) {
	var kinds []kind
	for _, path := range []string{"/api", "/apis"} {
		var d discovery
		if err := c.retry(ctx, func(ctx context.Context) error { return c.discover(ctx, path, &d) }); err != nil {
			return nil, err
		}
		for _, group := range d.Items {
			if len(group.Versions) == 0 {
				continue
			}
			preferred := group.Versions[0] // the same objects are in all versions
			if preferred.Freshness == "Stale" {
				return nil, fmt.Errorf("the API group %.80q cannot be asked for its objects at the moment", group.Metadata.Name)
			}
			for _, r := range preferred.Resources {
				if r.Scope == "Namespaced" && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") {
					gvr := schema.GroupVersionResource{Group: group.Metadata.Name, Version: preferred.Version, Resource: r.Resource}
					kinds = append(kinds, kind{r.ResponseKind.Kind, gvr})
				}
			}
		}
	}
	return kinds, nil
}

// discover asks for the aggregated discovery document, which Kubernetes has served since 1.26 (v2 since 1.30).
func (c *Client) discover(ctx context.Context, path string, into *discovery) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", c.agent)
	request.Header.Set("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	*into = discovery{}
	if answer.StatusCode != http.StatusOK {
		return apierrors.NewGenericServerResponse(answer.StatusCode, "get", schema.GroupResource{}, "", "discovery at "+path, 0, false)
	}
	if kind := answer.Header.Get("Content-Type"); !strings.Contains(kind, "APIGroupDiscoveryList") {
		return fmt.Errorf("discovery at %s answered with %.100q: Kubernetes 1.30 or later is needed", path, kind)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
