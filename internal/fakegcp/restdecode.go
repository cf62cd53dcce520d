package fakegcp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// binding is a method as one REST path calls it.
type binding struct {
	route
	input  protoreflect.MessageType
	output protoreflect.MessageDescriptor
}

// callContext carries what gRPC metadata carries.
func callContext(r *http.Request, o system) context.Context {
	md := metadata.MD{}
	if v := r.Header.Get("Authorization"); v != "" {
		md.Set("authorization", v)
	} else if o.token != "" {
		md.Set("authorization", "Bearer "+o.token)
	}
	return metadata.NewIncomingContext(r.Context(), md)
}

// decode builds the request from body, path and query. What the path and the body bind, the query cannot.
func (b binding) decode(r *http.Request, segments map[string]string, query url.Values, form bool) (proto.Message, error) {
	request := b.input.New()
	t := &transcoder{}
	if b.body != "" && !form {
		if err := b.decodeBody(t, r, request); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(segments)) {
		if err := runtime.PopulateFieldFromPath(request.Interface(), name, segments[name]); err != nil {
			return nil, invalid("%s", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !isSystemParameter(name) {
			t.parameter(request, name, query[name], func(root string) bool {
				_, inPath := segments[root]
				return inPath || !form && (b.body == "*" || b.body == root)
			})
		}
	}
	return request.Interface(), t.err()
}

func (b binding) decodeBody(t *transcoder, r *http.Request, request protoreflect.Message) error {
	body, err := readBody(r)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	n, err := parseJSON(body)
	if err != nil {
		t.add("", "Invalid JSON payload received. %s", err)
		return t.err()
	}
	if n.kind != jsonObject {
		t.unknownName("", "", "Root element must be a message.")
		return t.err()
	}
	if b.body == "*" {
		t.message(request, n, "")
		return nil
	}
	f := request.Descriptor().Fields().ByName(protoreflect.Name(b.body))
	t.message(request.Mutable(f).Message(), n, string(f.Name()))
	return nil
}

// readBody reads the whole body, which may be compressed.
func readBody(r *http.Request) ([]byte, error) {
	var body io.Reader = http.MaxBytesReader(nil, r.Body, maxMessageBytes)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, invalid("The request body is not compressed with gzip.")
		}
		body = unpacked
	default:
		return nil, invalid("Unsupported Content-Encoding: %s.", encoding)
	}
	read, err := io.ReadAll(io.LimitReader(body, maxMessageBytes+1))
	var tooLarge *http.MaxBytesError
	switch {
	case len(read) > maxMessageBytes, errors.As(err, &tooLarge):
		return nil, invalid("Request payload size exceeds the limit: %d bytes.", maxMessageBytes)
	case err != nil:
		return nil, invalid("The request body could not be read to its end.")
	}
	return read, nil
}

// parameter sets what a query parameter such as options.requestedPolicyVersion names. bound says which fields of the
// request are not the query's.
func (t *transcoder) parameter(m protoreflect.Message, name string, values []string, bound func(string) bool) {
	names := strings.Split(name, ".")
	if f := parameterField(m.Descriptor(), names); f != nil && !bound(string(fieldNamed(m.Descriptor(), names[0]).Name())) {
		place := ""
		for _, part := range names[:len(names)-1] {
			parent := fieldNamed(m.Descriptor(), part)
			m, place = m.Mutable(parent).Message(), below(place, parent)
		}
		t.parameterValues(m, f, names[len(names)-1], values, place)
		return
	}
	if !parameterName.MatchString(name) {
		name = "…" // a body that was sent as a form, which may have a secret in it
	}
	t.unknownName("", name, fmt.Sprintf("Cannot bind query parameter. Field '%s' could not be found in request message.", name))
}

var parameterName = regexp.MustCompile(`^[$A-Za-z0-9_.-]{1,200}$`)

// parameterField is the field that a parameter names, or nil: its value must be one that is written as a string, and no map
// or repeated message can be on the way.
func parameterField(d protoreflect.MessageDescriptor, names []string) protoreflect.FieldDescriptor {
	f := fieldNamed(d, names[0])
	if f == nil || f.IsMap() {
		return nil
	}
	leaf := f.Message() == nil
	if !leaf {
		_, leaf = wellKnown(f.Message())
	}
	switch {
	case leaf && len(names) == 1:
		return f
	case leaf || f.IsList() || len(names) == 1:
		return nil
	default:
		return parameterField(f.Message(), names[1:])
	}
}

func (t *transcoder) parameterValues(m protoreflect.Message, f protoreflect.FieldDescriptor, name string, values []string, place string) {
	if isMask(f) {
		values = []string{strings.Join(values, ",")}
	}
	n := &jsonNode{kind: jsonString, text: values[0]}
	if len(values) > 1 || f.IsList() {
		n = &jsonNode{kind: jsonArray}
		for _, v := range values {
			n.items = append(n.items, &jsonNode{kind: jsonString, text: v})
		}
	}
	t.field(m, f, name, n, place)
}

// hasField says whether the dotted path names a field by its JSON or proto name.
func hasField(d protoreflect.MessageDescriptor, path []string) bool {
	f := fieldNamed(d, path[0])
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

var upperLetter = regexp.MustCompile(`[A-Z]`)

func snakeCase(path string) string {
	return upperLetter.ReplaceAllStringFunc(path, func(s string) string { return "_" + strings.ToLower(s) })
}
