package fakegcp_test

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestConformanceGKESetters(t *testing.T) {
	fact(t, "1.1", "setters are UPDATE_CLUSTER operations", "proto: their own types are unused", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		for name, set := range map[string]func() (*containerpb.Operation, error){
			"SetLocations": func() (*containerpb.Operation, error) {
				return g.manager.SetLocations(g.ctx(), &containerpb.SetLocationsRequest{Name: devCluster, Locations: []string{"asia-northeast1-a"}})
			},
			"SetNetworkPolicy": func() (*containerpb.Operation, error) {
				return g.manager.SetNetworkPolicy(g.ctx(), &containerpb.SetNetworkPolicyRequest{Name: devCluster, NetworkPolicy: &containerpb.NetworkPolicy{Enabled: true}})
			},
			"SetLegacyAbac": func() (*containerpb.Operation, error) {
				return g.manager.SetLegacyAbac(g.ctx(), &containerpb.SetLegacyAbacRequest{Name: devCluster, Enabled: true})
			},
			"SetAddonsConfig": func() (*containerpb.Operation, error) {
				return g.manager.SetAddonsConfig(g.ctx(), &containerpb.SetAddonsConfigRequest{Name: devCluster, AddonsConfig: &containerpb.AddonsConfig{
					DnsCacheConfig: &containerpb.DnsCacheConfig{}, HttpLoadBalancing: &containerpb.HttpLoadBalancing{Disabled: true},
				}})
			},
			"SetLoggingService": func() (*containerpb.Operation, error) {
				return g.manager.SetLoggingService(g.ctx(), &containerpb.SetLoggingServiceRequest{Name: devCluster, LoggingService: "none"})
			},
			"SetMonitoringService": func() (*containerpb.Operation, error) {
				return g.manager.SetMonitoringService(g.ctx(), &containerpb.SetMonitoringServiceRequest{Name: devCluster, MonitoringService: "none"})
			},
		} {
			op, err := set()
			if done := g.updated(op, err); done.GetOperationType() != containerpb.Operation_UPDATE_CLUSTER {
				t.Errorf("%s is %s", name, done.GetOperationType())
			}
		}
		c := g.cluster()
		if len(c.GetLocations()) != 1 || len(c.GetNodePools()[0].GetInstanceGroupUrls()) != 1 || c.GetCurrentNodeCount() != 1 {
			t.Errorf("%d nodes in %v, want one in one zone", c.GetCurrentNodeCount(), c.GetLocations())
		}
		if !c.GetNetworkPolicy().GetEnabled() || !c.GetLegacyAbac().GetEnabled() || c.GetLoggingService() != "none" || c.GetMonitoringService() != "none" {
			t.Errorf("cluster %v", c)
		}
		if a := c.GetAddonsConfig(); a.GetDnsCacheConfig().GetEnabled() || !a.GetHttpLoadBalancing().GetDisabled() || !a.GetGcePersistentDiskCsiDriverConfig().GetEnabled() {
			t.Errorf("add-ons %v, want those that were sent to change, and the others to stay", a)
		}
	})
	fact(t, "1.1", "a maintenance policy has a resource version: e3b0c442 when empty", "recorded", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		if v := g.cluster().GetMaintenancePolicy().GetResourceVersion(); v != "e3b0c442" {
			t.Errorf("version %q", v)
		}
		g.updated(g.setExclusion("e3b0c442", containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES, 90))
		if v := g.cluster().GetMaintenancePolicy().GetResourceVersion(); v == "e3b0c442" || len(v) != 8 {
			t.Errorf("version %q after a change", v)
		}
		_, err := g.setExclusion("e3b0c442", containerpb.MaintenanceExclusionOptions_NO_UPGRADES, 10)
		wantError(t, err, codes.FailedPrecondition, "e3b0c442")
		_, err = g.setExclusion("", containerpb.MaintenanceExclusionOptions_NO_UPGRADES, 31)
		wantError(t, err, codes.InvalidArgument, "NO_UPGRADES")
		_, err = g.setExclusion("", containerpb.MaintenanceExclusionOptions_NO_UPGRADES, -1)
		wantError(t, err, codes.InvalidArgument, "end_time must be after start_time")
	})
}

// setExclusion sets one maintenance exclusion that begins now.
func (g *gke) setExclusion(seen string, scope containerpb.MaintenanceExclusionOptions_Scope, days int) (*containerpb.Operation, error) {
	return g.manager.SetMaintenancePolicy(g.ctx(), &containerpb.SetMaintenancePolicyRequest{Name: devCluster, MaintenancePolicy: &containerpb.MaintenancePolicy{
		ResourceVersion: seen,
		Window: &containerpb.MaintenanceWindow{MaintenanceExclusions: map[string]*containerpb.TimeWindow{"soak": {
			StartTime: timestamppb.New(g.Now()), EndTime: timestamppb.New(g.Now().AddDate(0, 0, days)),
			Options: &containerpb.TimeWindow_MaintenanceExclusionOptions{MaintenanceExclusionOptions: &containerpb.MaintenanceExclusionOptions{Scope: scope}},
		}}},
	}})
}

func TestConformanceGKEUpdates(t *testing.T) {
	fact(t, "1.1", "an old etag is ABORTED", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		_, err := g.update(&containerpb.ClusterUpdate{DesiredShieldedNodes: &containerpb.ShieldedNodes{}, Etag: "old"})
		wantError(t, err, codes.Aborted, "etag")
	})
	fact(t, "1.1", "fields of an update whose message has one flag reach the flag of the cluster", "recorded", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		g.updated(g.update(&containerpb.ClusterUpdate{DesiredIntraNodeVisibilityConfig: &containerpb.IntraNodeVisibilityConfig{Enabled: true}}))
		if !g.cluster().GetNetworkConfig().GetEnableIntraNodeVisibility() {
			t.Error("intra-node visibility is off")
		}
		g.updated(g.update(&containerpb.ClusterUpdate{DesiredIntraNodeVisibilityConfig: &containerpb.IntraNodeVisibilityConfig{}}))
		if g.cluster().GetNetworkConfig().GetEnableIntraNodeVisibility() {
			t.Error("intra-node visibility is on")
		}
	})
	fact(t, "1.1", "useIpAliases and the disk driver are on, whatever is sent; other flags are what is sent", "recorded; mock", func(t *testing.T) {
		g := startGKE(t)
		g.create(func(c *containerpb.Cluster) {
			c.IpAllocationPolicy = &containerpb.IPAllocationPolicy{UseIpAliases: false, StackType: containerpb.StackType_IPV4}
			c.AddonsConfig = &containerpb.AddonsConfig{
				GcePersistentDiskCsiDriverConfig: &containerpb.GcePersistentDiskCsiDriverConfig{}, DnsCacheConfig: &containerpb.DnsCacheConfig{},
			}
		})
		c := g.cluster()
		if !c.GetIpAllocationPolicy().GetUseIpAliases() || !c.GetAddonsConfig().GetGcePersistentDiskCsiDriverConfig().GetEnabled() || c.GetAddonsConfig().GetDnsCacheConfig().GetEnabled() {
			t.Errorf("addresses %v, add-ons %v", c.GetIpAllocationPolicy(), c.GetAddonsConfig())
		}
	})
}

func TestConformanceGKEVersions(t *testing.T) {
	fact(t, "1.1", "control planes go up one minor version at a time and not back; nodes follow within two", "documented", func(t *testing.T) {
		g := startGKE(t)
		g.create(func(c *containerpb.Cluster) { c.InitialClusterVersion = "1.33" })
		master := func(version string) (*containerpb.Operation, error) {
			return g.manager.UpdateMaster(g.ctx(), &containerpb.UpdateMasterRequest{Name: devCluster, MasterVersion: version})
		}
		_, err := master("1.35")
		wantError(t, err, codes.InvalidArgument, "more than one minor version")
		for _, version := range []string{"1.34", "1.35"} {
			if done := g.updated(master(version)); done.GetOperationType() != containerpb.Operation_UPGRADE_MASTER {
				t.Errorf("operation is %s", done.GetOperationType())
			}
		}
		_, err = master("1.36")
		wantError(t, err, codes.InvalidArgument, "at most 2 minor versions behind")
		_, err = master("1.34")
		wantError(t, err, codes.InvalidArgument, "downgraded")
		_, err = g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: basePool, NodeVersion: "1.36"})
		wantError(t, err, codes.InvalidArgument, "must not be greater than the master version")
	})
	fact(t, "1.1", "the server upgrades by itself; what it will do and has done can be asked", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create(func(c *containerpb.Cluster) {
			c.InitialClusterVersion, c.ReleaseChannel = "1.34", &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR}
		})
		ask := func() *containerpb.ClusterUpgradeInfo {
			info, err := g.manager.FetchClusterUpgradeInfo(g.ctx(), &containerpb.FetchClusterUpgradeInfoRequest{Name: devCluster})
			must(t, err)
			return info
		}
		before := g.cluster().GetCurrentMasterVersion()
		target := ask().GetMinorTargetVersion()
		if target == "" || ask().GetAutoUpgradeStatus()[0] != containerpb.ClusterUpgradeInfo_ACTIVE {
			t.Errorf("info %v, want a target", ask())
		}
		g.updated(g.setExclusion("", containerpb.MaintenanceExclusionOptions_NO_UPGRADES, 20))
		if got := ask().GetAutoUpgradeStatus()[0]; got != containerpb.ClusterUpgradeInfo_UPGRADE_PAUSED {
			t.Errorf("in an exclusion it is %s", got)
		}
		g.updated(g.manager.SetMaintenancePolicy(g.ctx(), &containerpb.SetMaintenancePolicyRequest{Name: devCluster}))
		_, err := g.StartUnattended(fakegcp.UnattendedUpgradeMaster, "", "")
		must(t, err)
		if got := ask().GetUpgradeDetails(); len(got) != 1 || got[0].GetState() != containerpb.UpgradeDetails_RUNNING {
			t.Errorf("history %v during the upgrade", got)
		}
		g.Advance(5 * time.Minute)
		history := ask().GetUpgradeDetails()[0]
		if g.cluster().GetCurrentMasterVersion() != target || history.GetInitialVersion() != before || history.GetTargetVersion() != target ||
			history.GetState() != containerpb.UpgradeDetails_SUCCEEDED || history.GetStartType() != containerpb.UpgradeDetails_AUTOMATIC {
			t.Errorf("history %v", history)
		}
		_, err = g.StartUnattended(fakegcp.UnattendedUpgradeNodes, "", "base")
		must(t, err)
		g.Advance(5 * time.Minute)
		pools, err := g.manager.FetchNodePoolUpgradeInfo(g.ctx(), &containerpb.FetchNodePoolUpgradeInfoRequest{Name: basePool})
		must(t, err)
		if g.pool(basePool).GetVersion() != target || len(pools.GetUpgradeDetails()) != 1 || pools.GetMinorTargetVersion() != "" {
			t.Errorf("pool has %s, info %v", g.pool(basePool).GetVersion(), pools)
		}
	})
}
