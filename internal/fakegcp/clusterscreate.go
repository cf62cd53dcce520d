package fakegcp

import (
	"context"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errorClusterLife is how long a cluster whose creation or deletion failed stays in ERROR before the service deletes it. That it does
// is documented, the time is not.
const errorClusterLife = time.Hour

// CreateCluster accepts a cluster: it is there, PROVISIONING and without an endpoint, before the operation is done.
func (c *clusterManager) CreateCluster(_ context.Context, r *containerpb.CreateClusterRequest) (*containerpb.Operation, error) {
	n, err := c.s.containerNameOf(r)
	if err != nil {
		return nil, err
	}
	sent := r.GetCluster()
	n.cluster, n.pool = sent.GetName(), ""
	if err := c.s.checkCluster(n, sent); err != nil {
		return nil, err
	}
	if _, ok := lookup[*containerpb.Cluster](c.s.store, n.clusterName()); ok {
		return nil, n.alreadyExists()
	}
	cluster, err := c.s.newCluster(n, sent)
	if err != nil {
		return nil, err
	}
	if err := c.s.checkQuota(n, cluster.GetNodePools()); err != nil {
		return nil, err
	}
	cluster.Status = containerpb.Cluster_PROVISIONING
	cluster.Etag = newClusterEtag()
	for _, pool := range cluster.GetNodePools() {
		pool.Status = containerpb.NodePool_PROVISIONING
	}
	c.s.store.put(n.clusterName(), cluster)
	return c.s.startChange(containerChange{
		name:     n,
		kind:     containerpb.Operation_CREATE_CLUSTER,
		progress: createProgress(n, cluster.GetAutopilot().GetEnabled()),
		slow:     c.s.stockoutSlowness(n, cluster.GetNodePools()),
		finish:   func(detail *containerDetail) error { return c.s.finishCluster(n, detail) },
		fail:     func(cause error) { c.s.failCluster(n, status.Convert(cause).Message(), nil) },
	}), nil
}

// finishCluster opens the cluster's endpoint and makes its nodes. A stockout that leaves no node at all makes the cluster
// useless, one that leaves some makes it degraded; the operation fails both times.
func (s *Server) finishCluster(n containerName, detail *containerDetail) error {
	stored, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
	if !ok {
		return nil // taken away behind the client's back
	}
	missing, total := 0, 0
	for _, pool := range stored.GetNodePools() {
		wanted, out := s.missingNodes(n, pool)
		missing, total = missing+out, total+wanted
	}
	if missing > 0 && missing == total {
		failure := status.Errorf(codes.ResourceExhausted, "Try a different location, or try again later: Google Compute Engine does not have enough "+
			"resources available to fulfill request: %s.", n.location)
		detail.conditions = stockoutConditions(failure)
		s.failCluster(n, status.Convert(failure).Message(), detail.conditions)
		return failure
	}
	if err := s.openCluster(n); err != nil {
		s.failCluster(n, err.Error(), nil)
		return status.Error(codes.Internal, err.Error())
	}
	var failure error
	s.changeCluster(n, func(c *containerpb.Cluster) {
		for _, pool := range c.GetNodePools() {
			if err := s.settlePool(n, pool); err != nil {
				failure = err
			}
		}
		settleStatus(c)
		s.dropFirstNode(n, c)
		detail.conditions = c.GetConditions()
	})
	return failure
}

// failCluster leaves what a failed creation leaves: a cluster in ERROR, which the service deletes by itself in the end.
func (s *Server) failCluster(n containerName, message string, conditions []*containerpb.StatusCondition) {
	s.changeCluster(n, func(c *containerpb.Cluster) {
		c.Status, c.StatusMessage, c.Conditions = containerpb.Cluster_ERROR, message, conditions
		for _, pool := range c.GetNodePools() {
			pool.Status, pool.StatusMessage, pool.Conditions = containerpb.NodePool_ERROR, message, conditions
		}
	})
	s.removeWhileInError(n)
}

// removeWhileInError has the service delete a cluster in ERROR by itself in the end: documented for failed creations ("and
// eventually be deleted") and for failed deletions ("automatically retried"). A cluster that has left ERROR stays.
func (s *Server) removeWhileInError(n containerName) {
	failed, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
	if !ok {
		return
	}
	s.schedule(s.now().Add(errorClusterLife), func() {
		now, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
		if ok && now.GetId() == failed.GetId() && now.GetStatus() == containerpb.Cluster_ERROR {
			s.removeCluster(n.clusterName())
		}
	})
}
