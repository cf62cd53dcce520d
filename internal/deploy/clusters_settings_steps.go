package deploy

import (
	"context"
	"maps"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterChange is one update of a live cluster's settings, as the API takes them: one group in each request.
type clusterChange struct {
	// attribute is where an error belongs, and names the step.
	attribute string
	// same tells whether nothing is left to do. What a refresh shows as a difference is exactly what is not the same here.
	same   func(have, want ClusterSettings) bool
	update func(want ClusterSettings, live *containerpb.Cluster) *containerpb.ClusterUpdate
}

// clusterChanges are in the order in which they are made: what opens the way to the cluster comes first. A group that holds
// more than attributes show is sent with what the live cluster has of the rest: GKE may take the group as a whole.
var clusterChanges = []clusterChange{
	{
		"dns_endpoint",
		func(have, want ClusterSettings) bool {
			return have.DNSEndpoint == want.DNSEndpoint && have.PublicEndpoint == want.PublicEndpoint &&
				(have.AuthorizedNetworks == nil) == (want.AuthorizedNetworks == nil) &&
				maps.Equal(have.AuthorizedNetworks, want.AuthorizedNetworks)
		},
		func(want ClusterSettings, live *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredControlPlaneEndpointsConfig: want.endpoints(live.GetControlPlaneEndpointsConfig())}
		},
	},
	{
		"private_nodes",
		func(have, want ClusterSettings) bool { return have.PrivateNodes == want.PrivateNodes },
		func(want ClusterSettings, _ *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredDefaultEnablePrivateNodes: &want.PrivateNodes}
		},
	},
	{
		"gateway_api",
		func(have, want ClusterSettings) bool { return have.GatewayAPI == want.GatewayAPI },
		func(want ClusterSettings, _ *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredGatewayApiConfig: want.gatewayAPI()}
		},
	},
	{
		"secret_manager_csi",
		func(have, want ClusterSettings) bool { return have.SecretManagerCSI == want.SecretManagerCSI },
		func(want ClusterSettings, live *containerpb.Cluster) *containerpb.ClusterUpdate {
			config := &containerpb.SecretManagerConfig{Enabled: &want.SecretManagerCSI}
			if want.SecretManagerCSI {
				config.RotationConfig = live.GetSecretManagerConfig().GetRotationConfig()
			}
			return &containerpb.ClusterUpdate{DesiredSecretManagerConfig: config}
		},
	},
	{
		"logging",
		func(have, want ClusterSettings) bool {
			return want.Logging == nil || slices.Equal(have.Logging, want.Logging)
		},
		func(want ClusterSettings, _ *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredLoggingConfig: want.logging()}
		},
	},
	{
		"monitoring",
		func(have, want ClusterSettings) bool {
			return have.ManagedPrometheus == want.ManagedPrometheus &&
				(want.Monitoring == nil || slices.Equal(have.Monitoring, want.Monitoring))
		},
		func(want ClusterSettings, live *containerpb.Cluster) *containerpb.ClusterUpdate {
			config := want.monitoring()
			if config.ComponentConfig == nil {
				config.ComponentConfig = live.GetMonitoringConfig().GetComponentConfig()
			}
			if want.ManagedPrometheus {
				config.ManagedPrometheusConfig.AutoMonitoringConfig = live.GetMonitoringConfig().GetManagedPrometheusConfig().GetAutoMonitoringConfig()
			}
			config.AdvancedDatapathObservabilityConfig = live.GetMonitoringConfig().GetAdvancedDatapathObservabilityConfig()
			return &containerpb.ClusterUpdate{DesiredMonitoringConfig: config}
		},
	},
	{
		"binary_authorization",
		func(have, want ClusterSettings) bool {
			return want.BinaryAuthorization == "" || have.BinaryAuthorization == want.BinaryAuthorization
		},
		func(want ClusterSettings, _ *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredBinaryAuthorization: want.binaryAuthorization()}
		},
	},
	{
		"shielded_nodes",
		func(have, want ClusterSettings) bool { return have.ShieldedNodes == want.ShieldedNodes },
		func(want ClusterSettings, _ *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredShieldedNodes: &containerpb.ShieldedNodes{Enabled: want.ShieldedNodes}}
		},
	},
	{
		"security_posture",
		func(have, want ClusterSettings) bool {
			return want.SecurityPosture == "" || have.SecurityPosture == want.SecurityPosture
		},
		func(want ClusterSettings, live *containerpb.Cluster) *containerpb.ClusterUpdate {
			config := want.securityPosture()
			if before := live.GetSecurityPostureConfig(); before != nil {
				config.VulnerabilityMode = before.VulnerabilityMode
			}
			return &containerpb.ClusterUpdate{DesiredSecurityPostureConfig: config}
		},
	},
	{
		"fleet_project",
		func(have, want ClusterSettings) bool { return have.FleetProject == want.FleetProject },
		func(want ClusterSettings, _ *containerpb.Cluster) *containerpb.ClusterUpdate {
			return &containerpb.ClusterUpdate{DesiredFleet: &containerpb.Fleet{Project: want.FleetProject}}
		},
	},
}

// settingSteps are the updates of the cluster itself.
func (g clusterGoal) settingSteps(live *containerpb.Cluster) []clusterStep {
	var steps []clusterStep
	update := func(attribute string, change *containerpb.ClusterUpdate) {
		steps = append(steps, clusterStep{attribute, []string{attribute}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
			return c.Clusters().Update(ctx, g.spec.ID.String(), change)
		}})
	}
	if pool := names.WorkloadPool(g.spec.ID.Project); live.GetWorkloadIdentityConfig().GetWorkloadPool() != pool {
		update("workload_pool", &containerpb.ClusterUpdate{
			DesiredWorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: pool},
		})
	}
	want, have := g.spec.Settings, clusterSettingsOf(live, g.spec.Settings)
	// The window comes before everything that GKE might do because of a new channel.
	steps = append(steps, g.maintenanceSteps(live)...)
	if clusterChannelOf(live) != g.spec.ReleaseChannel {
		update("release_channel", &containerpb.ClusterUpdate{
			DesiredReleaseChannel: &containerpb.ReleaseChannel{Channel: clusterChannels[g.spec.ReleaseChannel]},
		})
	}
	if want.MinVersion != "" && !ClusterVersionReached(live.GetCurrentMasterVersion(), want.MinVersion) {
		update("min_version", &containerpb.ClusterUpdate{DesiredMasterVersion: want.MinVersion})
	}
	for _, change := range clusterChanges {
		if !change.same(have, want) {
			update(change.attribute, change.update(want, live))
		}
	}
	return steps
}

// Same tells whether nothing has to be changed to get from one to the other.
func (m ClusterMaintenance) Same(o ClusterMaintenance) bool {
	return m.DailyStart == o.DailyStart && m.Window == o.Window && maps.Equal(m.Exclusions, o.Exclusions)
}
