package fakegcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// binding is a method as one REST path calls it.
type binding struct {
	method string // with the leading slash
	input  protoreflect.MessageType
	body   string // the field that the body is, "*" for the whole request, "" for none
}

// systemParameters are query parameters of every Google API.
// Source: https://cloud.google.com/apis/docs/system-parameters.
var systemParameters = []string{
	"$.xgafv", "$alt", "$apiVersion", "$prettyPrint", "$callback", "$fields", "access_token", "alt", "callback", "fields", "key",
	"oauth_token", "prettyPrint", "quotaUser", "uploadType", "upload_protocol",
}

// callContext carries what gRPC metadata carries.
func callContext(r *http.Request) context.Context {
	md := metadata.MD{}
	if v := r.Header.Get("Authorization"); v != "" {
		md.Set("authorization", v)
	}
	return metadata.NewIncomingContext(r.Context(), md)
}

// decode builds the request from body, path and query; the path wins over the body.
func (b binding) decode(r *http.Request, segments map[string]string) (proto.Message, error) {
	request := b.input.New().Interface()
	if b.body != "" {
		if err := b.decodeBody(r, request.ProtoReflect()); err != nil {
			return nil, err
		}
	}
	for field, value := range segments {
		if err := runtime.PopulateFieldFromPath(request, field, value); err != nil {
			return nil, invalid("%s", err)
		}
	}
	query := r.URL.Query()
	for _, p := range systemParameters {
		query.Del(p)
	}
	if err := b.decodeQuery(request, query); err != nil {
		return nil, err
	}
	return request, nil
}

func (b binding) decodeBody(r *http.Request, request protoreflect.Message) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxMessageBytes))
	if err != nil {
		return invalid("Request payload size exceeds the limit: %d bytes.", maxMessageBytes)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	target := request
	if b.body != "*" {
		f := request.Descriptor().Fields().ByName(protoreflect.Name(b.body))
		target = request.Mutable(f).Message()
	}
	body, err = camelCaseMasks(body, target.Descriptor())
	if err != nil {
		return invalid("Invalid JSON payload received. %s", err)
	}
	if err := protojson.Unmarshal(body, target.Interface()); err != nil {
		return payloadError(err)
	}
	return nil
}

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// payloadError words a body that does not fit as Google does. It never quotes a value.
func payloadError(err error) error {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return invalid("Invalid JSON payload received. Unknown name \"%s\": Cannot find field.", m[1])
	}
	return invalid("Invalid JSON payload received. The body does not fit the request message.")
}

// camelCaseMasks rewrites field masks in a body: Google takes display_name as well as displayName, protojson only the
// latter.
func camelCaseMasks(body []byte, d protoreflect.MessageDescriptor) ([]byte, error) {
	masks := maskFields(d)
	if len(masks) == 0 {
		return body, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	for _, f := range masks {
		for _, key := range []string{f.JSONName(), string(f.Name())} {
			var mask string
			if raw, ok := fields[key]; !ok || json.Unmarshal(raw, &mask) != nil {
				continue
			}
			encoded, err := json.Marshal(camelCase(mask))
			if err != nil {
				return nil, err
			}
			fields[key] = encoded
		}
	}
	return json.Marshal(fields)
}

func maskFields(d protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	var masks []protoreflect.FieldDescriptor
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if f.Message() != nil && f.Message().FullName() == (&fieldmaskpb.FieldMask{}).ProtoReflect().Descriptor().FullName() {
			masks = append(masks, f)
		}
	}
	return masks
}

func (b binding) decodeQuery(request proto.Message, query url.Values) error {
	if b.body == "*" {
		return nil // everything but the path is in the body then
	}
	for _, f := range maskFields(request.ProtoReflect().Descriptor()) {
		if err := decodeMaskParameter(request.ProtoReflect(), f, query); err != nil {
			return err
		}
	}
	for name := range query {
		if !hasField(request.ProtoReflect().Descriptor(), strings.Split(name, ".")) {
			return invalid("Invalid JSON payload received. Unknown name \"%s\": Cannot bind query parameter. Field '%s' could not be found in request message.", name, name)
		}
	}
	if err := runtime.PopulateQueryParameters(request, query, utilities.NewDoubleArray(nil)); err != nil {
		return invalid("%s", err)
	}
	return nil
}

// decodeMaskParameter takes a mask out of the query: comma separated or repeated, in either case.
func decodeMaskParameter(request protoreflect.Message, f protoreflect.FieldDescriptor, query url.Values) error {
	var paths []string
	for _, key := range slices.Compact([]string{f.JSONName(), string(f.Name())}) {
		for _, value := range query[key] {
			paths = append(paths, strings.Split(value, ",")...)
		}
		query.Del(key)
	}
	if len(paths) == 0 {
		return nil
	}
	for i, p := range paths {
		paths[i] = snakeCase(p)
	}
	request.Set(f, protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: paths}).ProtoReflect()))
	return nil
}

// hasField says whether the dotted path names a field by its JSON or proto name.
func hasField(d protoreflect.MessageDescriptor, path []string) bool {
	f := d.Fields().ByJSONName(path[0])
	if f == nil {
		f = d.Fields().ByName(protoreflect.Name(path[0]))
	}
	switch {
	case f == nil:
		return false
	case len(path) == 1:
		return true
	case f.IsMap():
		return len(path) == 2
	default:
		return f.Message() != nil && hasField(f.Message(), path[1:])
	}
}

var (
	upperLetter    = regexp.MustCompile(`[A-Z]`)
	snakeSeparator = regexp.MustCompile(`_([a-z0-9])`)
)

func snakeCase(path string) string {
	return upperLetter.ReplaceAllStringFunc(path, func(s string) string { return "_" + strings.ToLower(s) })
}

func camelCase(path string) string {
	return snakeSeparator.ReplaceAllStringFunc(path, func(s string) string { return strings.ToUpper(s[1:]) })
}
