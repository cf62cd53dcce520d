package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// stray is an entry of a keyed list that stands where a declared one should.
type stray struct {
	list []any // the way to the list: field names, and keyValue for entries
	keyValue
}

type keyValue struct {
	key   string
	value any
}

// Replace applies an object with force and removes the entries that replaced ours in lists with a key. Somebody who
// edits a container's port from 8080 to 9090 replaces the entry; an apply alone would bring 8080 back and keep 9090
// as somebody else's. Entries that were only added stay.
func (c *Client) Replace(ctx context.Context, declared, live *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	found := strays(nil, "", declared.Object, live.Object)
	applied, said, err := c.Apply(ctx, declared, ApplyOptions{Force: true})
	if err != nil || len(found) == 0 {
		return applied, said, err
	}
	patch, err := removal(applied, found)
	if err != nil {
		return applied, said, err
	}
	ref := RefOf(declared)
	options := metav1.PatchOptions{FieldManager: Manager}
	cleaned, err := c.of(ref).Patch(ctx, ref.Name, types.JSONPatchType, patch, options)
	if err != nil {
		return applied, said, fmt.Errorf("remove what replaced declared entries of %s: %w", ref, err)
	}
	return cleaned, said, nil
}

// strays finds the live entries that are not declared in lists where a declared entry is missing.
func strays(path []any, field string, declared, live any) []stray {
	var found []stray
	switch want := declared.(type) {
	case map[string]any:
		have, _ := live.(map[string]any)
		for key, inner := range want {
			found = append(found, strays(append(slices.Clone(path), key), key, inner, have[key])...)
		}
	case []any:
		have, _ := live.([]any)
		key := listKey(field, want)
		if key == "" {
			return nil
		}
		missing := false
		for _, entry := range want {
			id := entry.(map[string]any)[key] //nolint:forcetypeassert // listKey looked
			same := find(have, key, id)
			missing = missing || same == nil
			found = append(found, strays(append(slices.Clone(path), keyValue{key, id}), "", entry, same)...)
		}
		for _, entry := range have {
			m, _ := entry.(map[string]any)
			if missing && find(want, key, m[key]) == nil {
				found = append(found, stray{path, keyValue{key, m[key]}})
			}
		}
	}
	return found
}

// removal is a JSON patch that removes the strays. It tests the version that the places were looked up in, so that a
// concurrent change fails the patch instead of removing another entry.
func removal(live *unstructured.Unstructured, found []stray) ([]byte, error) {
	var places []place
	for _, s := range found {
		if p, ok := s.in(live.Object); ok {
			places = append(places, p)
		}
	}
	// Deep ones first and from the back, so that a removal does not move the places of the others.
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(b.index, a.index))
	})
	patch := []map[string]any{{"op": "test", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()}}
	for _, p := range places {
		patch = append(patch, map[string]any{"op": "remove", "path": p.pointer})
	}
	return json.Marshal(patch)
}

// place is where an entry of a list is: a JSON pointer, how deep it is, and the entry's index.
type place struct {
	pointer      string
	depth, index int
}

func (s stray) in(obj map[string]any) (place, bool) {
	var at any = obj
	var found place
	for _, part := range append(slices.Clone(s.list), any(s.keyValue)) {
		found.depth++
		switch p := part.(type) {
		case string:
			m, _ := at.(map[string]any)
			at = m[p]
			found.pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
		case keyValue:
			list, _ := at.([]any)
			found.index = slices.IndexFunc(list, func(e any) bool {
				m, ok := e.(map[string]any)
				return ok && sameScalar("", p.value, m[p.key])
			})
			if found.index < 0 {
				return place{}, false
			}
			at = list[found.index]
			found.pointer += "/" + strconv.Itoa(found.index)
		}
	}
	return found, true
}
