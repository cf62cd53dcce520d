package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
)

// stray is an entry of a keyed list that stands where a declared one should.
type stray struct {
	list []any // the way to the list: field names, and keyValue for entries
	keyValue
	second keyValue // the other half of the key, if there is one
	// instead are the declared entries that are missing in the list, with the first of its strays.
	instead []any
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
	if apierrors.IsInvalid(err) && len(found) > 0 { // ours and theirs cannot be there together: two ports of one name
		if err := c.swap(ctx, live, found); err != nil {
			return live, said, fmt.Errorf("replace what stands for declared entries of %s: %w", RefOf(declared), err)
		}
		return c.Apply(ctx, declared, ApplyOptions{Force: true})
	}
	if err != nil || len(found) == 0 {
		return applied, said, err
	}
	cleaned, err := c.remove(ctx, applied, found)
	if err != nil {
		return applied, said, fmt.Errorf("remove what replaced declared entries of %s: %w", RefOf(declared), err)
	}
	return cleaned, said, nil
}

// patches is how often a patch is made anew while somebody else writes the same object.
const patches = 5

// patch writes a JSON patch that was made of the live object; no patch is nothing to write. It is made again of what is
// there by then when it does not fit any more.
func (c *Client) patch(ctx context.Context, live *unstructured.Unstructured, made func(*unstructured.Unstructured) ([]byte, error)) (*unstructured.Unstructured, error) {
	ref := RefOf(live)
	for attempt := 1; ; attempt++ {
		patch, err := made(live)
		if err != nil || patch == nil {
			return live, err
		}
		written, err := c.of(ref).Patch(ctx, ref.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager})
		moved := apierrors.IsInvalid(err) || apierrors.IsConflict(err)
		if err == nil || !moved || attempt == patches {
			return written, err
		}
		if live, err = c.of(ref).Get(ctx, ref.Name, metav1.GetOptions{}); err != nil {
			return nil, err
		}
	}
}

// remove takes the strays out of a live object.
func (c *Client) remove(ctx context.Context, live *unstructured.Unstructured, found []stray) (*unstructured.Unstructured, error) {
	return c.patch(ctx, live, func(live *unstructured.Unstructured) ([]byte, error) { return removal(live, found, false) })
}

// swap puts the declared entries into the place of the strays in one write, which is no apply: afterwards its fields are
// counted as applied, so that a later apply without them takes them away.
func (c *Client) swap(ctx context.Context, live *unstructured.Unstructured, found []stray) error {
	swapped, err := c.patch(ctx, live, func(live *unstructured.Unstructured) ([]byte, error) { return removal(live, found, true) })
	if err != nil {
		return err
	}
	_, err = c.patch(ctx, swapped, func(live *unstructured.Unstructured) ([]byte, error) {
		return csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(Manager), Manager)
	})
	return err
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
		var missing []any
		for _, entry := range want {
			id := entry.(map[string]any)[key] //nolint:forcetypeassert // listKey looked
			same := findSame(have, key, entry)
			if same == nil {
				missing = append(missing, entry)
			}
			found = append(found, strays(append(slices.Clone(path), keyValue{key, id}), "", entry, any(same))...)
		}
		instead := missing
		for _, entry := range have {
			m, _ := entry.(map[string]any)
			if len(missing) > 0 && findSame(want, key, entry) == nil {
				found = append(found, stray{path, keyValue{key, m[key]}, secondKey(key, m), instead})
				instead = nil
			}
		}
	}
	return found
}

// removal is a JSON patch that removes the strays, nil where none is left. It tests that each place still holds the
// entry that was seen there, so that a change of the lists fails the patch instead of removing another entry. It does
// not test the version of the object: a controller that writes the status is no reason to fail.
func removal(live *unstructured.Unstructured, found []stray, swap bool) ([]byte, error) {
	var places []place
	for _, s := range found {
		if p, ok := s.in(live.Object); ok {
			p.instead = s.instead
			places = append(places, p)
		}
	}
	if len(places) == 0 {
		return nil, nil
	}
	// Deep ones first and from the back, so that a removal does not move the places of the others.
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(b.index, a.index))
	})
	var patch []map[string]any
	for _, p := range places {
		for _, key := range p.keys {
			patch = append(patch, map[string]any{"op": "test", "path": key.key, "value": key.value})
		}
	}
	for _, p := range places {
		patch = append(patch, map[string]any{"op": "remove", "path": p.pointer})
	}
	for i := len(places) - 1; i >= 0 && swap; i-- { // lists on the outside first; those on the inside keep their places
		for _, entry := range places[i].instead {
			list := places[i].pointer[:strings.LastIndexByte(places[i].pointer, '/')]
			patch = append(patch, map[string]any{"op": "add", "path": list + "/-", "value": entry})
		}
	}
	return json.Marshal(patch)
}

// place is where an entry of a list is: a JSON pointer, how deep it is, the entry's index, and the keys on the way to it
// by their own pointers.
type place struct {
	pointer      string
	depth, index int
	keys         []keyValue
	instead      []any
}

func (s stray) in(obj map[string]any) (place, bool) {
	var at any = obj
	var found place
	way := append(slices.Clone(s.list), any(s.keyValue))
	for i, part := range way {
		var second keyValue
		if i == len(way)-1 {
			second = s.second
		}
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
				return ok && sameScalar("", p.value, m[p.key]) && (second.key == "" || secondKey(p.key, m) == second)
			})
			if found.index < 0 {
				return place{}, false
			}
			at = list[found.index]
			found.pointer += "/" + strconv.Itoa(found.index)
			found.keys = append(found.keys, keyValue{found.pointer + "/" + p.key, p.value})
			if m, _ := at.(map[string]any); m[second.key] != nil {
				found.keys = append(found.keys, keyValue{found.pointer + "/" + second.key, second.value})
			}
		}
	}
	return found, true
}
