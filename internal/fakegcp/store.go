package fakegcp

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// store holds the objects of all services by the full name that their API returns ("projects/P/locations/L/clusters/C",
// "projects/NUMBER/secrets/S"). Messages are cloned on the way in and out, so nobody shares one. The server's lock
// guards it.
type store struct {
	// collections maps "projects/P/secrets" to its members by full name.
	collections map[string]map[string]proto.Message
}

func newStore() *store {
	return &store{collections: map[string]map[string]proto.Message{}}
}

// collectionOf is a name without its last segment.
func collectionOf(name string) string {
	i := strings.LastIndexByte(name, '/')
	return name[:max(i, 0)]
}

// lastSegment is what follows a name's last slash.
func lastSegment(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// lookup returns a copy of the object.
func lookup[T proto.Message](st *store, name string) (T, bool) {
	var none T
	m, ok := st.collections[collectionOf(name)][name]
	if !ok {
		return none, false
	}
	t, ok := m.(T)
	if !ok {
		return none, false
	}
	return proto.CloneOf(t), true
}

// put stores a copy of the message, replacing what was there.
func (st *store) put(name string, m proto.Message) {
	c := collectionOf(name)
	if st.collections[c] == nil {
		st.collections[c] = map[string]proto.Message{}
	}
	st.collections[c][name] = proto.Clone(m)
}

// update applies change to a copy and stores it; false when there is no such object.
func update[T proto.Message](st *store, name string, change func(T)) bool {
	m, ok := lookup[T](st, name)
	if ok {
		change(m)
		st.put(name, m)
	}
	return ok
}

// drop removes the object and everything below it.
func (st *store) drop(name string) {
	c := collectionOf(name)
	delete(st.collections[c], name)
	if len(st.collections[c]) == 0 {
		delete(st.collections, c)
	}
	for c := range st.collections {
		if strings.HasPrefix(c, name+"/") {
			delete(st.collections, c)
		}
	}
}

// children returns copies of the members of a collection, by name. A segment "-" stands for any id.
func children[T proto.Message](st *store, collection string) []T {
	all := members[T](st, collection)
	for i, m := range all {
		all[i] = proto.CloneOf(m)
	}
	return all
}

// members is children without the copies: for looking only.
func members[T proto.Message](st *store, collection string) []T {
	found := map[string]T{}
	for _, c := range st.matching(collection) {
		for name, m := range st.collections[c] {
			if t, ok := m.(T); ok {
				found[name] = t
			}
		}
	}
	all := make([]T, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[name])
	}
	return all
}

func (st *store) matching(collection string) []string {
	if !strings.Contains(collection, "/-/") {
		return []string{collection}
	}
	var all []string
	want := strings.Split(collection, "/")
	for c := range st.collections {
		if matchSegments(want, strings.Split(c, "/")) {
			all = append(all, c)
		}
	}
	return all
}

func matchSegments(pattern, segments []string) bool {
	return slices.EqualFunc(pattern, segments, func(p, s string) bool { return p == "-" || p == s })
}

// all yields every object, by name.
func (st *store) all(yield func(name string, m proto.Message) bool) {
	merged := map[string]proto.Message{}
	for _, members := range st.collections {
		maps.Copy(merged, members)
	}
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if !yield(name, merged[name]) {
			return
		}
	}
}
