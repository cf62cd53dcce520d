package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestConformanceUpgradesInExclusions(t *testing.T) {
	const source = "google.container.v1, MaintenanceExclusionOptions.Scope"
	behind := func(t *testing.T) *gke {
		g := startGKE(t)
		g.create(func(c *containerpb.Cluster) {
			c.InitialClusterVersion, c.ReleaseChannel = "1.34", &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR}
		})
		return g
	}
	refused := func(t *testing.T, g *gke, kind fakegcp.Unattended, pool string, scope containerpb.MaintenanceExclusionOptions_Scope) {
		t.Helper()
		if _, err := g.StartUnattended(kind, "", pool); err == nil || !strings.Contains(err.Error(), scope.String()) {
			t.Errorf("%s started in an exclusion of scope %s: %v", kind, scope, err)
		}
	}
	starts := func(t *testing.T, g *gke, kind fakegcp.Unattended, pool string) {
		t.Helper()
		_, err := g.StartUnattended(kind, "", pool)
		must(t, err)
		g.Advance(5 * time.Minute)
	}
	for _, scope := range []containerpb.MaintenanceExclusionOptions_Scope{
		containerpb.MaintenanceExclusionOptions_NO_UPGRADES,
		containerpb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES,
		containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES,
	} {
		fact(t, "1.1", "an exclusion of scope "+scope.String()+" keeps the server from a new minor version while it lasts", source, func(t *testing.T) {
			g := behind(t)
			g.updated(g.setExclusion("", scope, 10))
			refused(t, g, fakegcp.UnattendedUpgradeMaster, "", scope)
			g.Advance(11 * 24 * time.Hour)
			starts(t, g, fakegcp.UnattendedUpgradeMaster, "")
			if v := g.cluster().GetCurrentMasterVersion(); !strings.HasPrefix(v, "1.35.") {
				t.Errorf("version %s after the exclusion", v)
			}
			g.updated(g.setExclusion("", scope, 10))
			refused(t, g, fakegcp.UnattendedUpgradeNodes, "base", scope)
		})
	}
	fact(t, "1.1", "only NO_MINOR_UPGRADES lets nodes have patches, and only NO_UPGRADES keeps them from the control plane", source, func(t *testing.T) {
		g := behind(t)
		must(t, g.UpdateCluster(devCluster, func(c *containerpb.Cluster) {
			c.CurrentMasterVersion, c.NodePools[0].Version = "1.34.1-gke.1", "1.34.0-gke.1"
		}))
		g.updated(g.setExclusion("", containerpb.MaintenanceExclusionOptions_NO_UPGRADES, 10))
		refused(t, g, fakegcp.UnattendedUpgradeMaster, "", containerpb.MaintenanceExclusionOptions_NO_UPGRADES)
		g.updated(g.setExclusion("", containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES, 10))
		refused(t, g, fakegcp.UnattendedUpgradeNodes, "base", containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES)
		starts(t, g, fakegcp.UnattendedUpgradeMaster, "")
		if v := g.cluster().GetCurrentMasterVersion(); !strings.HasPrefix(v, "1.34.") || v == "1.34.1-gke.1" {
			t.Errorf("version %s, want a later patch", v)
		}
		g.updated(g.setExclusion("", containerpb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES, 10))
		starts(t, g, fakegcp.UnattendedUpgradeNodes, "base")
		if v := g.pool(basePool).GetVersion(); v != g.cluster().GetCurrentMasterVersion() {
			t.Errorf("nodes have %s", v)
		}
	})
	fact(t, "1.1", "an exclusion until the end of support needs no end", source, func(t *testing.T) {
		g := behind(t)
		g.updated(g.manager.SetMaintenancePolicy(g.ctx(), &containerpb.SetMaintenancePolicyRequest{Name: devCluster, MaintenancePolicy: &containerpb.MaintenancePolicy{
			Window: &containerpb.MaintenanceWindow{MaintenanceExclusions: map[string]*containerpb.TimeWindow{"hold": {
				StartTime: timestamppb.New(g.Now()),
				Options: &containerpb.TimeWindow_MaintenanceExclusionOptions{MaintenanceExclusionOptions: &containerpb.MaintenanceExclusionOptions{
					Scope:           containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES,
					EndTimeBehavior: containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT,
				}},
			}}},
		}}))
		g.Advance(365 * 24 * time.Hour)
		refused(t, g, fakegcp.UnattendedUpgradeMaster, "", containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES)
	})
}
