package kube

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
)

const (
	pageSize = 500
	maxPages = 200
)

// Get reads one object.
func (c *Client) Get(ctx context.Context, ref Ref) (*unstructured.Unstructured, error) {
	var live *unstructured.Unstructured
	err := c.retry(ctx, func(ctx context.Context) (err error) {
		live, err = c.of(ref).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return live, ref.check(live.GetKind(), live.GetNamespace(), live.GetName())
}

// GetMetadata reads the metadata of one object and nothing else: the values of a Secret stay in the cluster.
func (c *Client) GetMetadata(ctx context.Context, ref Ref) (*metav1.PartialObjectMetadata, error) {
	var live *metav1.PartialObjectMetadata
	err := c.retry(ctx, func(ctx context.Context) (err error) {
		live, err = c.metadataOf(ref.GVK, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	// The kind of the answer is PartialObjectMetadata whatever was asked for.
	return live, ref.check(ref.GVK.Kind, live.GetNamespace(), live.GetName())
}

// List reads the objects of a kind that the label selector matches, page by page.
func (c *Client) List(ctx context.Context, gvk schema.GroupVersionKind, namespace, selector string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	err := c.pages(ctx, resourceOf(gvk), selector, func(ctx context.Context, o metav1.ListOptions) (string, error) {
		page, err := c.of(Ref{GVK: gvk, Namespace: namespace}).List(ctx, o)
		if err != nil {
			return "", err
		}
		all = append(all, page.Items...)
		return page.GetContinue(), nil
	})
	return all, err
}

// ListMetadata is List for metadata only.
func (c *Client) ListMetadata(ctx context.Context, gvk schema.GroupVersionKind, namespace, selector string) ([]metav1.PartialObjectMetadata, error) {
	return c.listMetadata(ctx, resourceOf(gvk), namespace, selector)
}

func (c *Client) listMetadata(ctx context.Context, r schema.GroupVersionResource, namespace, selector string) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	err := c.pages(ctx, r, selector, func(ctx context.Context, o metav1.ListOptions) (string, error) {
		page, err := c.metadata.Resource(r).Namespace(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		all = append(all, page.Items...)
		return page.GetContinue(), nil
	})
	return all, err
}

func (c *Client) pages(ctx context.Context, r schema.GroupVersionResource, selector string, read func(context.Context, metav1.ListOptions) (string, error)) error {
	o := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for range maxPages {
		err := c.retry(ctx, func(ctx context.Context) (err error) {
			o.Continue, err = read(ctx, o)
			return err
		})
		if err != nil || o.Continue == "" {
			return err
		}
	}
	return fmt.Errorf("there are more than %d %s", pageSize*maxPages, r.Resource)
}

func (c *Client) of(ref Ref) dynamic.ResourceInterface {
	all := c.objects.Resource(resourceOf(ref.GVK))
	if ref.Namespace == "" {
		return all
	}
	return all.Namespace(ref.Namespace)
}

func (c *Client) metadataOf(gvk schema.GroupVersionKind, namespace string) metadata.ResourceInterface {
	all := c.metadata.Resource(resourceOf(gvk))
	if namespace == "" {
		return all
	}
	return all.Namespace(namespace)
}
