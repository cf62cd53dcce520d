package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// WaitNamespaceGone waits until a namespace that is being deleted is gone. A wait that ends too early says what holds it.
func (c *Client) WaitNamespaceGone(ctx context.Context, name string) error {
	ref := Ref{GVK: Namespace, Name: name}
	return c.poll(ctx, "the deletion of "+ref.String(), func(ctx context.Context) (bool, error, error) {
		live, err := c.Get(ctx, ref)
		if apierrors.IsNotFound(err) {
			return true, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		return false, namespaceHeld(live), nil
	})
}

// namespaceHeld is what Kubernetes says about a namespace that does not end: its content, finalizers of that, groups of
// the API that do not answer.
func namespaceHeld(live *unstructured.Unstructured) error {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	var held []string
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["status"] == "True" {
			if message, _ := condition["message"].(string); message != "" {
				held = append(held, strings.TrimSuffix(message, "."))
			}
		}
	}
	if finalizers := live.GetFinalizers(); len(finalizers) > 0 {
		held = append(held, fmt.Sprintf("it has finalizers itself: %q", finalizers))
	}
	if len(held) == 0 {
		return nil
	}
	return errors.New(strings.Join(held, "; "))
}
