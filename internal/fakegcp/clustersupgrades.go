package fakegcp

import (
	"context"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// upgradeOf describes a change of version that is to start; nil when the version stays.
func upgradeOf(from, to string, start containerpb.UpgradeDetails_StartType) *containerpb.UpgradeDetails {
	if from == to {
		return nil
	}
	return &containerpb.UpgradeDetails{InitialVersion: from, TargetVersion: to, StartType: start}
}

// trackUpgrade keeps the history of a change's upgrade, if it is one, under the name of the cluster or of the node pool.
func (s *Server) trackUpgrade(c containerChange) containerChange {
	if c.upgrade == nil {
		return c
	}
	details, finish, fail := c.upgrade, c.finish, c.fail
	details.State, details.StartTime = containerpb.UpgradeDetails_RUNNING, s.timestamp()
	name := c.name.String()
	s.clusters.upgrades[name] = append(s.clusters.upgrades[name], details)
	end := func(err error) {
		details.EndTime = s.timestamp()
		switch status.Code(err) {
		case codes.OK:
			details.State = containerpb.UpgradeDetails_SUCCEEDED
		case codes.Canceled:
			details.State = containerpb.UpgradeDetails_CANCELED
		default:
			details.State = containerpb.UpgradeDetails_FAILED
		}
	}
	c.finish = func(detail *containerDetail) error {
		err := finish(detail)
		end(err)
		return err
	}
	c.fail = func(err error) {
		fail(err)
		end(err)
	}
	return c
}

// upgradeHistory is the upgrades of a cluster's control plane or of a node pool, the oldest first.
func (s *Server) upgradeHistory(n containerName) []*containerpb.UpgradeDetails {
	var all []*containerpb.UpgradeDetails
	for _, details := range s.clusters.upgrades[n.String()] {
		all = append(all, proto.CloneOf(details))
	}
	return all
}

// nextVersions are what the service upgrades a version to by itself: within its minor version and to the next one, not beyond
// a limit. Empty where there is none.
func nextVersions(current, limit string) (minor, patch string) {
	for _, v := range slices.Backward(gkeVersions) {
		within := slices.Compare(versionNumbers(v.full), versionNumbers(limit)) <= 0
		newer := slices.Compare(versionNumbers(v.full), versionNumbers(current)) > 0
		switch {
		case !within || !newer:
		case minorOf(v.full) == minorOf(current):
			patch = v.full
		case minorOf(v.full) == minorOf(current)+1:
			minor = v.full
		}
	}
	return minor, patch
}

// optionalText is a field that is absent rather than empty.
func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// FetchClusterUpgradeInfo says what a cluster's control plane will be upgraded to by itself, what holds that up, and what it
// has been upgraded to. A maintenance window holds nothing up here: the fake starts no upgrade by itself (StartUnattended does).
func (c *clusterManager) FetchClusterUpgradeInfo(_ context.Context, r *containerpb.FetchClusterUpgradeInfoRequest) (*containerpb.ClusterUpgradeInfo, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	minor, patch := nextVersions(cluster.GetCurrentMasterVersion(), versionOf(cluster.GetReleaseChannel().GetChannel()).full)
	info := &containerpb.ClusterUpgradeInfo{
		MinorTargetVersion: optionalText(minor),
		PatchTargetVersion: optionalText(patch),
		AutoUpgradeStatus:  []containerpb.ClusterUpgradeInfo_AutoUpgradeStatus{containerpb.ClusterUpgradeInfo_ACTIVE},
		UpgradeDetails:     c.s.upgradeHistory(n),
	}
	scope, paused := activeExclusion(cluster.GetMaintenancePolicy(), c.s.now())
	switch {
	case paused && scope == containerpb.MaintenanceExclusionOptions_NO_UPGRADES:
		info.AutoUpgradeStatus[0] = containerpb.ClusterUpgradeInfo_UPGRADE_PAUSED
		info.PausedReason = []containerpb.ClusterUpgradeInfo_AutoUpgradePausedReason{containerpb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES}
	case paused:
		info.AutoUpgradeStatus[0] = containerpb.ClusterUpgradeInfo_MINOR_UPGRADE_PAUSED
		info.PausedReason = []containerpb.ClusterUpgradeInfo_AutoUpgradePausedReason{containerpb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES}
	}
	return info, nil
}

// FetchNodePoolUpgradeInfo says the same of a node pool, whose nodes follow the control plane.
func (c *clusterManager) FetchNodePoolUpgradeInfo(_ context.Context, r *containerpb.FetchNodePoolUpgradeInfoRequest) (*containerpb.NodePoolUpgradeInfo, error) {
	n, cluster, pool, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	minor, patch := nextVersions(pool.GetVersion(), cluster.GetCurrentMasterVersion())
	info := &containerpb.NodePoolUpgradeInfo{
		MinorTargetVersion: optionalText(minor),
		PatchTargetVersion: optionalText(patch),
		AutoUpgradeStatus:  []containerpb.NodePoolUpgradeInfo_AutoUpgradeStatus{containerpb.NodePoolUpgradeInfo_ACTIVE},
		UpgradeDetails:     c.s.upgradeHistory(n),
	}
	scope, paused := activeExclusion(cluster.GetMaintenancePolicy(), c.s.now())
	switch {
	case paused && scope == containerpb.MaintenanceExclusionOptions_NO_UPGRADES:
		info.AutoUpgradeStatus[0] = containerpb.NodePoolUpgradeInfo_UPGRADE_PAUSED
		info.PausedReason = []containerpb.NodePoolUpgradeInfo_AutoUpgradePausedReason{containerpb.NodePoolUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES}
	case paused && scope == containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES:
		// there is no reason of its own for this scope
		info.AutoUpgradeStatus[0] = containerpb.NodePoolUpgradeInfo_UPGRADE_PAUSED
		info.PausedReason = []containerpb.NodePoolUpgradeInfo_AutoUpgradePausedReason{containerpb.NodePoolUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES}
	case paused:
		info.AutoUpgradeStatus[0] = containerpb.NodePoolUpgradeInfo_MINOR_UPGRADE_PAUSED
		info.PausedReason = []containerpb.NodePoolUpgradeInfo_AutoUpgradePausedReason{containerpb.NodePoolUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES}
	}
	return info, nil
}
