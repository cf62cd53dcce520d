package gcp

import (
	"context"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// NodePools is the collection of a cluster's node pools. Names are projects/P/locations/L/clusters/C/nodePools/N.
type NodePools struct{ c *Client }

// NodePools gives the node pool collection.
func (c *Client) NodePools() NodePools { return NodePools{c} }

// Get reads one node pool.
func (s NodePools) Get(ctx context.Context, name string) (*containerpb.NodePool, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	pool, err := api.GetNodePool(ctx, &containerpb.GetNodePoolRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return pool, checkName(name, pool.GetName())
}

// Create starts the creation of a node pool in a cluster.
func (s NodePools) Create(ctx context.Context, cluster string, pool *containerpb.NodePool) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.CreateNodePool(ctx, &containerpb.CreateNodePoolRequest{Parent: cluster, NodePool: pool})
}

// Update starts a change of a node pool. The request names the pool; GKE takes one field group per request.
func (s NodePools) Update(ctx context.Context, req *containerpb.UpdateNodePoolRequest) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.UpdateNodePool(ctx, req)
}

// SetAutoscaling starts a change of the bounds of a node pool.
func (s NodePools) SetAutoscaling(ctx context.Context, name string, autoscaling *containerpb.NodePoolAutoscaling) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.SetNodePoolAutoscaling(ctx, &containerpb.SetNodePoolAutoscalingRequest{Name: name, Autoscaling: autoscaling})
}

// SetManagement starts a change of a node pool's automatic repair and upgrade.
func (s NodePools) SetManagement(ctx context.Context, name string, management *containerpb.NodeManagement) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.SetNodePoolManagement(ctx, &containerpb.SetNodePoolManagementRequest{Name: name, Management: management})
}

// Delete starts the deletion of a node pool.
func (s NodePools) Delete(ctx context.Context, name string) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.DeleteNodePool(ctx, &containerpb.DeleteNodePoolRequest{Name: name})
}
