package fakegcp

import (
	"context"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// findPool returns copies of the node pool that a request is about and of its cluster.
func (s *Server) findPool(request proto.Message) (containerName, *containerpb.Cluster, *containerpb.NodePool, error) {
	n, cluster, err := s.findCluster(request)
	if err != nil {
		return n, nil, nil, err
	}
	if pool := poolOf(cluster, n.pool); pool != nil {
		return n, cluster, pool, nil
	}
	return n, nil, nil, n.notFound()
}

func poolOf(c *containerpb.Cluster, name string) *containerpb.NodePool {
	i := slices.IndexFunc(c.GetNodePools(), func(p *containerpb.NodePool) bool { return p.GetName() == name })
	if i < 0 {
		return nil
	}
	return c.GetNodePools()[i]
}

// changePool applies change to the stored pool if it still is there; the change of its cluster comes with it.
func (s *Server) changePool(n containerName, change func(*containerpb.Cluster, *containerpb.NodePool)) {
	s.changeCluster(n, func(c *containerpb.Cluster) {
		if pool := poolOf(c, n.pool); pool != nil {
			change(c, pool)
		}
	})
}

// GetNodePool is the node pool as it is now.
func (c *clusterManager) GetNodePool(_ context.Context, r *containerpb.GetNodePoolRequest) (*containerpb.NodePool, error) {
	_, _, pool, err := c.s.findPool(r)
	return pool, err
}

// ListNodePools lists a cluster's node pools in the order of their creation.
func (c *clusterManager) ListNodePools(_ context.Context, r *containerpb.ListNodePoolsRequest) (*containerpb.ListNodePoolsResponse, error) {
	_, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	return &containerpb.ListNodePoolsResponse{NodePools: cluster.GetNodePools()}, nil
}

// CreateNodePool accepts a node pool: it is there, PROVISIONING, before the operation is done, and stays if that fails.
func (c *clusterManager) CreateNodePool(_ context.Context, r *containerpb.CreateNodePoolRequest) (*containerpb.Operation, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	n = n.of(r.GetNodePool().GetName())
	if err := checkOwnPools(cluster); err != nil {
		return nil, err
	}
	if err := c.s.checkPool(n, cluster, r.GetNodePool()); err != nil {
		return nil, err
	}
	if poolOf(cluster, n.pool) != nil {
		return nil, n.alreadyExists()
	}
	if err := c.s.busy(n); err != nil {
		return nil, err
	}
	pool, err := c.s.newPool(n, cluster, r.GetNodePool())
	if err != nil {
		return nil, err
	}
	if err := c.s.checkQuota(n, []*containerpb.NodePool{pool}); err != nil {
		return nil, err
	}
	pool.Status = containerpb.NodePool_PROVISIONING
	c.s.changeCluster(n, func(cluster *containerpb.Cluster) {
		cluster.Status = containerpb.Cluster_RECONCILING
		cluster.NodePools = append(cluster.NodePools, pool)
	})
	return c.s.startChange(containerChange{
		name:    n,
		kind:    containerpb.Operation_CREATE_NODE_POOL,
		pending: true,
		slow:    c.s.stockoutSlowness(n, []*containerpb.NodePool{pool}),
		finish:  func(detail *containerDetail) error { return c.s.finishPool(n, detail) },
		fail:    func(cause error) { c.s.failPool(n, cause) },
	}), nil
}

// finishPool makes a pool's nodes; a stockout leaves the pool there with those nodes that could be made.
func (s *Server) finishPool(n containerName, detail *containerDetail) error {
	var failure error
	s.changePool(n, func(c *containerpb.Cluster, pool *containerpb.NodePool) {
		failure = s.settlePool(n, pool)
		detail.conditions = pool.GetConditions()
		settleStatus(c)
	})
	return failure
}

// failPool leaves what a failed operation leaves of a pool: GKE says that it "may be partially created".
func (s *Server) failPool(n containerName, cause error) {
	s.changePool(n, func(c *containerpb.Cluster, pool *containerpb.NodePool) {
		pool.Status, pool.StatusMessage = containerpb.NodePool_ERROR, status.Convert(cause).Message()
		settleStatus(c)
	})
}

// DeleteNodePool accepts the deletion: the pool is there, STOPPING, until the operation is done.
func (c *clusterManager) DeleteNodePool(_ context.Context, r *containerpb.DeleteNodePoolRequest) (*containerpb.Operation, error) {
	n, cluster, _, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	if err := checkOwnPools(cluster); err != nil {
		return nil, err
	}
	if err := c.s.busy(n); err != nil {
		return nil, err
	}
	c.s.changePool(n, func(cluster *containerpb.Cluster, pool *containerpb.NodePool) {
		cluster.Status, pool.Status = containerpb.Cluster_RECONCILING, containerpb.NodePool_STOPPING
	})
	return c.s.startChange(containerChange{
		name:    n,
		kind:    containerpb.Operation_DELETE_NODE_POOL,
		pending: true,
		finish: func(*containerDetail) error {
			c.s.removePool(n)
			return nil
		},
		fail: func(cause error) { c.s.failPool(n, cause) },
	}), nil
}

// removePool takes a pool out of its cluster.
func (s *Server) removePool(n containerName) {
	delete(s.clusters.sizes, n.String())
	delete(s.clusters.made, n.String())
	delete(s.clusters.upgrades, n.String())
	s.changeCluster(n, func(c *containerpb.Cluster) {
		c.NodePools = slices.DeleteFunc(c.GetNodePools(), func(p *containerpb.NodePool) bool { return p.GetName() == n.pool })
		settleStatus(c)
	})
}
