package fakegcp

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// restServices have their REST paths bound from the google.api.http annotations of their descriptors, whether the fake
// serves them or not: what it does not serve answers UNIMPLEMENTED with the method's name.
var restServices = []protoreflect.FullName{
	"google.cloud.secretmanager.v1.SecretManagerService",
	"google.container.v1.ClusterManager",
	"google.iam.admin.v1.IAM",
	"google.cloud.resourcemanager.v3.Projects",
	"google.cloud.run.v2.Services",
	"google.cloud.run.v2.Revisions",
	"google.cloud.run.v2.WorkerPools",
	"google.cloud.run.v2.Jobs",
	"google.cloud.run.v2.Executions",
	"google.cloud.run.v2.Tasks",
	"google.longrunning.Operations",
}

// extraRoutes are paths that Google declares in service configurations and not in the descriptors.
// Source: https://github.com/googleapis/googleapis, google/cloud/run/v2/run_v2.yaml (http.rules). Stale when a service
// above gains methods there.
var extraRoutes = []struct{ method, verb, path, body string }{
	{"google.longrunning.Operations.GetOperation", http.MethodGet, "/v2/{name=projects/*/locations/*/operations/*}", ""},
	{"google.longrunning.Operations.ListOperations", http.MethodGet, "/v2/{name=projects/*/locations/*}/operations", ""},
	{"google.longrunning.Operations.DeleteOperation", http.MethodDelete, "/v2/{name=projects/*/locations/*/operations/*}", ""},
	{"google.longrunning.Operations.WaitOperation", http.MethodPost, "/v2/{name=projects/*/locations/*/operations/*}:wait", "*"},
}

// restHandler transcodes REST/JSON to the registered methods.
func (s *Server) restHandler() (http.Handler, error) {
	mux := runtime.NewServeMux(runtime.WithRoutingErrorHandler(
		func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, _ int) {
			writeNotFoundPage(w, r)
		}))
	for _, name := range restServices {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			return nil, fmt.Errorf("REST paths of %s: %w", name, err)
		}
		methods := d.(protoreflect.ServiceDescriptor).Methods() //nolint:forcetypeassert // restServices names services
		for i := range methods.Len() {
			if err := s.bindAnnotated(mux, methods.Get(i)); err != nil {
				return nil, err
			}
		}
	}
	for _, e := range extraRoutes {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(e.method))
		if err != nil {
			return nil, fmt.Errorf("REST path %s: %w", e.path, err)
		}
		method := d.(protoreflect.MethodDescriptor) //nolint:forcetypeassert // extraRoutes names methods
		if err := s.bind(mux, method, e.verb, e.path, e.body); err != nil {
			return nil, err
		}
	}
	return s.withProjectsV1(mux), nil
}

func (s *Server) bindAnnotated(mux *runtime.ServeMux, m protoreflect.MethodDescriptor) error {
	rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return nil
	}
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		verb, path := verbAndPath(r)
		if verb == "" {
			continue
		}
		if err := s.bind(mux, m, verb, path, r.GetBody()); err != nil {
			return err
		}
	}
	return nil
}

func verbAndPath(r *annotations.HttpRule) (verb, path string) {
	switch p := r.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	}
	return "", ""
}

// bind serves one REST path with one method.
func (s *Server) bind(mux *runtime.ServeMux, m protoreflect.MethodDescriptor, verb, path, body string) error {
	input, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	if err != nil {
		return fmt.Errorf("REST path %s: %w", path, err)
	}
	b := binding{
		method: fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()),
		input:  input,
		body:   body,
	}
	err = mux.HandlePath(verb, path, func(w http.ResponseWriter, r *http.Request, segments map[string]string) {
		s.serveREST(w, r, b, segments)
	})
	if err != nil {
		return fmt.Errorf("REST path %s %s: %w", verb, path, err)
	}
	return nil
}

// serveREST decodes a request, has it go through the same interceptor as gRPC, and encodes the answer.
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request, b binding, segments map[string]string) {
	format, err := restFormatOf(r.URL.Query())
	if err != nil {
		writeRESTError(w, b.method, err)
		return
	}
	request, err := b.decode(r, segments)
	if err != nil {
		writeRESTError(w, b.method, err)
		return
	}
	response, err := s.handlers.invoke(callContext(r), b.method, request)
	if err != nil {
		writeRESTError(w, b.method, err)
		return
	}
	answer := response.(proto.Message) //nolint:forcetypeassert // a gRPC handler returns nothing else
	if !s.writeList(w, answer, format) {
		writeREST(w, answer, format)
	}
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
