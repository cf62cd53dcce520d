package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Missing stands for a value that is not there.
const Missing = "(missing)"

// Change is a field that is not as declared.
type Change struct {
	Path, Declared, Actual string
	// Field is the way that Path writes down.
	Field Field
}

// String is "path: declared -> actual".
func (c Change) String() string { return c.Path + ": " + c.Declared + " -> " + c.Actual }

// Diff compares the fields that declared has with the live object's, in the order of their paths. What the server or
// somebody else added is not compared: other fields, and other entries of lists that have a key (containers by name).
// Quantities are compared by what they mean.
func Diff(declared, live *unstructured.Unstructured) []Change {
	var d differ
	for _, key := range slices.Sorted(maps.Keys(declared.Object)) {
		if key != "status" && key != "apiVersion" && key != "kind" {
			d.compare(Field{}.to(key), key, declared.Object[key], live.Object[key])
		}
	}
	return d.changes
}

type differ struct{ changes []Change }

// compare looks at one value; field is the name of the field that it is in, path the way there.
func (d *differ) compare(path Field, field string, declared, actual any) {
	switch want := declared.(type) {
	case nil:
	case map[string]any:
		d.maps(path, field, want, actual)
	case []any:
		d.lists(path, field, want, actual)
	default:
		if !sameScalar(field, declared, actual) {
			d.add(path, declared, actual)
		}
	}
}

func (d *differ) add(path Field, declared, actual any) {
	d.changes = append(d.changes, Change{path.String(), shown(declared), shown(actual), path})
}

func (d *differ) maps(path Field, field string, want map[string]any, actual any) {
	have, ok := actual.(map[string]any)
	if !ok {
		if !isEmpty(want) {
			d.add(path, want, actual)
		}
		return
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		inner := key
		if quantityFields[field] {
			inner = field // every value of limits is a quantity
		}
		d.compare(path.to(key), inner, want[key], have[key])
	}
}

// lists compares an unordered list by the key of its entries and any other one entry by entry.
func (d *differ) lists(path Field, field string, want []any, actual any) {
	have, ok := actual.([]any)
	if !ok {
		if len(want) > 0 {
			d.add(path, want, actual)
		}
		return
	}
	if key := listKey(field, want); key != "" {
		for _, entry := range want {
			id := entry.(map[string]any)[key] //nolint:forcetypeassert // listKey looked
			d.compare(path.to(keyValue{key, id}), field, entry, findLike(have, key, entry))
		}
		return
	}
	if len(want) != len(have) {
		d.add(path, want, have)
		return
	}
	for i := range want {
		d.compare(path.to(i), field, want[i], have[i])
	}
}

// listKeys are the fields that are lists of entries with a key. A list of ports has "port" in a Service and
// "containerPort" in a pod; what else belongs to a key is in secondKeys.
// Source: x-kubernetes-list-map-keys in the OpenAPI schema of Kubernetes 1.36.
var listKeys = map[string][]string{
	"containers":                {"name"},
	"env":                       {"name"},
	"imagePullSecrets":          {"name"},
	"initContainers":            {"name"},
	"ports":                     {"containerPort", "port"},
	"topologySpreadConstraints": {"topologyKey"},
	"volumeMounts":              {"mountPath"},
	"volumes":                   {"name"},
}

// listKey gives the key that all entries have, or none.
func listKey(field string, entries []any) string {
	for _, key := range listKeys[field] {
		if !slices.ContainsFunc(entries, func(e any) bool { m, ok := e.(map[string]any); return !ok || m[key] == nil }) {
			return key
		}
	}
	return ""
}

// secondKeys are the other half of a key, and what it is when nothing is said. Whoever changes it replaces the entry.
var secondKeys = map[string]struct{ key, byDefault string }{
	"containerPort": {"protocol", "TCP"}, "port": {"protocol", "TCP"}, "topologyKey": {"whenUnsatisfiable", "DoNotSchedule"},
}

// secondKey is the other half of an entry's key, the zero value where one field is all of it.
func secondKey(key string, entry map[string]any) keyValue {
	second, ok := secondKeys[key]
	switch value := entry[second.key]; {
	case !ok:
		return keyValue{}
	case value == nil:
		return keyValue{second.key, second.byDefault}
	default:
		return keyValue{second.key, value}
	}
}

// findSame gives the entry with the whole key of another one, nil when there is none.
func findSame(entries []any, key string, entry any) map[string]any {
	want, _ := entry.(map[string]any)
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok && sameScalar(key, want[key], m[key]) && secondKey(key, want) == secondKey(key, m) {
			return m
		}
	}
	return nil
}

// findLike is findSame, or else the entry with the same first half of the key, which is what became of it.
func findLike(entries []any, key string, entry any) any {
	if same := findSame(entries, key, entry); same != nil {
		return same
	}
	want, _ := entry.(map[string]any)
	return find(entries, key, want[key])
}

func find(entries []any, key string, id any) any {
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok && sameScalar(key, id, m[key]) {
			return m
		}
	}
	return nil
}

// quantityFields hold maps of quantities, or are quantities.
var quantityFields = map[string]bool{
	"averageValue": true, "hard": true, "limits": true, "requests": true, "sizeLimit": true,
}

func sameScalar(field string, declared, actual any) bool {
	if reflect.DeepEqual(declared, actual) {
		return true
	}
	if actual == nil { // the server drops empty strings and zeros of optional fields
		return reflect.ValueOf(declared).IsZero()
	}
	want, have := fmt.Sprint(declared), fmt.Sprint(actual)
	if want == have || sameNumber(declared, actual) {
		return true
	}
	if !quantityFields[field] {
		return false
	}
	q, err := resource.ParseQuantity(want)
	if err != nil {
		return false
	}
	r, err := resource.ParseQuantity(have)
	return err == nil && q.Cmp(r) == 0
}

// sameNumber levels the types that a number has in a rendered object (int64, or int from a literal) and in a decoded
// one (int64 or float64).
func sameNumber(a, b any) bool {
	x, okX := number(a)
	y, okY := number(b)
	return okX && okY && x == y
}

func number(v any) (float64, bool) {
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanFloat():
		return r.Float(), true
	default:
		return 0, false
	}
}

// isEmpty tells that there is nothing declared in a value: the server drops empty maps and lists.
func isEmpty(v any) bool {
	switch t := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, inner := range t {
			if !isEmpty(inner) {
				return false
			}
		}
		return true
	case []any:
		return len(t) == 0
	default:
		return false
	}
}

const maxShown = 120

func shown(v any) string {
	text := fmt.Sprint(v)
	switch t := v.(type) {
	case nil:
		return Missing
	case string:
		if t == "" {
			return `""`
		}
	case map[string]any, []any:
		encoded, err := json.Marshal(t)
		if err != nil {
			return "(not JSON)"
		}
		text = string(encoded)
	}
	if len(text) > maxShown {
		return fmt.Sprintf("%.*q… (%d bytes)", maxShown, text, len(text))
	}
	return text
}
