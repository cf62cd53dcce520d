package gcp_test

import (
	"context"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func (s *server) FetchClusterUpgradeInfo(_ context.Context, req *containerpb.FetchClusterUpgradeInfoRequest) (*containerpb.ClusterUpgradeInfo, error) {
	return &containerpb.ClusterUpgradeInfo{MinorTargetVersion: proto.String("for " + req.GetName())}, nil
}

func (s *server) FetchNodePoolUpgradeInfo(_ context.Context, req *containerpb.FetchNodePoolUpgradeInfoRequest) (*containerpb.NodePoolUpgradeInfo, error) {
	return &containerpb.NodePoolUpgradeInfo{PatchTargetVersion: proto.String("for " + req.GetName())}, nil
}

func (s *server) GetServerConfig(_ context.Context, req *containerpb.GetServerConfigRequest) (*containerpb.ServerConfig, error) {
	return &containerpb.ServerConfig{DefaultClusterVersion: "for " + req.GetName()}, nil
}

func (s *server) SetMaintenancePolicy(_ context.Context, req *containerpb.SetMaintenancePolicyRequest) (*containerpb.Operation, error) {
	if v := req.GetMaintenancePolicy().GetResourceVersion(); v != "e3b0c442" {
		return nil, status.Errorf(codes.FailedPrecondition, "resource version %q of %s", v, req.GetName())
	}
	return &containerpb.Operation{Name: "set"}, nil
}

func TestUpgradeInfoNamesWhatItAsksFor(t *testing.T) {
	c := serve(t, &server{})
	dev := location + "/clusters/dev"
	cluster, err := c.Clusters().UpgradeInfo(t.Context(), dev)
	if want := "for " + dev; err != nil || cluster.GetMinorTargetVersion() != want {
		t.Errorf("cluster: %v, %v, want %q", cluster, err, want)
	}
	pool, err := c.NodePools().UpgradeInfo(t.Context(), dev+"/nodePools/base")
	if want := "for " + dev + "/nodePools/base"; err != nil || pool.GetPatchTargetVersion() != want {
		t.Errorf("node pool: %v, %v, want %q", pool, err, want)
	}
	config, err := c.Clusters().ServerConfig(t.Context(), location)
	if want := "for " + location; err != nil || config.GetDefaultClusterVersion() != want {
		t.Errorf("server configuration: %v, %v, want %q", config, err, want)
	}
}

func TestSetMaintenancePolicySendsTheVersionThatWasSeen(t *testing.T) {
	c := serve(t, &server{})
	op, err := c.Clusters().SetMaintenancePolicy(t.Context(), location+"/clusters/dev", &containerpb.MaintenancePolicy{ResourceVersion: "e3b0c442"})
	if err != nil || op.GetName() != "set" {
		t.Errorf("operation %v, %v", op, err)
	}
	if _, err := c.Clusters().SetMaintenancePolicy(t.Context(), location+"/clusters/dev", &containerpb.MaintenancePolicy{}); err == nil {
		t.Error("a policy without a version was accepted")
	}
}
