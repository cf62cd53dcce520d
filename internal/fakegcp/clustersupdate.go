package fakegcp

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// companions go with another field of an update and are none by themselves.
var companions = []string{"etag", "desired_node_pool_id"}

// UpdateCluster accepts one change of a cluster.
func (c *clusterManager) UpdateCluster(ctx context.Context, r *containerpb.UpdateClusterRequest) (*containerpb.Operation, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	field, err := updatedField(r.GetUpdate())
	if err != nil {
		return nil, err
	}
	if etag := r.GetUpdate().GetEtag(); etag != "" && etag != cluster.GetEtag() {
		return nil, status.Errorf(codes.Aborted, "The etag %q of cluster %q is out of date.", etag, n.cluster)
	}
	if field.Name() == "desired_node_pool_autoscaling" {
		return c.setAutoscaling(n.of(r.GetUpdate().GetDesiredNodePoolId()), cluster, r.GetUpdate().GetDesiredNodePoolAutoscaling())
	}
	if err := checkWorkloadPool(n, r.GetUpdate().GetDesiredWorkloadIdentityConfig()); err != nil {
		return nil, err
	}
	if slices.Contains(nodeFields, field.Name()) {
		return c.updateNodes(ctx, n, cluster, r.GetUpdate())
	}
	kind := containerpb.Operation_UPDATE_CLUSTER
	if field.Name() == "desired_master_version" {
		kind = containerpb.Operation_UPGRADE_MASTER
	}
	return c.changeClusterSlowly(n, kind, clusterChange(r.GetUpdate(), field))
}

// updatedField is the one field that an update sets.
func updatedField(u *containerpb.ClusterUpdate) (protoreflect.FieldDescriptor, error) {
	var set []string
	var field protoreflect.FieldDescriptor
	u.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !slices.Contains(companions, string(f.Name())) {
			set, field = append(set, string(f.Name())), f
		}
		return true
	})
	slices.Sort(set)
	switch len(set) {
	case 0:
		return nil, invalid("must specify a field to update")
	case 1:
		return field, nil
	}
	return nil, invalid("Exactly one update can be applied to a cluster with each request, got %s.", strings.Join(set, ", "))
}

// changeClusterSlowly changes a cluster as an operation: RECONCILING until it is done, and as before if it fails. What apply
// refuses is refused before the operation starts.
func (c *clusterManager) changeClusterSlowly(
	n containerName, kind containerpb.Operation_Type, apply func(*containerpb.Cluster) error,
) (*containerpb.Operation, error) {
	_, cluster, err := c.s.findCluster(&containerpb.GetClusterRequest{Name: n.clusterName()})
	if err != nil {
		return nil, err
	}
	before := cluster.GetCurrentMasterVersion()
	if err := apply(cluster); err != nil {
		return nil, err
	}
	if err := c.s.busy(n); err != nil {
		return nil, err
	}
	return c.s.startClusterChange(n, kind, upgradeOf(before, cluster.GetCurrentMasterVersion(), containerpb.UpgradeDetails_MANUAL), apply), nil
}

// startClusterChange starts a change of a cluster that has been checked; upgrade is nil if the version stays.
func (s *Server) startClusterChange(
	n containerName, kind containerpb.Operation_Type, upgrade *containerpb.UpgradeDetails, apply func(*containerpb.Cluster) error,
) *containerpb.Operation {
	s.setStatus(n, containerpb.Cluster_RECONCILING, containerpb.NodePool_STATUS_UNSPECIFIED)
	return s.startChange(containerChange{
		name:    n,
		kind:    kind,
		upgrade: upgrade,
		finish: func(*containerDetail) error {
			var failure error
			s.changeCluster(n, func(cluster *containerpb.Cluster) {
				failure = apply(cluster)
				settleStatus(cluster)
			})
			return failure
		},
		fail: func(error) { s.changeCluster(n, settleStatus) },
	})
}

// SetLabels replaces a cluster's labels, if the caller has seen those that it has.
func (c *clusterManager) SetLabels(_ context.Context, r *containerpb.SetLabelsRequest) (*containerpb.Operation, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	if r.GetLabelFingerprint() != cluster.GetLabelFingerprint() {
		return nil, precondition("Labels could not be set due to fingerprint mismatch.")
	}
	if err := checkResourceLabels("resource_labels", r.GetResourceLabels()); err != nil {
		return nil, err
	}
	return c.changeClusterSlowly(n, containerpb.Operation_UPDATE_CLUSTER, func(cluster *containerpb.Cluster) error {
		cluster.ResourceLabels = r.GetResourceLabels()
		labelCluster(cluster)
		return nil
	})
}
