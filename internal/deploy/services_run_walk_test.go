package deploy

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// runLeft are the fields that may change behind our back where nothing is declared, with the reason. "[]" is any entry.
var runLeft = map[string]string{
	"labels":                         "labels of others are theirs",
	"annotations":                    "annotations of others are theirs",
	"template.labels":                "labels of others are theirs",
	"template.annotations":           "annotations of others are theirs",
	"template.execution_environment": "chosen by the API where it is not declared",
	"template.vpc_access.network_interfaces[].subnetwork": "chosen by the API where a network is declared",
}

// RunChange is one change of a message behind our back: of a field, at a place in it.
type RunChange struct {
	// Place is the way to the field, with "[]" for any entry of a list or map; what tells the changes of one place apart.
	Place, What string
	Apply       func(proto.Message)
}

// runWalker visits every field of a declared message, declared or not, and every field of the messages within it.
type runWalker struct {
	changes []RunChange
}

// RunDiff is runDiff.
var RunDiff = runDiff

// RunChangesOf are all changes that can be made of a declared message, one at a time, but for what is in runNotOwned
// and runNotCompared.
func RunChangesOf(m proto.Message) []RunChange {
	var w runWalker
	w.message("", m.ProtoReflect(), func(root proto.Message) protoreflect.Message { return root.ProtoReflect() })
	return w.changes
}

func (w *runWalker) add(place, what string, at func(proto.Message) protoreflect.Message, apply func(protoreflect.Message)) {
	w.changes = append(w.changes, RunChange{place, what, func(root proto.Message) { apply(at(root)) }})
}

// message adds the changes of m, which at finds in a copy of the whole.
func (w *runWalker) message(path string, m protoreflect.Message, at func(proto.Message) protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		oneof := field.ContainingOneof()
		other := oneof != nil && !oneof.IsSynthetic() && !m.Has(field) // another kind of probe, of volume, of value
		if runIsNotOurs(field) || other {
			continue
		}
		place := path + string(field.Name())
		switch {
		case field.IsMap():
			w.mapField(place, field, m, at)
		case field.IsList() && field.Message() != nil:
			w.list(place, field, m, at)
		case field.Message() != nil && !runIsDuration(field) && m.Has(field):
			if path != "" || place == "scaling" { // nothing is there without a template
				w.add(place, "removed", at, func(m protoreflect.Message) { m.Clear(field) })
			}
			w.message(place+".", m.Get(field).Message(), func(root proto.Message) protoreflect.Message { return at(root).Mutable(field).Message() })
		default:
			w.add(place, "changed", at, func(m protoreflect.Message) { m.Set(field, changedField(m, field)) })
		}
	}
}

func runIsNotOurs(field protoreflect.FieldDescriptor) bool {
	not := runNotCompared[field.FullName()]
	for _, fields := range runNotOwned {
		not = not || fields[field.FullName()]
	}
	return not
}

// ownAnnotations are the record, which everything is compared with.
var ownAnnotations = regexp.MustCompile(`^twelvefactor\.dev/`)

func (w *runWalker) mapField(place string, field protoreflect.FieldDescriptor, m protoreflect.Message, at func(proto.Message) protoreflect.Message) {
	set := func(key, value string) func(protoreflect.Message) {
		return func(m protoreflect.Message) {
			m.Mutable(field).Map().Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(value))
		}
	}
	w.add(place, "added", at, set("other", "7"))
	m.Get(field).Map().Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		if !ownAnnotations.MatchString(key.String()) {
			w.add(place+"[]", "changed "+key.String(), at, set(key.String(), "7"))
			w.add(place+"[]", "removed "+key.String(), at, func(m protoreflect.Message) { m.Mutable(field).Map().Clear(key) })
		}
		return true
	})
}

func (w *runWalker) list(place string, field protoreflect.FieldDescriptor, m protoreflect.Message, at func(proto.Message) protoreflect.Message) {
	w.add(place, "added", at, func(m protoreflect.Message) {
		list := m.Mutable(field).List()
		list.Append(list.NewElement())
	})
	for i := range m.Get(field).List().Len() {
		w.message(place+"[].", m.Get(field).List().Get(i).Message(), func(root proto.Message) protoreflect.Message {
			return at(root).Mutable(field).List().Get(i).Message()
		})
	}
	if m.Get(field).List().Len() > 0 {
		w.add(place, "removed", at, func(m protoreflect.Message) {
			list := m.Mutable(field).List()
			list.Truncate(list.Len() - 1)
		})
	}
}

// Whatever is changed behind our back of what a golden app is rendered to, or is added to it, shows: at every place, not
// only where the field is declared. What does not is listed with the reason.
func TestEveryChangeBehindOurBackShowsOrIsLeftForAReason(t *testing.T) {
	t.Parallel()
	left := map[string]bool{}
	for name, messages := range everyRun(t) {
		for _, declared := range messages {
			for _, change := range RunChangesOf(declared) {
				live := proto.Clone(declared)
				change.Apply(live)
				if len(runDiff(declared, live)) > 0 || proto.Equal(declared, live) {
					continue
				}
				if left[change.Place] = true; runLeft[change.Place] == "" {
					t.Errorf("%s: %s of a %s is %s and no difference shows: add it to runOwned, or to runLeft with the reason",
						name, change.Place, declared.ProtoReflect().Descriptor().Name(), change.What)
				}
			}
		}
	}
	for _, place := range slices.Sorted(maps.Keys(runLeft)) {
		if !left[place] {
			t.Errorf("%s is not left at all: %s", place, runLeft[place])
		}
	}
}
