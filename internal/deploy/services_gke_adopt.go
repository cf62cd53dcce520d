package deploy

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func (s *serviceGKE) takeOver(adopting bool) { s.adopting = adopting }

// mayWrite tells whether an apply may write over an object.
func (s *serviceGKE) mayWrite(live *unstructured.Unstructured) bool {
	return s.owns(live.GetLabels())
}
