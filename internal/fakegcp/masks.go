package fakegcp

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// applyMask copies the fields that the paths name from one message into another of the same type; a field that is absent
// there is cleared. "*" stands for every field.
// Source: https://google.aip.dev/161.
func applyMask(into, from proto.Message, paths []string) error {
	for _, path := range paths {
		if path == "*" {
			proto.Reset(into)
			proto.Merge(into, from)
			return nil
		}
		if !applyPath(into.ProtoReflect(), from.ProtoReflect(), strings.Split(path, ".")) {
			return invalid("Invalid field mask path: %s", path)
		}
	}
	return nil
}

func applyPath(into, from protoreflect.Message, path []string) bool {
	f := into.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	if f == nil {
		f = into.Descriptor().Fields().ByJSONName(path[0])
	}
	switch {
	case f == nil:
		return false
	case len(path) > 1:
		if f.IsMap() || f.IsList() || f.Message() == nil {
			return false
		}
		return applyPath(into.Mutable(f).Message(), from.Get(f).Message(), path[1:])
	case !from.Has(f):
		into.Clear(f)
	default:
		copied := proto.Clone(from.Interface()).ProtoReflect()
		into.Set(f, copied.Get(f))
	}
	return true
}

// maskNames says whether one of the paths is the field or something in it.
func maskNames(paths []string, field string) bool {
	for _, p := range paths {
		if p == "*" || p == field || strings.HasPrefix(p, field+".") {
			return true
		}
	}
	return false
}
