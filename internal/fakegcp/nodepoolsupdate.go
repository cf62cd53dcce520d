package fakegcp

import (
	"context"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// poolChange is a change of a pool that an operation makes.
type poolChange struct {
	kind     containerpb.Operation_Type
	progress []progressMetric
	slow     int    // as in containerChange
	green    string // the version of the new nodes, if there are new nodes
	upgrade  *containerpb.UpgradeDetails
	apply    func(*containerpb.NodePool) error
	after    func()
}

// changePoolSlowly changes a pool as an operation: RECONCILING until it is done, and as before if it fails.
func (c *clusterManager) changePoolSlowly(n containerName, change poolChange) (*containerpb.Operation, error) {
	if cluster, ok := lookup[*containerpb.Cluster](c.s.store, n.clusterName()); ok {
		if err := checkOwnPools(cluster); err != nil {
			return nil, err
		}
	}
	if err := c.s.busy(n); err != nil {
		return nil, err
	}
	return c.s.startPoolChange(n, change), nil
}

// startPoolChange starts a change of a pool that has been checked.
func (s *Server) startPoolChange(n containerName, change poolChange) *containerpb.Operation {
	s.changePool(n, func(cluster *containerpb.Cluster, pool *containerpb.NodePool) {
		cluster.Status, pool.Status = containerpb.Cluster_RECONCILING, containerpb.NodePool_RECONCILING
	})
	if change.green != "" {
		s.startBlueGreen(n, change.green)
	}
	return s.startChange(containerChange{
		name:     n,
		kind:     change.kind,
		pending:  true,
		slow:     change.slow,
		upgrade:  change.upgrade,
		progress: change.progress,
		finish: func(detail *containerDetail) error {
			var failure error
			s.changePool(n, func(_ *containerpb.Cluster, pool *containerpb.NodePool) {
				endBlueGreen(pool, true)
				failure = change.apply(pool)
				pool.Etag = randomUUID()
			})
			if change.after != nil {
				change.after()
			}
			if err := s.finishPool(n, detail); err != nil {
				return err
			}
			return failure
		},
		fail: func(error) {
			s.changePool(n, func(cluster *containerpb.Cluster, pool *containerpb.NodePool) {
				endBlueGreen(pool, false)
				pool.Status = containerpb.NodePool_RUNNING
				settleStatus(cluster)
			})
		},
	})
}

// unappliedPoolFields of an update request name the pool or guard the update.
var unappliedPoolFields = []protoreflect.Name{"name", "project_id", "zone", "cluster_id", "node_pool_id", "etag"}

// poolFieldNames are the fields of NodePool and NodeConfig for the fields of the update request that are named otherwise.
var poolFieldNames = map[protoreflect.Name]protoreflect.Name{
	"node_version":        "version",
	"node_network_config": "network_config",
}

// inPlacePoolFields change without new nodes.
var inPlacePoolFields = []protoreflect.Name{"labels", "taints", "tags", "resource_labels", "upgrade_settings", "locations", "node_drain_config", "maintenance_policy"}

// UpdateNodePool accepts changes of a pool's nodes.
func (c *clusterManager) UpdateNodePool(_ context.Context, r *containerpb.UpdateNodePoolRequest) (*containerpb.Operation, error) {
	n, cluster, pool, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	if r.GetEtag() != "" && r.GetEtag() != pool.GetEtag() {
		return nil, status.Errorf(codes.Aborted, "The etag %q of node pool %q is out of date.", r.GetEtag(), n.pool)
	}
	fields := updatedPoolFields(r)
	if len(fields) == 0 {
		return nil, invalid("must specify a field to update")
	}
	version := pool.GetVersion()
	apply := func(pool *containerpb.NodePool) error {
		for _, f := range fields {
			if err := applyPoolField(pool, r, f); err != nil {
				return err
			}
		}
		return finishPoolUpdate(n, cluster, pool, r)
	}
	if err := apply(pool); err != nil {
		return nil, err
	}
	if err := c.s.checkPool(n, cluster, pool); err != nil {
		return nil, err
	}
	nodes := c.s.nodeCounts(n.clusterName())[n.pool]
	change := poolChange{
		kind: containerpb.Operation_UPGRADE_NODES, progress: upgradeProgress(nodes), apply: apply,
		upgrade: upgradeOf(version, pool.GetVersion(), containerpb.UpgradeDetails_MANUAL),
	}
	if slices.ContainsFunc(fields, func(f protoreflect.FieldDescriptor) bool { return !slices.Contains(inPlacePoolFields, f.Name()) }) {
		change.green = pool.GetVersion()
		change.after = func() { c.s.lingerSurge(n, pool.GetUpgradeSettings().GetMaxSurge()) }
	}
	return c.changePoolSlowly(n, change)
}

func updatedPoolFields(r *containerpb.UpdateNodePoolRequest) []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	r.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !slices.Contains(unappliedPoolFields, f.Name()) {
			fields = append(fields, f)
		}
		return true
	})
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	return fields
}

// applyPoolField puts a field of an update into the pool or its node configuration.
func applyPoolField(pool *containerpb.NodePool, r *containerpb.UpdateNodePoolRequest, f protoreflect.FieldDescriptor) error {
	name := f.Name()
	if other, ok := poolFieldNames[name]; ok {
		name = other
	}
	for _, m := range []protoreflect.Message{pool.ProtoReflect(), pool.GetConfig().ProtoReflect()} {
		into := m.Descriptor().Fields().ByName(name)
		if into == nil {
			continue
		}
		from, value := unwrapField(f, r.ProtoReflect().Get(f), into)
		switch {
		case from == nil:
			return unmodelled("update of a node pool's %s", f.Name())
		case from.IsMap() && value.Map().Len() == 0, from.IsList() && value.List().Len() == 0:
			m.Clear(into)
		case name == "network_config":
			overlay(m.Mutable(into).Message(), value.Message()) // ranges and subnetwork are not sent again
		case from.Kind() == protoreflect.Int64Kind && into.Kind() == protoreflect.Int32Kind:
			m.Set(into, protoreflect.ValueOfInt32(int32(value.Int())))
		default:
			m.Set(into, value)
		}
		return nil
	}
	return unmodelled("update of a node pool's %s", f.Name())
}

// unwrapField finds the value for a field: the request's own, or what it wraps in a message (NodeLabels, NodeTaints,
// NetworkTags, ResourceLabels) so that "none" can be told from "not sent".
func unwrapField(f protoreflect.FieldDescriptor, v protoreflect.Value, into protoreflect.FieldDescriptor) (protoreflect.FieldDescriptor, protoreflect.Value) {
	if f.IsList() != into.IsList() || f.IsMap() != into.IsMap() {
		if f.Message() == nil || f.Message().Fields().Len() == 0 {
			return nil, v
		}
		inner := f.Message().Fields().Get(0)
		if inner.IsList() != into.IsList() || inner.IsMap() != into.IsMap() {
			return nil, v
		}
		return inner, v.Message().Get(inner)
	}
	if f.Kind() == protoreflect.Int64Kind && into.Kind() == protoreflect.Int32Kind || sameType(f, into) {
		return f, v
	}
	return nil, v
}

// finishPoolUpdate recomputes what follows from the fields.
func finishPoolUpdate(n containerName, c *containerpb.Cluster, pool *containerpb.NodePool, r *containerpb.UpdateNodePoolRequest) error {
	if r.GetNodeVersion() != "" {
		version, err := nodeVersion(c, r.GetNodeVersion())
		if err != nil {
			return err
		}
		pool.Version = version
	}
	if r.GetUpgradeSettings() != nil {
		pool.UpgradeSettings = upgradeSettings(r.GetUpgradeSettings())
	}
	config := pool.GetConfig()
	if r.GetResourceLabels() != nil {
		labels := map[string]string{"goog-gke-node-pool-provisioning-model": provisioningModel(config)}
		for key, value := range r.GetResourceLabels().GetLabels() {
			labels[key] = value
		}
		config.ResourceLabels = labels
	}
	if r.GetBootDisk() == nil && (r.GetDiskType() != "" || r.GetDiskSizeGb() != 0) {
		config.BootDisk = nil
	}
	if r.GetBootDisk() == nil && r.GetDiskType() == "" && r.GetMachineType() != "" {
		config.DiskType = defaultDisk(r.GetMachineType()) // the disk goes with the machine
	}
	alignDisks(config, proto.CloneOf(config))
	if len(r.GetLocations()) > 0 {
		pool.InstanceGroupUrls = instanceGroups(n, pool.GetLocations(), "")
	}
	return nil
}

// SetNodePoolAutoscaling replaces a pool's bounds.
func (c *clusterManager) SetNodePoolAutoscaling(_ context.Context, r *containerpb.SetNodePoolAutoscalingRequest) (*containerpb.Operation, error) {
	n, cluster, _, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	return c.setAutoscaling(n, cluster, r.GetAutoscaling())
}

func (c *clusterManager) setAutoscaling(n containerName, cluster *containerpb.Cluster, a *containerpb.NodePoolAutoscaling) (*containerpb.Operation, error) {
	if poolOf(cluster, n.pool) == nil {
		return nil, n.notFound()
	}
	if a == nil {
		return nil, invalid("must specify a field to update")
	}
	if err := checkAutoscaling(a); err != nil {
		return nil, err
	}
	return c.changePoolSlowly(n, poolChange{kind: containerpb.Operation_UPDATE_CLUSTER, apply: func(pool *containerpb.NodePool) error {
		pool.Autoscaling = a
		if !a.GetEnabled() {
			pool.Autoscaling = nil
		}
		return nil
	}})
}

// SetNodePoolSize resizes a pool, per zone. The pool's initial_node_count stays what it was.
func (c *clusterManager) SetNodePoolSize(_ context.Context, r *containerpb.SetNodePoolSizeRequest) (*containerpb.Operation, error) {
	n, _, pool, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	if r.GetNodeCount() < 0 || r.GetNodeCount() > maxNodesPerZone {
		return nil, invalid("Node count must be between 0 and %d, got %d.", maxNodesPerZone, r.GetNodeCount())
	}
	more := (int(r.GetNodeCount()) - c.s.nodesPerZone(n, pool)) * len(pool.GetLocations())
	cpus := more * machineCPUCount(pool.GetConfig().GetMachineType())
	if err := c.s.withinQuota(n, c.s.quotaOf(pool.GetConfig(), n.region()), cpus); err != nil {
		return nil, err
	}
	change := poolChange{kind: containerpb.Operation_SET_NODE_POOL_SIZE, apply: func(*containerpb.NodePool) error {
		c.s.clusters.sizes[n.String()] = int(r.GetNodeCount())
		return nil
	}}
	if more > 0 && slices.ContainsFunc(pool.GetLocations(), c.s.isOut) {
		change.slow = stockoutFactor
	}
	return c.changePoolSlowly(n, change)
}

// SetNodePoolManagement replaces a pool's automatic repair and upgrade.
func (c *clusterManager) SetNodePoolManagement(_ context.Context, r *containerpb.SetNodePoolManagementRequest) (*containerpb.Operation, error) {
	n, cluster, _, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	channel := cluster.GetReleaseChannel().GetChannel()
	if channel != containerpb.ReleaseChannel_UNSPECIFIED && (!r.GetManagement().GetAutoUpgrade() || !r.GetManagement().GetAutoRepair()) {
		return nil, invalid("Auto_upgrade and auto_repair must be true when release_channel %s is set.", channel)
	}
	return c.changePoolSlowly(n, poolChange{kind: containerpb.Operation_SET_NODE_POOL_MANAGEMENT, apply: func(pool *containerpb.NodePool) error {
		pool.Management = r.GetManagement()
		return nil
	}})
}
