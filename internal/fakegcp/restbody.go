package fakegcp

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// maxViolations is how many faults of one request are told; a body of megabytes can have many.
const maxViolations = 100

// transcoder fills a request from JSON and from query parameters, and collects what does not fit, in the words of Google's
// JSON to protobuf front end. Names in places are those of the proto: cluster.node_pools[0].config.
// Sources: google/protobuf/util/converter (proto_writer.cc, protostream_objectwriter.cc), ansible#50252,
// hashicorp/terraform-provider-google issues.
type transcoder struct {
	violations []*errdetails.BadRequest_FieldViolation
}

// badPayload marks an error of the transcoder: the APIs that send the older errors[] word its reason otherwise.
type badPayload struct{ error }

func (e badPayload) Unwrap() error { return e.error }

// GRPCStatus keeps the text free of what wraps it.
func (e badPayload) GRPCStatus() *status.Status { return status.Convert(e.error) }

// err is all violations as one error, or nil.
func (t *transcoder) err() error {
	if len(t.violations) == 0 {
		return nil
	}
	texts := make([]string, len(t.violations))
	for i, v := range t.violations {
		texts[i] = v.GetDescription()
	}
	return badPayload{withDetails(invalid("%s", strings.Join(texts, "\n")), &errdetails.BadRequest{FieldViolations: t.violations})}
}

func (t *transcoder) add(place, format string, args ...any) {
	if len(t.violations) < maxViolations {
		t.violations = append(t.violations, &errdetails.BadRequest_FieldViolation{
			Field: place, Description: fmt.Sprintf(format, args...),
		})
	}
}

// unknownName refuses a name, at a place that is "" for the request itself.
func (t *transcoder) unknownName(place, name, why string) {
	if place != "" {
		t.add(place, "Invalid JSON payload received. Unknown name %q at '%s': %s", name, place, why)
		return
	}
	t.add(place, "Invalid JSON payload received. Unknown name %q: %s", name, why)
}

// invalidValue refuses a value; what is its type, or what else Google puts in the parentheses.
func (t *transcoder) invalidValue(place, what, why string) {
	at := "Invalid value"
	if place != "" {
		at += " at '" + place + "'"
	}
	if why != "" {
		why = ", " + why
	}
	t.add(place, "%s (%s)%s", at, what, why)
}

// below is a field's place in the message at a place.
func below(place string, f protoreflect.FieldDescriptor) string {
	if place == "" {
		return string(f.Name())
	}
	return place + "." + string(f.Name())
}

// fieldNamed finds a field by its JSON or its proto name.
func fieldNamed(d protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := d.Fields().ByJSONName(name); f != nil {
		return f
	}
	return d.Fields().ByName(protoreflect.Name(name))
}

// message fills a message from an object.
func (t *transcoder) message(m protoreflect.Message, n *jsonNode, place string) {
	for i, name := range n.names {
		f := fieldNamed(m.Descriptor(), name)
		if f == nil {
			t.unknownName(place, name, "Cannot find field.")
			continue
		}
		if n.items[i].kind == jsonNull && !takesNull(f) {
			continue
		}
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
			if set := m.WhichOneof(o); set != nil && set != f {
				t.invalidValue(place, "oneof", fmt.Sprintf("oneof field '%s' is already set. Cannot set '%s'", o.Name(), name))
				continue
			}
		}
		t.field(m, f, name, n.items[i], place)
	}
}

// takesNull says whether null is a value of the field rather than its absence.
func takesNull(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && f.Message().FullName() == (&structpb.Value{}).ProtoReflect().Descriptor().FullName()
}

// field sets a field of the message at a place. Of a repeated field a single value is the one element.
func (t *transcoder) field(m protoreflect.Message, f protoreflect.FieldDescriptor, name string, n *jsonNode, place string) {
	here := below(place, f)
	switch {
	case f.IsMap():
		t.mapEntries(m, f, name, n, place)
	case f.IsList():
		elements := []*jsonNode{n}
		if n.kind == jsonArray {
			elements = n.items
		}
		list := m.NewField(f).List()
		for i, e := range elements {
			if v, ok := t.value(f, list.NewElement, e, fmt.Sprintf("%s[%d]", here, i), place); ok {
				list.Append(v)
			}
		}
		m.Set(f, protoreflect.ValueOfList(list))
	case n.kind == jsonArray && !takesList(f):
		t.unknownName(place, name, "Proto field is not repeating, cannot start list.")
	default:
		if v, ok := t.value(f, func() protoreflect.Value { return m.NewField(f) }, n, here, place); ok {
			m.Set(f, v)
		}
	}
}

func takesList(f protoreflect.FieldDescriptor) bool {
	return takesNull(f) || f.Message() != nil && f.Message().FullName() == (&structpb.ListValue{}).ProtoReflect().Descriptor().FullName()
}

func (t *transcoder) mapEntries(m protoreflect.Message, f protoreflect.FieldDescriptor, name string, n *jsonNode, place string) {
	here := below(place, f)
	switch n.kind {
	case jsonObject:
	case jsonArray:
		t.invalidValue(place, "Map", fmt.Sprintf("Cannot bind a list to map for field '%s'.", name))
		return
	default:
		t.invalidValue(here, "type.googleapis.com/"+string(f.Message().FullName()), quotable(f, n))
		return
	}
	entries := m.Mutable(f).Map()
	for i, key := range n.names {
		k, ok := scalar(f.MapKey(), &jsonNode{kind: jsonString, text: key})
		if !ok {
			t.invalidValue(fmt.Sprintf("%s[%d].key", here, i), typeName(f.MapKey()), quotable(f.MapKey(), &jsonNode{kind: jsonString, text: key}))
			continue
		}
		at := fmt.Sprintf("%s[%d]", here, i)
		if v, ok := t.value(f.MapValue(), entries.NewValue, n.items[i], at+".value", at); ok {
			entries.Set(k.MapKey(), v)
		}
	}
}

// value converts one value of a field, at its own place, in the message at another.
func (t *transcoder) value(f protoreflect.FieldDescriptor, empty func() protoreflect.Value, n *jsonNode, here, place string) (protoreflect.Value, bool) {
	if f.Message() == nil {
		v, ok := scalar(f, n)
		switch {
		case ok:
		case n.kind == jsonObject:
			t.invalidValue(place, string(f.Name()), "Starting an object on a scalar field")
		default:
			t.invalidValue(here, typeName(f), quotable(f, n))
		}
		return v, ok
	}
	v := empty()
	if fill, ok := wellKnown(f.Message()); ok {
		if why := fill(v.Message(), n); why != nil {
			t.invalidValue(here, typeName(f), why(f, n))
			return v, false
		}
		return v, true
	}
	if n.kind != jsonObject {
		t.invalidValue(here, typeName(f), quotable(f, n))
		return v, false
	}
	t.message(v.Message(), n, here)
	return v, true
}

// typeName is a field's type as errors have it.
func typeName(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Message() != nil:
		return "type.googleapis.com/" + string(f.Message().FullName())
	case f.Enum() != nil:
		return "type.googleapis.com/" + string(f.Enum().FullName())
	default:
		return "TYPE_" + strings.ToUpper(f.Kind().String())
	}
}

// refusal words why a value is none of a well-known type.
type refusal func(protoreflect.FieldDescriptor, *jsonNode) string

// wellKnown fills the messages that JSON writes in a form of their own.
func wellKnown(d protoreflect.MessageDescriptor) (fill func(protoreflect.Message, *jsonNode) refusal, ok bool) {
	switch d.FullName() {
	case (&fieldmaskpb.FieldMask{}).ProtoReflect().Descriptor().FullName():
		return fillMask, true
	case (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName():
		return parsed(refuseDuration), true
	case (&timestamppb.Timestamp{}).ProtoReflect().Descriptor().FullName():
		return parsed(refuseTimestamp), true
	case (&anypb.Any{}).ProtoReflect().Descriptor().FullName(),
		(&structpb.Struct{}).ProtoReflect().Descriptor().FullName(),
		(&structpb.Value{}).ProtoReflect().Descriptor().FullName(),
		(&structpb.ListValue{}).ProtoReflect().Descriptor().FullName():
		return parsed(quotable), true
	}
	if d.ParentFile().Path() == wrapperspb.File_google_protobuf_wrappers_proto.Path() {
		return parsed(quotable), true
	}
	return nil, false
}

func parsed(why refusal) func(protoreflect.Message, *jsonNode) refusal {
	return func(m protoreflect.Message, n *jsonNode) refusal {
		if protojson.Unmarshal(n.append(nil), m.Interface()) != nil {
			return why
		}
		return nil
	}
}

func isMask(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && f.Message().FullName() == (&fieldmaskpb.FieldMask{}).ProtoReflect().Descriptor().FullName()
}

// fillMask takes a mask with names in either case, comma separated; which names there are is the method's business.
func fillMask(m protoreflect.Message, n *jsonNode) refusal {
	if n.kind != jsonString {
		return quotable
	}
	mask := &fieldmaskpb.FieldMask{}
	for path := range strings.SplitSeq(n.text, ",") {
		if path = strings.TrimSpace(path); path != "" {
			mask.Paths = append(mask.Paths, snakeCase(path))
		}
	}
	proto.Merge(m.Interface(), mask)
	return nil
}

func refuseDuration(f protoreflect.FieldDescriptor, n *jsonNode) string {
	if n.kind != jsonString {
		return quotable(f, n)
	}
	why := "Invalid duration format, failed to parse seconds"
	if !strings.HasSuffix(n.text, "s") {
		why = "Illegal duration format; duration must end with 's'"
	}
	return fmt.Sprintf("Field '%s', %s", f.JSONName(), why)
}

func refuseTimestamp(f protoreflect.FieldDescriptor, n *jsonNode) string {
	if n.kind != jsonString {
		return quotable(f, n)
	}
	return fmt.Sprintf("Field '%s', Invalid time format: %s", f.JSONName(), n.text)
}
