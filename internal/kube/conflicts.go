package kube

import (
	"errors"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FieldConflict is one field that an apply without force was refused for, and the manager that owns it. Field is as the
// API server writes it: `.spec.template.spec.containers[name="web"].image`.
type FieldConflict struct{ Manager, Field string }

// FieldConflicts lists what an apply without force was refused for, nothing for other errors.
func FieldConflicts(err error) []FieldConflict {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var all []FieldConflict
	for _, cause := range status.Status().Details.Causes {
		if m := conflictForm.FindStringSubmatch(cause.Message); m != nil && cause.Type == metav1.CauseTypeFieldManagerConflict {
			all = append(all, FieldConflict{m[1], cause.Field})
		}
	}
	return all
}

// wireKey is the key of an entry in a conflict, of which the first is enough here.
// Source: sigs.k8s.io/structured-merge-diff, fieldpath/element.go, PathElement.String.
var wireKey = regexp.MustCompile(`\[[A-Za-z]+=(?:"([^"]*)"|([^,\]]*))[^\]]*\]`)

func plainWire(field string) string { return wireKey.ReplaceAllString(field, "[$1$2]") }

// In finds the field of a conflict in an object, ok is false when the object does not say anything there. A field that is
// owned as a whole, such as a command, is found by its first value.
func (c FieldConflict) In(obj *unstructured.Unstructured) (Field, bool) {
	at := plainWire(c.Field)
	for _, field := range Fields(obj) {
		if wire := field.wire(); wire == at || strings.HasPrefix(wire, at+".") || strings.HasPrefix(wire, at+"[") {
			return field, true
		}
	}
	return Field{}, false
}
