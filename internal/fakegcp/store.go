package fakegcp

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// store holds the objects of all services by the full name that their API returns ("projects/P/locations/L/clusters/C",
// "projects/NUMBER/secrets/S"). Messages are cloned on the way in and out. What is stored is replaced and never changed, so
// that a list may be sent without copies. The server's lock guards it.
type store struct {
	// collections maps "projects/P/secrets" to its members.
	collections map[string]*collection
	// below maps a path to the paths one segment longer that lead to a collection, so that dropping an object and listing
	// across locations look at what they are about only.
	below map[string]map[string]bool
	// puts counts the objects that were ever put.
	puts int
}

// entry is one object; age orders objects by the time at which they were first put.
type entry struct {
	name    string
	message proto.Message
	age     int
}

// collection keeps its members in both orders that APIs list them in, so that a list sorts nothing.
type collection struct {
	members map[string]*entry
	byName  []*entry
	byAge   []*entry
}

func newStore() *store {
	return &store{collections: map[string]*collection{}, below: map[string]map[string]bool{}}
}

// collectionOf is a name without its last segment.
func collectionOf(name string) string {
	i := strings.LastIndexByte(name, '/')
	return name[:max(i, 0)]
}

// lastSegment is what follows a name's last slash.
func lastSegment(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// has says whether there is an object of the name.
func (st *store) has(name string) bool {
	c := st.collections[collectionOf(name)]
	return c != nil && c.members[name] != nil
}

// lookup returns a copy of the object.
func lookup[T proto.Message](st *store, name string) (T, bool) {
	var none T
	c := st.collections[collectionOf(name)]
	if c == nil || c.members[name] == nil {
		return none, false
	}
	t, ok := c.members[name].message.(T)
	if !ok {
		return none, false
	}
	return proto.CloneOf(t), true
}

// put stores a copy of the message, replacing what was there.
func (st *store) put(name string, m proto.Message) {
	c := st.collection(collectionOf(name))
	if e := c.members[name]; e != nil {
		e.message = proto.Clone(m)
		return
	}
	st.puts++
	e := &entry{name: name, message: proto.Clone(m), age: st.puts}
	c.members[name] = e
	at, _ := slices.BinarySearchFunc(c.byName, name, compareName)
	c.byName = slices.Insert(c.byName, at, e)
	c.byAge = append(c.byAge, e)
}

// collection is the collection of that name, made if there is none.
func (st *store) collection(name string) *collection {
	c := st.collections[name]
	if c != nil {
		return c
	}
	c = &collection{members: map[string]*entry{}}
	st.collections[name] = c
	for path := name; path != ""; path = collectionOf(path) {
		parent := collectionOf(path)
		if st.below[parent] == nil {
			st.below[parent] = map[string]bool{}
		}
		st.below[parent][path] = true
	}
	return c
}

func compareName(e *entry, name string) int { return strings.Compare(e.name, name) }
func compareAge(e *entry, age int) int      { return cmp.Compare(e.age, age) }

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
	if c := st.collections[collectionOf(name)]; c != nil {
		c.remove(name)
		if len(c.members) == 0 {
			delete(st.collections, collectionOf(name))
		}
	}
	st.dropBelow(name)
	st.prune(name)
}

func (c *collection) remove(name string) {
	e := c.members[name]
	if e == nil {
		return
	}
	delete(c.members, name)
	if at, ok := slices.BinarySearchFunc(c.byName, name, compareName); ok {
		c.byName = slices.Delete(c.byName, at, at+1)
	}
	if at, ok := slices.BinarySearchFunc(c.byAge, e.age, compareAge); ok {
		c.byAge = slices.Delete(c.byAge, at, at+1)
	}
}

func (st *store) dropBelow(path string) {
	for sub := range st.below[path] {
		st.dropBelow(sub)
		delete(st.collections, sub)
	}
	delete(st.below, path)
}

// prune forgets a path that leads nowhere any more, and those that led to it only.
func (st *store) prune(path string) {
	for ; path != "" && st.collections[path] == nil && len(st.below[path]) == 0; path = collectionOf(path) {
		delete(st.below, path)
		delete(st.below[collectionOf(path)], path)
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
	return slices.Collect(only[T](st.byName(collection), nil))
}

// only yields the messages of one type that keep takes; a nil keep takes all.
func only[T proto.Message](entries iter.Seq[*entry], keep func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range entries {
			if t, ok := e.message.(T); ok && (keep == nil || keep(t)) && !yield(t) {
				return
			}
		}
	}
}

// byName yields the members of a collection by name. A segment "-" stands for any id.
func (st *store) byName(collection string) iter.Seq[*entry] {
	if !strings.Contains(collection, "/-/") {
		if c := st.collections[collection]; c != nil {
			return slices.Values(c.byName)
		}
		return slices.Values[[]*entry](nil)
	}
	var all []*entry
	for _, name := range st.matching(collection) {
		all = append(all, st.collections[name].byName...)
	}
	slices.SortFunc(all, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return slices.Values(all)
}

// newestFirst yields the members of one collection, the one put last first.
func (st *store) newestFirst(collection string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		c := st.collections[collection]
		if c == nil {
			return
		}
		for _, e := range slices.Backward(c.byAge) {
			if !yield(e) {
				return
			}
		}
	}
}

// matching are the collections that a pattern with "-" stands for.
func (st *store) matching(pattern string) []string {
	paths := []string{""}
	for segment := range strings.SplitSeq(pattern, "/") {
		var longer []string
		for _, p := range paths {
			next := strings.TrimPrefix(p+"/"+segment, "/")
			switch {
			case segment == "-":
				for sub := range st.below[p] {
					longer = append(longer, sub)
				}
			case st.below[p][next]:
				longer = append(longer, next)
			}
		}
		paths = longer
	}
	return slices.DeleteFunc(paths, func(p string) bool { return st.collections[p] == nil })
}

func matchSegments(pattern, segments []string) bool {
	return slices.EqualFunc(pattern, segments, func(p, s string) bool { return p == "-" || p == s })
}

// all yields every object, by name.
func (st *store) all(yield func(name string, m proto.Message) bool) {
	var entries []*entry
	for _, c := range st.collections {
		entries = append(entries, c.byName...)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	for _, e := range entries {
		if !yield(e.name, e.message) {
			return
		}
	}
}
