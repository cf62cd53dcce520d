package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Manager is the field manager of this provider. Renaming it would make every object conflict with its own past.
const Manager = "twelvefactor"

// ApplyOptions are the switches of a server-side apply.
type ApplyOptions struct {
	// Force takes fields back from other managers.
	Force bool
	// DryRun has the server check and default the object without storing it.
	DryRun bool
	// FieldManager is Manager when empty.
	FieldManager string
}

// Apply makes the object's fields so, and only those. It returns the live object, without the data of a Secret, and
// the warnings of admission. Applying the same object again changes nothing.
func (c *Client) Apply(ctx context.Context, obj *unstructured.Unstructured, o ApplyOptions) (*unstructured.Unstructured, []string, error) {
	ref := RefOf(obj)
	options := metav1.ApplyOptions{FieldManager: o.FieldManager, Force: o.Force}
	if options.FieldManager == "" {
		options.FieldManager = Manager
	}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	ctx, said := collectWarnings(ctx)
	var live *unstructured.Unstructured
	err := c.retry(ctx, func(ctx context.Context) (err error) {
		live, err = c.of(ref).Apply(ctx, ref.Name, obj, options)
		return err
	})
	if err != nil {
		return nil, said.list(), withoutValues(err, obj)
	}
	if ref.GVK == Secret {
		unstructured.RemoveNestedField(live.Object, "data")
	}
	return live, said.list(), ref.check(live.GetKind(), live.GetNamespace(), live.GetName())
}
