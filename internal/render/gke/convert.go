package gke

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// toUnstructured converts typed objects to what is declared: fields that the types always write, though nobody set
// them, are left out, because server-side apply would take them as declared.
func toUnstructured(typed []any) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, t := range typed {
		if object, ready := t.(*unstructured.Unstructured); ready {
			objects = append(objects, object)
			continue
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(t)
		if err != nil {
			return nil, fmt.Errorf("converting a %T: %w", t, err)
		}
		for _, undeclared := range [][]string{
			{"status"}, {"metadata", "creationTimestamp"}, {"spec", "template", "metadata", "creationTimestamp"},
		} {
			unstructured.RemoveNestedField(content, undeclared...)
		}
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects, nil
}
