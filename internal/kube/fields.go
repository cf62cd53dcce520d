package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Field is the way to a value in an object: names of fields, keys of entries, and places in lists without keys.
type Field struct{ steps []any }

func (f Field) to(step any) Field { return Field{append(slices.Clone(f.steps), step)} }

// ContainerImage is the image of a container in a Deployment.
func ContainerImage(container string) Field {
	return Field{[]any{"spec", "template", "spec", "containers", keyValue{"name", container}, "image"}}
}

// plainKey needs no brackets in a path.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// String is the path as Diff shows it: "spec.template.spec.containers[web].image".
func (f Field) String() string {
	var b strings.Builder
	for _, step := range f.steps {
		switch s := step.(type) {
		case keyValue:
			fmt.Fprintf(&b, "[%v]", s.value)
		case int:
			b.WriteString("[" + strconv.Itoa(s) + "]")
		case string:
			switch {
			case !plainKey.MatchString(s):
				b.WriteString("[" + s + "]")
			case b.Len() > 0:
				b.WriteString("." + s)
			default:
				b.WriteString(s)
			}
		}
	}
	return b.String()
}

// wire is the path as the API server writes it in a conflict, with the first key of an entry alone: see plainWire.
func (f Field) wire() string {
	var b strings.Builder
	for _, step := range f.steps {
		switch s := step.(type) {
		case keyValue:
			fmt.Fprintf(&b, "[%v]", s.value)
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		default:
			fmt.Fprintf(&b, ".%v", s)
		}
	}
	return b.String()
}

// Fields lists everything that an object says, in the order of the paths: its scalars, and maps and lists that are empty.
func Fields(obj *unstructured.Unstructured) []Field { return fieldsIn(Field{}, "", obj.Object) }

func fieldsIn(at Field, field string, value any) []Field {
	var all []Field
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, fieldsIn(at.to(key), key, v[key])...)
		}
	case []any:
		key := listKey(field, v)
		for i, entry := range v {
			step := any(i)
			if key != "" {
				step = keyValue{key, entry.(map[string]any)[key]} //nolint:forcetypeassert // listKey looked
			}
			all = append(all, fieldsIn(at.to(step), field, entry)...)
		}
	}
	if len(all) == 0 && len(at.steps) > 0 {
		return []Field{at}
	}
	return all
}

// Get gives the value at a field.
func (f Field) Get(obj map[string]any) (value any, there bool) {
	value = obj
	for _, step := range f.steps {
		if value, there = child(value, step); !there {
			return nil, false
		}
	}
	return value, true
}

func child(value, step any) (any, bool) {
	switch s := step.(type) {
	case string:
		m, _ := value.(map[string]any)
		inner, ok := m[s]
		return inner, ok
	case int:
		if list, ok := value.([]any); ok && s < len(list) {
			return list[s], true
		}
	case keyValue:
		list, _ := value.([]any)
		entry := find(list, s.key, s.value)
		return entry, entry != nil
	}
	return nil, false
}

// Set puts a value into the place of the one that is there. Where there is none nothing happens.
func (f Field) Set(obj map[string]any, value any) { f.change(obj, &value) }

// Remove takes a field or an entry away.
func (f Field) Remove(obj map[string]any) { f.change(obj, nil) }

func (f Field) change(obj map[string]any, value *any) {
	if len(f.steps) == 0 {
		return
	}
	parent := Field{f.steps[:len(f.steps)-1]}
	holder, there := parent.Get(obj)
	if !there {
		return
	}
	switch h := holder.(type) {
	case map[string]any:
		name, _ := f.steps[len(f.steps)-1].(string)
		if value == nil {
			delete(h, name)
		} else if _, there := h[name]; there {
			h[name] = *value
		}
	case []any:
		i := slices.IndexFunc(h, func(entry any) bool {
			same, ok := child([]any{entry}, f.steps[len(f.steps)-1])
			return ok && same != nil
		})
		if place, isPlace := f.steps[len(f.steps)-1].(int); isPlace {
			i = place
		}
		switch {
		case i < 0 || i >= len(h):
		case value != nil:
			h[i] = *value
		default:
			parent.Set(obj, slices.Delete(slices.Clone(h), i, i+1))
		}
	}
}

// OwnedBy tells whether a manager owns the field of a live object.
func (f Field) OwnedBy(live *unstructured.Unstructured, manager string) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		if entry.Manager != manager || entry.FieldsV1 == nil || entry.Subresource != "" {
			return false
		}
		var owned map[string]any
		return json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) == nil && f.within(owned)
	})
}

// within follows the steps in a set of fields as managedFields has it. A list or map that is owned as a whole ends there.
// Source: sigs.k8s.io/structured-merge-diff, fieldpath/serialize-pe.go: f: is a field, k: an entry by its keys.
func (f Field) within(owned map[string]any) bool {
	for i, step := range f.steps {
		if i > 0 && len(owned) == 0 {
			return true
		}
		var inner any
		var ok bool
		switch s := step.(type) {
		case string:
			inner, ok = owned["f:"+s]
		case keyValue:
			inner, ok = entryOf(owned, s)
		}
		if !ok {
			return false
		}
		owned, _ = inner.(map[string]any)
	}
	return true
}

func entryOf(owned map[string]any, want keyValue) (any, bool) {
	for name, inner := range owned {
		encoded, ok := strings.CutPrefix(name, "k:")
		var keys map[string]any
		if ok && json.Unmarshal([]byte(encoded), &keys) == nil && sameScalar(want.key, want.value, keys[want.key]) {
			return inner, true
		}
	}
	return nil, false
}

// SameValue tells whether two values of a field are the same, whatever they were decoded from.
func SameValue(a, b any) bool {
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && string(one) == string(other)
}

// Entry is the path of the entry that a field is the key of, empty for any other field. Whoever changes such a field
// replaces the entry.
func (f Field) Entry() string {
	if len(f.steps) < 2 {
		return ""
	}
	entry, ok := f.steps[len(f.steps)-2].(keyValue)
	if !ok || f.steps[len(f.steps)-1] != entry.key {
		return ""
	}
	return Field{f.steps[:len(f.steps)-1]}.String()
}
