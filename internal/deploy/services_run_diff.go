package deploy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// runDiff compares what is declared with a live message of the same type: the fields that declared has, and those of
// runOwned also where declared has none. What the API fills in is in neither. The entries are "path: declared -> actual",
// in the order of the fields.
func runDiff(declared, live proto.Message) []string {
	var d runDiffer
	d.message("", declared.ProtoReflect(), live.ProtoReflect())
	return d.changes
}

type runDiffer struct{ changes []string }

func (d *runDiffer) add(path, declared, actual string) {
	d.changes = append(d.changes, path+": "+declared+" -> "+actual)
}

func (d *runDiffer) message(path string, declared, live protoreflect.Message) {
	fields := declared.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		nested := field.Message() != nil && !field.IsMap() && !field.IsList() && !runIsDuration(field)
		concerns := declared.Has(field) || live.Has(field) && (runOwned[field.FullName()] || nested)
		if runNotCompared[field.FullName()] || !concerns {
			continue
		}
		at := strings.TrimPrefix(path+"."+string(field.Name()), ".")
		switch {
		case field.IsMap():
			d.maps(at, field, declared.Get(field).Map(), live.Get(field).Map())
		case field.IsList():
			d.lists(at, field, declared.Get(field).List(), live.Get(field).List())
		case nested:
			d.nested(at, field, declared, live)
		default:
			d.scalar(at, field, declared, live)
		}
	}
}

// nested compares a message within another. One that is not declared and not owned may still hold fields that are.
func (d *runDiffer) nested(path string, field protoreflect.FieldDescriptor, declared, live protoreflect.Message) {
	switch {
	case !declared.Has(field) && runOwned[field.FullName()]:
		d.add(path, kube.Missing, "present")
	case declared.Has(field) && !live.Has(field):
		d.add(path, "present", kube.Missing)
	default:
		d.message(path, declared.Get(field).Message(), live.Get(field).Message())
	}
}

func (d *runDiffer) scalar(path string, field protoreflect.FieldDescriptor, declared, live protoreflect.Message) {
	if want, have := runValue(field, declared), runValue(field, live); want != have {
		d.add(path, want, have)
	}
}

// runValue is the one value of a field as a difference shows it: numbers and switches that are not set are 0 and false.
func runValue(field protoreflect.FieldDescriptor, m protoreflect.Message) string {
	number, same := runSameAsUnset[field.FullName()]
	switch {
	case same && m.Get(field).Enum() == number:
		return kube.Missing
	case !m.Has(field) && (field.HasPresence() || field.Kind() == protoreflect.StringKind || field.Enum() != nil):
		return kube.Missing
	default:
		return runShown(field, m.Get(field))
	}
}

// maps compares the keys that are declared: labels of others are theirs. Limits of others are not.
func (d *runDiffer) maps(path string, field protoreflect.FieldDescriptor, declared, live protoreflect.Map) {
	var keys []string
	declared.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k.String())
		return true
	})
	live.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		if runQuantities[field.FullName()] && !declared.Has(k) {
			keys = append(keys, k.String())
		}
		return true
	})
	slices.Sort(keys)
	for _, k := range keys {
		key := protoreflect.ValueOfString(k).MapKey()
		want, have := kube.Missing, kube.Missing
		if declared.Has(key) {
			want = declared.Get(key).String()
		}
		if live.Has(key) {
			have = live.Get(key).String()
		}
		same := want == have || runQuantities[field.FullName()] && sameQuantity(want, have)
		if !same {
			d.add(path+"["+k+"]", runShort(want), runShort(have))
		}
	}
}

func sameQuantity(a, b string) bool {
	x, errX := resource.ParseQuantity(a)
	y, errY := resource.ParseQuantity(b)
	return errX == nil && errY == nil && x.Cmp(y) == 0
}

// lists compares entry by entry, and entries with a name by that: the API keeps the order of both.
func (d *runDiffer) lists(path string, field protoreflect.FieldDescriptor, declared, live protoreflect.List) {
	if field.Message() == nil {
		want, have := runValues(field, declared), runValues(field, live)
		if want != have {
			d.add(path, want, have)
		}
		return
	}
	name := runKey(field.Message())
	if name == nil {
		if declared.Len() != live.Len() {
			d.add(path, runEntries(declared), runEntries(live))
			return
		}
		for i := range declared.Len() {
			d.message(fmt.Sprintf("%s[%d]", path, i), declared.Get(i).Message(), live.Get(i).Message())
		}
		return
	}
	there := runByKey(live, name)
	for i := range declared.Len() {
		entry := declared.Get(i).Message()
		key := entry.Get(name).String()
		at := path + "[" + key + "]"
		if found, ok := there[key]; ok {
			d.message(at, entry, found)
		} else {
			d.add(at, "present", kube.Missing)
		}
		delete(there, key)
	}
	for i := range live.Len() { // in their order; values of others may be secret and are not shown
		if key := live.Get(i).Message().Get(name).String(); there[key] != nil {
			d.add(path+"["+key+"]", kube.Missing, "present")
		}
	}
}

// runEntries shows the plain fields of the entries of a list: "[{type: …LATEST, percent: 100}]". Values of HTTP headers may
// be secret and are left out.
func runEntries(list protoreflect.List) string {
	var entries []string
	for i := range list.Len() {
		var parts []string
		entry := list.Get(i).Message()
		fields := entry.Descriptor().Fields()
		for n := range fields.Len() {
			field := fields.Get(n)
			if !entry.Has(field) || field.Message() != nil || field.IsList() || field.FullName() == "google.cloud.run.v2.HTTPHeader.value" {
				continue
			}
			parts = append(parts, string(field.Name())+": "+runShown(field, entry.Get(field)))
		}
		entries = append(entries, "{"+strings.Join(parts, ", ")+"}")
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

// runKey is the field that tells the entries of a list apart.
func runKey(entry protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	switch entry.Name() {
	case "Container", "EnvVar", "Volume":
		return entry.Fields().ByName("name")
	case "VolumeMount":
		return entry.Fields().ByName("mount_path")
	case "VersionToPath":
		return entry.Fields().ByName("path")
	default:
		return nil
	}
}

func runByKey(list protoreflect.List, key protoreflect.FieldDescriptor) map[string]protoreflect.Message {
	entries := map[string]protoreflect.Message{}
	for i := range list.Len() {
		entry := list.Get(i).Message()
		entries[entry.Get(key).String()] = entry
	}
	return entries
}

func runValues(field protoreflect.FieldDescriptor, list protoreflect.List) string {
	values := []string{}
	for i := range list.Len() {
		values = append(values, fmt.Sprintf("%q", runShown(field, list.Get(i))))
	}
	return "[" + strings.Join(values, ", ") + "]"
}

func runShown(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case runIsDuration(field):
		if d, ok := v.Message().Interface().(*durationpb.Duration); ok {
			return strconv.FormatFloat(d.AsDuration().Seconds(), 'f', -1, 64) + "s"
		}
	case field.Message() != nil:
		return "present"
	case field.Enum() != nil:
		if value := field.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
	}
	return runShort(v.String())
}

func runIsDuration(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == "google.protobuf.Duration"
}

// maxRunShown is how much of a value a difference shows, in bytes.
const maxRunShown = 120

func runShort(s string) string {
	if len(s) <= maxRunShown {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:maxRunShown], ""), len(s))
}
