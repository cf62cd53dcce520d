package fakegcp

import (
	"context"
	"net/http"
	"net/url"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// serveStruct answers a call of an API whose messages are not linked. It goes through the interceptor as every call does; read
// makes the answer under the lock. Name is what the call is about, for the journal and for refusals.
func (s *Server) serveStruct(w http.ResponseWriter, r *http.Request, method, name string, read func(url.Values) (*structpb.Struct, error)) {
	query, _, err := queryOf(r)
	if err != nil {
		writeRESTError(w, method, err, system{})
		return
	}
	o, err := systemOf(r, query)
	if err != nil {
		writeRESTError(w, method, err, o)
		return
	}
	format := answerFormat{system: o}
	if o.fields != "" {
		selection, ok := parseFields(o.fields)
		if !ok {
			writeRESTError(w, method, badFields(o.fields, malformedFields), o)
			return
		}
		format.selection = selection
	}
	about := &longrunningpb.GetOperationRequest{Name: name} // any message with a name
	answer, err := s.handlers.interceptor(callContext(r, o), about, &grpc.UnaryServerInfo{FullMethod: "/" + method},
		func(context.Context, any) (any, error) { return read(query) })
	if err != nil {
		writeRESTError(w, method, err, o)
		return
	}
	writeREST(w, answer.(proto.Message), format) //nolint:forcetypeassert // read and faults return nothing else
}
