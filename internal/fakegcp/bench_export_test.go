package fakegcp

import (
	"context"
	"net/http"

	"google.golang.org/protobuf/proto"
)

// RESTHandlerForTest is everything behind the port, without the port.
func (s *Server) RESTHandlerForTest() http.Handler { return s.http.Handler }

// InvokeForTest calls a method as gRPC does, and encodes the answer, without a connection.
func (s *Server) InvokeForTest(ctx context.Context, method string, request proto.Message) ([]byte, error) {
	answer, err := s.handlers.invoke(ctx, method, request)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(answer.(proto.Message))
}
