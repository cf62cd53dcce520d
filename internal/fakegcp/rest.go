package fakegcp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// restHandler transcodes REST/JSON to the registered methods. %2F in a path stays part of its segment, everything else is
// decoded. Source: google/api/http.proto, on the expansion of variables with several segments.
func (s *Server) restHandler() (http.Handler, error) {
	mux := runtime.NewServeMux(
		runtime.WithRoutingErrorHandler(
			func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, _ int) {
				writeNoRoute(w, r)
			}),
		runtime.WithErrorHandler(
			func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, _ error) {
				writeNotFoundPage(w, r) // a path that cannot be decoded
			}),
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
	all, err := routes()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if err := s.bind(mux, r); err != nil {
			return nil, err
		}
	}
	annotated := withMethodOverride(mux)
	return withUTF8(s.withComputeGroups(s.withBilling(s.withServiceUsage(s.withProjectsV1(annotated))))), nil
}

// withUTF8 refuses paths that are none: names become strings of protobuf, which are UTF-8.
func withUTF8(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !utf8.ValidString(r.URL.Path) {
			writeRESTError(w, "", invalid("The path is not encoded as UTF-8."), system{})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withMethodOverride routes a request by the verb that it means. No variable of a path is empty.
func withMethodOverride(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") || strings.Contains(r.URL.Path, "//") {
			writeNoRoute(w, r)
			return
		}
		if method := methodOf(r); method != r.Method {
			r = r.Clone(r.Context())
			r.Method = method
		}
		next.ServeHTTP(w, r)
	})
}

// bind serves one REST path with its method.
func (s *Server) bind(mux *runtime.ServeMux, r route) error {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(r.method)
	if err != nil {
		return fmt.Errorf("REST path %s: %w", r.path, err)
	}
	method := d.(protoreflect.MethodDescriptor) //nolint:forcetypeassert // routes name methods
	input, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return fmt.Errorf("REST path %s: %w", r.path, err)
	}
	b := binding{route: r, input: input, output: method.Output()}
	custom := strings.Contains(lastSegment(shapeOf(r.path)), ":")
	err = mux.HandlePath(r.verb, r.path, func(w http.ResponseWriter, r *http.Request, segments map[string]string) {
		if !custom && strings.Contains(lastSegment(r.URL.EscapedPath()), ":") {
			writeNoRoute(w, r) // what follows a colon is a verb, and none that there is
			return
		}
		s.serveREST(w, r, b, segments)
	})
	if err != nil {
		return fmt.Errorf("REST path %s %s: %w", r.verb, r.path, err)
	}
	return nil
}

// fullMethod is the method as gRPC calls it: /package.Service/Method.
func (b binding) fullMethod() string {
	return fmt.Sprintf("/%s/%s", b.method.Parent(), b.method.Name())
}

// serveREST decodes a request, has it go through the same interceptor as gRPC, and encodes the answer.
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request, b binding, segments map[string]string) {
	method := b.fullMethod()
	query, form, err := queryOf(r)
	if err != nil {
		writeRESTError(w, method, err, system{})
		return
	}
	o, err := systemOf(r, query)
	if err != nil {
		writeRESTError(w, method, err, o)
		return
	}
	request, err := b.decode(r, segments, query, form)
	if err != nil {
		writeRESTError(w, method, err, o)
		return
	}
	selection, err := selectionFor(o.fields, b.output)
	if err != nil {
		writeRESTError(w, method, err, o)
		return
	}
	response, err := s.handlers.invoke(callContext(r, o), method, request)
	if err != nil {
		writeRESTError(w, method, err, o)
		return
	}
	format := answerFormat{system: o, selection: selection, beta: b.beta}
	answer := response.(proto.Message) //nolint:forcetypeassert // a gRPC handler returns nothing else
	if !s.writeList(w, answer, format) {
		writeREST(w, answer, format)
	}
}

// writeNoRoute answers for a path that has no method, or not with this verb.
func writeNoRoute(w http.ResponseWriter, r *http.Request) {
	for _, u := range unservedPaths {
		if u.path.MatchString(r.URL.Path) {
			writeRESTError(w, "", unmodelled("%s is not served; QUIRKS.md lists what is", u.api), system{})
			return
		}
	}
	writeNotFoundPage(w, r)
}

// htmlNotFound is what Google's front end says about a path that no API has: a page, not JSON. Clients must cope.
// Source: hashicorp/terraform-provider-google#24627.
const htmlNotFound = `<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That’s an error.</ins>
  <p>The requested URL <code>%s</code> was not found on this server.  <ins>That’s all we know.</ins>
`

func writeNotFoundPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(http.StatusNotFound)
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(r.URL.Path)
	_, _ = fmt.Fprintf(w, htmlNotFound, escaped) // the client has gone if this fails
}
