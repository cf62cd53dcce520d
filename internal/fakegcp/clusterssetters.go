package fakegcp

import (
	"context"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// The setters are the older way to change one thing of a cluster. Their own types of operation are unused, says the proto's
// comment: all of them are UPDATE_CLUSTER, except UpdateMaster's.

// set changes a cluster as a setter does.
func (c *clusterManager) set(request proto.Message, change func(containerName, *containerpb.Cluster) error) (*containerpb.Operation, error) {
	n, _, err := c.s.findCluster(request)
	if err != nil {
		return nil, err
	}
	return c.changeClusterSlowly(n, containerpb.Operation_UPDATE_CLUSTER, func(cluster *containerpb.Cluster) error { return change(n, cluster) })
}

// UpdateMaster upgrades the control plane to a version or an alias of one.
func (c *clusterManager) UpdateMaster(_ context.Context, r *containerpb.UpdateMasterRequest) (*containerpb.Operation, error) {
	n, _, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	if r.GetMasterVersion() == "" {
		return nil, invalid("must specify a field to update")
	}
	return c.changeClusterSlowly(n, containerpb.Operation_UPGRADE_MASTER, func(cluster *containerpb.Cluster) error {
		return upgradeMaster(cluster, r.GetMasterVersion())
	})
}

// SetLocations replaces the zones of a cluster and of all its node pools: nodes come and go with them, says the proto's
// comment.
func (c *clusterManager) SetLocations(_ context.Context, r *containerpb.SetLocationsRequest) (*containerpb.Operation, error) {
	return c.set(r, func(n containerName, cluster *containerpb.Cluster) error {
		zones := r.GetLocations()
		if len(zones) == 0 {
			return invalid("must specify a field to update")
		}
		if err := checkZones(n, zones); err != nil {
			return err
		}
		if n.zonal() && !slices.Contains(zones, n.location) {
			return invalid("The locations %q must contain the cluster's own zone %q.", zones, n.location)
		}
		cluster.Locations = zones
		for _, pool := range cluster.GetNodePools() {
			pool.Locations = slices.Clone(zones)
			pool.InstanceGroupUrls = instanceGroups(n.of(pool.GetName()), zones, "")
			pool.Etag = randomUUID()
		}
		return nil
	})
}

// SetMaintenancePolicy replaces a cluster's maintenance policy, if the caller has seen the one that it has.
func (c *clusterManager) SetMaintenancePolicy(_ context.Context, r *containerpb.SetMaintenancePolicyRequest) (*containerpb.Operation, error) {
	return c.set(r, func(_ containerName, cluster *containerpb.Cluster) error {
		sent := r.GetMaintenancePolicy()
		if seen := sent.GetResourceVersion(); seen != "" && seen != cluster.GetMaintenancePolicy().GetResourceVersion() {
			return precondition("The resource version %q of the maintenance policy is out of date: it is %q.",
				seen, cluster.GetMaintenancePolicy().GetResourceVersion())
		}
		if err := checkMaintenance(sent); err != nil {
			return err
		}
		cluster.MaintenancePolicy = stampMaintenance(sent)
		return nil
	})
}

// SetNetworkPolicy replaces whether network policies are enforced.
func (c *clusterManager) SetNetworkPolicy(_ context.Context, r *containerpb.SetNetworkPolicyRequest) (*containerpb.Operation, error) {
	return c.set(r, func(_ containerName, cluster *containerpb.Cluster) error {
		if r.GetNetworkPolicy() == nil {
			return invalid("must specify a field to update")
		}
		cluster.NetworkPolicy = r.GetNetworkPolicy()
		dropEmpty(cluster)
		return nil
	})
}

// SetAddonsConfig changes the add-ons that are sent; the others stay.
func (c *clusterManager) SetAddonsConfig(_ context.Context, r *containerpb.SetAddonsConfigRequest) (*containerpb.Operation, error) {
	return c.set(r, func(_ containerName, cluster *containerpb.Cluster) error {
		if isEmpty(r.GetAddonsConfig()) {
			return invalid("must specify a field to update")
		}
		overlay(cluster.GetAddonsConfig().ProtoReflect(), proto.CloneOf(r.GetAddonsConfig()).ProtoReflect())
		return nil
	})
}

// loggingServices and monitoringServices are what the deprecated services can be set to. Source: the proto's comments.
var (
	loggingServices    = []string{"logging.googleapis.com/kubernetes", "logging.googleapis.com", "none"}
	monitoringServices = []string{"monitoring.googleapis.com/kubernetes", "monitoring.googleapis.com", "none"}
)

// SetLoggingService sets where logs go.
func (c *clusterManager) SetLoggingService(_ context.Context, r *containerpb.SetLoggingServiceRequest) (*containerpb.Operation, error) {
	return c.set(r, func(_ containerName, cluster *containerpb.Cluster) error {
		if !slices.Contains(loggingServices, r.GetLoggingService()) {
			return invalid("Logging service %q is not supported: want one of %q.", r.GetLoggingService(), loggingServices)
		}
		cluster.LoggingService = r.GetLoggingService()
		return nil
	})
}

// SetMonitoringService sets where metrics go.
func (c *clusterManager) SetMonitoringService(_ context.Context, r *containerpb.SetMonitoringServiceRequest) (*containerpb.Operation, error) {
	return c.set(r, func(_ containerName, cluster *containerpb.Cluster) error {
		if !slices.Contains(monitoringServices, r.GetMonitoringService()) {
			return invalid("Monitoring service %q is not supported: want one of %q.", r.GetMonitoringService(), monitoringServices)
		}
		cluster.MonitoringService = r.GetMonitoringService()
		return nil
	})
}

// SetLegacyAbac sets whether the older authorization is on.
func (c *clusterManager) SetLegacyAbac(_ context.Context, r *containerpb.SetLegacyAbacRequest) (*containerpb.Operation, error) {
	return c.set(r, func(_ containerName, cluster *containerpb.Cluster) error {
		cluster.LegacyAbac = &containerpb.LegacyAbac{Enabled: r.GetEnabled()}
		return nil
	})
}
