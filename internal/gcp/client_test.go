package gcp_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

const location = "projects/acme/locations/us-west2"

func (s *server) GetCluster(_ context.Context, req *containerpb.GetClusterRequest) (*containerpb.Cluster, error) {
	if strings.HasSuffix(req.GetName(), "/other") {
		return &containerpb.Cluster{Name: "not-other"}, nil
	}
	return &containerpb.Cluster{Name: "dev"}, nil
}

func (s *server) CreateCluster(context.Context, *containerpb.CreateClusterRequest) (*containerpb.Operation, error) {
	return nil, status.Error(codes.Unavailable, "the answer was lost")
}

func (s *server) ListOperations(context.Context, *containerpb.ListOperationsRequest) (*containerpb.ListOperationsResponse, error) {
	link := "https://container.googleapis.com/v1/projects/123/zones/us-west2-a/clusters/"
	return &containerpb.ListOperationsResponse{Operations: []*containerpb.Operation{
		{Name: "done", Status: containerpb.Operation_DONE, TargetLink: link + "dev"},
		{Name: "cluster", Status: containerpb.Operation_RUNNING, TargetLink: link + "dev"},
		{Name: "pool", Status: containerpb.Operation_PENDING, TargetLink: link + "dev/nodePools/spot"},
		{Name: "longer", Status: containerpb.Operation_RUNNING, TargetLink: link + "dev-2"},
	}}, nil
}

func (s *server) GetOperation(_ context.Context, req *containerpb.GetOperationRequest) (*containerpb.Operation, error) {
	op := &containerpb.Operation{Name: req.GetName()[strings.LastIndex(req.GetName(), "/")+1:], Status: containerpb.Operation_RUNNING}
	if s.count("GetOperation") < 4 {
		return op, nil
	}
	op.Status = containerpb.Operation_DONE
	if op.GetName() == "stockout" {
		op.StatusMessage = "Google Compute Engine does not have enough resources available to fulfill request: us-west2-a." //nolint:staticcheck // what older control planes fill
		op.ClusterConditions = []*containerpb.StatusCondition{{Code: containerpb.StatusCondition_GCE_STOCKOUT}}             //nolint:staticcheck // as above
	}
	return op, nil
}

func TestReadsAreTriedAgainAndWritesAreNot(t *testing.T) {
	var failures atomic.Int32
	failures.Store(3)
	s := &server{on: func(method string, _ any) error {
		if method == "GetCluster" && failures.Add(-1) >= 0 {
			return down
		}
		return nil
	}}
	c := serve(t, s)
	if _, err := c.Clusters().Get(t.Context(), location+"/clusters/dev"); err != nil {
		t.Errorf("the read: %v", err)
	}
	_, err := c.Clusters().Create(t.Context(), location, &containerpb.Cluster{Name: "dev"})
	if !gcp.Ambiguous(err) || s.count("CreateCluster") != 1 {
		t.Errorf("the write: %v after %d calls", err, s.count("CreateCluster"))
	}
}

func TestAnotherObjectThanAskedForIsRefused(t *testing.T) {
	c := serve(t, &server{})
	_, err := c.Clusters().Get(t.Context(), location+"/clusters/other")
	var wrong *gcp.WrongObjectError
	if !errors.As(err, &wrong) {
		t.Errorf("error %v", err)
	}
}

func TestWaitOperationTakesDoneForFailure(t *testing.T) {
	s := &server{on: func(method string, _ any) error { return nil }}
	var young atomic.Int32
	s.on = func(method string, _ any) error {
		if method == "GetOperation" && young.Add(1) == 1 {
			return status.Error(codes.NotFound, "not there yet")
		}
		return nil
	}
	c := serve(t, s)
	err := c.Clusters().WaitOperation(t.Context(), location, &gcp.Operation{Name: "stockout", Status: containerpb.Operation_RUNNING})
	var failure *gcp.OperationError
	if !errors.As(err, &failure) || len(failure.Conditions) != 1 || failure.Conditions[0] != "GCE_STOCKOUT" {
		t.Fatalf("error %v", err)
	}
	if err := c.Clusters().WaitOperation(t.Context(), location, &gcp.Operation{Name: "good"}); err != nil {
		t.Error(err)
	}
}

func TestRunningOperationsAreThoseOfTheCluster(t *testing.T) {
	c := serve(t, &server{})
	ops, err := c.Clusters().RunningOperations(t.Context(), location+"/clusters/dev")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, op := range ops {
		names = append(names, op.GetName())
	}
	if strings.Join(names, " ") != "cluster pool" {
		t.Errorf("operations %v", names)
	}
}

func TestProjectNumberIsAskedForOnce(t *testing.T) {
	s := &server{}
	c := serve(t, s)
	for range 3 {
		if n, err := c.Projects().Number(t.Context(), "acme"); n != "123" || err != nil {
			t.Fatalf("%q, %v", n, err)
		}
	}
	if n := s.count("GetProject"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// AddSecretVersion fails as a careless server would: with the request in the text.
func (secretServer) AddSecretVersion(_ context.Context, req *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return nil, status.Error(codes.InvalidArgument, "cannot store "+base64.StdEncoding.EncodeToString(req.GetPayload().GetData()))
}

func (secretServer) AccessSecretVersion(_ context.Context, req *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	sum := secret.FromString("value").CRC32C()
	if strings.HasSuffix(req.GetName(), "/2") {
		sum++
	}
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name:    strings.Replace(req.GetName(), "projects/acme/", "projects/123456789012/", 1),
		Payload: &secretmanagerpb.SecretPayload{Data: []byte("value"), DataCrc32C: &sum},
	}, nil
}

func TestSecretValuesStayOutOfErrors(t *testing.T) {
	c := serve(t, &server{})
	value := secret.FromString("correct horse battery staple")
	_, err := c.SecretVersions().Add(t.Context(), "projects/acme/secrets/s", value)
	if gcp.Classify(err) != gcp.Invalid {
		t.Fatalf("error %v", err)
	}
	if strings.Contains(err.Error(), base64.StdEncoding.EncodeToString(value.Reveal())) {
		t.Errorf("the error shows the value: %v", err)
	}
}

func TestDamagedSecretValuesAreRefused(t *testing.T) {
	c := serve(t, &server{})
	if v, err := c.SecretVersions().Access(t.Context(), "projects/acme/secrets/s/versions/1"); err != nil || !v.Equal(secret.FromString("value")) {
		t.Errorf("version 1: %v", err)
	}
	if v, err := c.SecretVersions().Access(t.Context(), "projects/acme/secrets/s/versions/2"); err == nil || !v.IsZero() {
		t.Errorf("version 2 was accepted")
	}
}

func TestEmulatorMustBeOnThisMachine(t *testing.T) {
	for host, ok := range map[string]bool{
		"127.0.0.1:8085": true, "localhost:1": true, "[::1]:8085": true, "127.8.8.8:1": true,
		"10.0.0.1:8085": false, "example.com:443": false, "127.0.0.1": false, "127.0.0.1.example.com:80": false, "": false, ":8085": false,
	} {
		if err := gcp.CheckLoopback(host); (err == nil) != ok {
			t.Errorf("CheckLoopback(%q) = %v", host, err)
		}
	}
}

func TestParseEndpoint(t *testing.T) {
	for raw, want := range map[string]gcp.Endpoint{
		"https://container.example.com":       {Host: "container.example.com:443"},
		"https://container.example.com:8443/": {Host: "container.example.com:8443"},
		"http://127.0.0.1:8085":               {Host: "127.0.0.1:8085", Plain: true},
	} {
		if got, err := gcp.ParseEndpoint(raw); err != nil || got != want {
			t.Errorf("%s: %v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "container.example.com", "http://container.example.com", "https://h/v1/", "https://u:p@h", "ftp://h", "https://", "https://h?x=y"} {
		if got, err := gcp.ParseEndpoint(raw); err == nil {
			t.Errorf("%q was accepted as %v", raw, got)
		}
	}
}
