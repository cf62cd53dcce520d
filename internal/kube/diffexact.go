package kube

import (
	"maps"
	"reflect"
	"slices"
)

// DiffExact compares two values as Diff does, but what is live and not declared is a difference too, and lists are
// compared entry by entry. It is for what must hold nothing else, such as the rules of a NetworkPolicy.
func DiffExact(field string, declared, live any) []Change {
	var d differ
	d.exact(Field{}.to(field), declared, live)
	return d.changes
}

func (d *differ) exact(path Field, declared, live any) {
	switch want := declared.(type) {
	case map[string]any:
		have, ok := live.(map[string]any)
		if !ok {
			d.add(path, declared, live)
			return
		}
		keys := maps.Clone(want)
		maps.Copy(keys, have)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			d.exact(path.to(key), want[key], have[key])
		}
	case []any:
		have, _ := live.([]any)
		if len(have) != len(want) {
			d.add(path, declared, live)
			return
		}
		for i := range want {
			d.exact(path.to(i), want[i], have[i])
		}
	default:
		if (declared != nil || live != nil) && !reflect.DeepEqual(declared, live) && !sameNumber(declared, live) {
			d.add(path, declared, live)
		}
	}
}
