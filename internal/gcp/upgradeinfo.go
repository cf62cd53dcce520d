package gcp

import (
	"context"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// UpgradeInfo reads what GKE will upgrade a cluster's control plane to by itself, what holds that up, and which upgrades
// it remembers: recent ones, automatic ones at least.
func (s Clusters) UpgradeInfo(ctx context.Context, name string) (*containerpb.ClusterUpgradeInfo, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.FetchClusterUpgradeInfo(ctx, &containerpb.FetchClusterUpgradeInfoRequest{Name: name})
}

// ServerConfig reads which versions the release channels of projects/P/locations/L have.
func (s Clusters) ServerConfig(ctx context.Context, parent string) (*containerpb.ServerConfig, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetServerConfig(ctx, &containerpb.GetServerConfigRequest{Name: parent})
}

// UpgradeInfo reads what GKE will upgrade a node pool to by itself, what holds that up, and which upgrades it remembers.
func (s NodePools) UpgradeInfo(ctx context.Context, name string) (*containerpb.NodePoolUpgradeInfo, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.FetchNodePoolUpgradeInfo(ctx, &containerpb.FetchNodePoolUpgradeInfoRequest{Name: name})
}
