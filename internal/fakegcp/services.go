package fakegcp

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// registerServices is the list of what the fake serves. A service that is not here answers UNIMPLEMENTED with its name,
// over REST too (restServices).
func (s *Server) registerServices(r grpc.ServiceRegistrar) {
	secretmanagerpb.RegisterSecretManagerServiceServer(r, &secretManager{s: s})
	r.RegisterService(reflectedService[adminpb.IAMServer]("google.iam.admin.v1.IAM"), &iamAdmin{s: s})
	resourcemanagerpb.RegisterProjectsServer(r, &projectsService{s: s})
	runpb.RegisterServicesServer(r, &runServices{s: s})
	runpb.RegisterRevisionsServer(r, &runRevisions{s: s})
	runpb.RegisterWorkerPoolsServer(r, &runWorkerPools{s: s})
	runpb.RegisterJobsServer(r, &runJobs{s: s})
	runpb.RegisterExecutionsServer(r, &runExecutions{s: s})
	runpb.RegisterTasksServer(r, &runTasks{s: s})
	longrunningpb.RegisterOperationsServer(r, &runOperations{s: s})
	s.registerClusters(r)
}

// handlers are the registered methods by full name, with and without a gRPC server around them: REST calls them through
// the same interceptor.
type handlers struct {
	byMethod    map[string]handler
	grpc        *grpc.Server
	interceptor grpc.UnaryServerInterceptor
}

type handler struct {
	server any
	desc   grpc.MethodDesc
}

// RegisterService implements grpc.ServiceRegistrar.
func (h *handlers) RegisterService(desc *grpc.ServiceDesc, impl any) {
	h.grpc.RegisterService(desc, impl)
	for _, m := range desc.Methods {
		h.byMethod["/"+desc.ServiceName+"/"+m.MethodName] = handler{impl, m}
	}
}

// invoke calls a method without a connection.
func (h *handlers) invoke(ctx context.Context, method string, request proto.Message) (any, error) {
	target, ok := h.byMethod[method]
	if !ok {
		return h.interceptor(ctx, request, &grpc.UnaryServerInfo{FullMethod: method}, notServed(method))
	}
	decode := func(into any) error {
		m, ok := into.(proto.Message)
		if !ok {
			return fmt.Errorf("%s: request is a %T, not a protobuf message", method, into)
		}
		proto.Merge(m, request)
		return nil
	}
	return target.desc.Handler(target.server, ctx, decode, h.interceptor)
}

// notServed answers for a service that is not registered.
func notServed(method string) grpc.UnaryHandler {
	return func(context.Context, any) (any, error) {
		return nil, unmodelled("%s is not served; QUIRKS.md lists what is", strings.TrimPrefix(method, "/"))
	}
}

// unknownService is notServed for gRPC, where the request's type is not known.
func (s *Server) unknownService(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	_, err := s.intercept(stream.Context(), nil, &grpc.UnaryServerInfo{FullMethod: method}, notServed(method))
	return err
}
