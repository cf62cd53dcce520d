package fakegcp

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fromTemplate reads a message from JSON in which {words} stand for values.
func fromTemplate(template []byte, into proto.Message, values map[string]string) error {
	var pairs []string
	for word, value := range values {
		pairs = append(pairs, "{"+word+"}", value)
	}
	if err := protojson.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(string(template))), into); err != nil {
		return fmt.Errorf("server defaults of %s: %w", into.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// stuckFlags are those that the service sets whatever is sent: recorded as true after false was sent.
var stuckFlags = []protoreflect.FullName{
	"google.container.v1.GcePersistentDiskCsiDriverConfig.enabled",
	"google.container.v1.IPAllocationPolicy.use_ip_aliases",
	"google.container.v1.KubernetesDashboard.disabled",
}

// overlay puts what a client sent over server defaults: messages and maps merge, lists and scalars replace. A field that is
// not sent keeps its default, except a flag in a message that is sent: there false cannot be told from absent, and is false.
func overlay(defaults, sent protoreflect.Message) {
	sent.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			into := defaults.Mutable(f).Map()
			v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				into.Set(key, value)
				return true
			})
		case f.Message() != nil && !f.IsList():
			overlay(defaults.Mutable(f).Message(), v.Message())
		default:
			defaults.Set(f, v)
		}
		return true
	})
	fields := sent.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() == protoreflect.BoolKind && !f.HasPresence() && !f.IsList() && !sent.Has(f) && !slices.Contains(stuckFlags, f.FullName()) {
			defaults.Clear(f)
		}
	}
}

// isEmpty says whether a message is absent or has no field set.
func isEmpty(m proto.Message) bool {
	return !m.ProtoReflect().IsValid() || proto.Size(m) == 0
}
