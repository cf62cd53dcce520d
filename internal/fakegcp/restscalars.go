package fakegcp

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar converts a value to a field's kind, as protobuf's JSON mapping has it: integers as numbers or strings, enums by
// name or number, booleans also as the strings of their names.
// Source: https://protobuf.dev/programming-guides/json, google/protobuf/util/converter/datapiece.cc.
func scalar(f protoreflect.FieldDescriptor, n *jsonNode) (protoreflect.Value, bool) {
	if n.kind == jsonNull || n.kind == jsonArray || n.kind == jsonObject {
		return protoreflect.Value{}, false
	}
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n.text == "true"), n.kind != jsonNumber && (n.text == "true" || n.text == "false")
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(n.text), n.kind == jsonString && utf8.ValidString(n.text)
	case protoreflect.BytesKind:
		b, ok := decodeBase64(n.text)
		return protoreflect.ValueOfBytes(b), ok && n.kind == jsonString
	case protoreflect.EnumKind:
		return enumValue(f.Enum(), n)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return floatValue(f, n)
	default:
		return integerValue(f, n)
	}
}

// decodeBase64 takes both alphabets, with and without padding.
func decodeBase64(s string) ([]byte, bool) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}

func enumValue(d protoreflect.EnumDescriptor, n *jsonNode) (protoreflect.Value, bool) {
	if n.kind == jsonString {
		if v := d.Values().ByName(protoreflect.Name(n.text)); v != nil {
			return protoreflect.ValueOfEnum(v.Number()), true
		}
	}
	number, ok := integer(n, 32)
	return protoreflect.ValueOfEnum(protoreflect.EnumNumber(number)), ok
}

func floatValue(f protoreflect.FieldDescriptor, n *jsonNode) (protoreflect.Value, bool) {
	size := 64
	if f.Kind() == protoreflect.FloatKind {
		size = 32
	}
	v, err := strconv.ParseFloat(n.text, size)
	ok := n.kind != jsonBool && err == nil
	if size == 32 {
		return protoreflect.ValueOfFloat32(float32(v)), ok
	}
	return protoreflect.ValueOfFloat64(v), ok
}

func integerValue(f protoreflect.FieldDescriptor, n *jsonNode) (protoreflect.Value, bool) {
	switch f.Kind() {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		v, err := strconv.ParseUint(n.text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(v)), err == nil && n.kind != jsonBool
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		v, err := strconv.ParseUint(n.text, 10, 64)
		return protoreflect.ValueOfUint64(v), err == nil && n.kind != jsonBool
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		v, ok := integer(n, 64)
		return protoreflect.ValueOfInt64(v), ok
	default:
		v, ok := integer(n, 32)
		return protoreflect.ValueOfInt32(int32(v)), ok
	}
}

// integer reads a whole number; as a number it may also be written as 1.0 or 1e2.
func integer(n *jsonNode, bits int) (int64, bool) {
	if v, err := strconv.ParseInt(n.text, 10, bits); err == nil {
		return v, n.kind != jsonBool
	}
	if n.kind != jsonNumber {
		return 0, false
	}
	v, err := strconv.ParseFloat(n.text, 64)
	limit := math.Ldexp(1, bits-1)
	if err != nil || v != math.Trunc(v) || v < -limit || v >= limit {
		return 0, false
	}
	return int64(v), true
}

// unquotable are messages of which no value is in an error, though Google's front end quotes it: somebody who puts a secret
// into the wrong place does not want it in a log.
var unquotable = map[protoreflect.FullName]bool{
	(&secretmanagerpb.SecretPayload{}).ProtoReflect().Descriptor().FullName(): true,
	(&containerpb.MasterAuth{}).ProtoReflect().Descriptor().FullName():        true,
	(&runpb.EnvVar{}).ProtoReflect().Descriptor().FullName():                  true,
}

// quotable is a refused value for the error that refuses it, or nothing where it may be a secret.
func quotable(f protoreflect.FieldDescriptor, n *jsonNode) string {
	if f.Kind() == protoreflect.BytesKind || unquotable[f.ContainingMessage().FullName()] {
		return ""
	}
	if f.Message() != nil && holdsSecrets(f.Message(), map[protoreflect.FullName]bool{}) {
		return ""
	}
	return n.quoted()
}

// holdsSecrets says whether a value of the type can have an unquotable one in it.
func holdsSecrets(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if unquotable[d.FullName()] {
		return true
	}
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		if f := d.Fields().Get(i); f.Message() != nil && holdsSecrets(f.Message(), seen) {
			return true
		}
	}
	return false
}
