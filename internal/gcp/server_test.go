package gcp_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// server answers the few calls of these tests. on decides before a call takes effect; an error is the answer.
type server struct {
	containerpb.UnimplementedClusterManagerServer
	resourcemanagerpb.UnimplementedProjectsServer

	mu     sync.Mutex
	on     func(method string, req any) error
	calls  map[string]int
	policy *iampb.Policy
	etag   byte
}

// serve starts the server and gives a client of it whose waits take no time.
func serve(t *testing.T, s *server) *gcp.Client {
	t.Helper()
	return serveProjects(t, s, s)
}

// serveProjects has projects, and their policies, answered by another server.
func serveProjects(t *testing.T, s *server, projects resourcemanagerpb.ProjectsServer) *gcp.Client {
	t.Helper()
	s.calls = map[string]int{}
	if s.policy == nil {
		s.policy = &iampb.Policy{}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	containerpb.RegisterClusterManagerServer(g, s)
	secretmanagerpb.RegisterSecretManagerServiceServer(g, secretServer{})
	resourcemanagerpb.RegisterProjectsServer(g, projects)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	c := gcp.New(gcp.Options{EmulatorHost: listener.Addr().String(), Clock: clock.NewInstant(time.Unix(0, 0))})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (s *server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[len(info.FullMethod)-lenOfName(info.FullMethod):]
	s.mu.Lock()
	s.calls[method]++
	on := s.on
	s.mu.Unlock()
	if on != nil {
		if err := on(method, req); err != nil {
			return nil, err
		}
	}
	return handle(ctx, req)
}

func lenOfName(method string) int {
	for i := len(method) - 1; i >= 0; i-- {
		if method[i] == '/' {
			return len(method) - 1 - i
		}
	}
	return len(method)
}

func (s *server) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

func (s *server) current() *iampb.Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return proto.Clone(s.policy).(*iampb.Policy)
}

func (s *server) GetProject(_ context.Context, req *resourcemanagerpb.GetProjectRequest) (*resourcemanagerpb.Project, error) {
	return &resourcemanagerpb.Project{Name: "projects/123", ProjectId: req.GetName()[len("projects/"):]}, nil
}

// secretServer is apart from server because both APIs have policies.
type secretServer struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
}
