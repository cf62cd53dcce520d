package cluster_test

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const parent = "projects/acme-dev/locations/asia-northeast1"

// makeByHand makes a cluster through the API, as somebody did who does not know of this provider.
func makeByHand(t *testing.T, env *acctest.Env, cluster *containerpb.Cluster) {
	t.Helper()
	makeByHandIn(t, env, parent, cluster)
}

func makeByHandIn(t *testing.T, env *acctest.Env, parent string, cluster *containerpb.Cluster) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr(), PollInterval: 10 * time.Millisecond})
	op, err := client.Clusters().Create(t.Context(), parent, cluster)
	if err != nil {
		t.Fatalf("make a cluster by hand: %v", err)
	}
	if err := client.Clusters().WaitOperation(t.Context(), parent, op); err != nil {
		t.Fatalf("make a cluster by hand: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
}

// oldCluster is what a create without a thought gave for years: a default pool of a fixed size, public nodes, no
// Workload Identity, in a network of the company's own.
func oldCluster() *containerpb.Cluster {
	return &containerpb.Cluster{
		Network: "web", Subnetwork: "web-nodes",
		Name: "dev", InitialNodeCount: 1, //nolint:staticcheck // as gcloud without node pools still does
		NodeConfig:     &containerpb.NodeConfig{MachineType: "e2-medium", DiskSizeGb: 50, OauthScopes: []string{"https://www.googleapis.com/auth/cloud-platform"}}, //nolint:staticcheck // as above
		ResourceLabels: map[string]string{"owner": "ann"},
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_STABLE},
	}
}

// privateCluster is what a careful team made: private nodes, Dataplane V2, Workload Identity, named ranges, two scaling pools.
func privateCluster() *containerpb.Cluster {
	yes := true
	return &containerpb.Cluster{
		Name: "dev", Network: "web", Subnetwork: "web-nodes",
		ResourceLabels: map[string]string{"owner": "ann", "cost-center": "42"},
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_RAPID},
		IpAllocationPolicy: &containerpb.IPAllocationPolicy{
			UseIpAliases: true, ClusterSecondaryRangeName: "pods", ServicesSecondaryRangeName: "services",
		},
		NetworkConfig: &containerpb.NetworkConfig{
			DatapathProvider: containerpb.DatapathProvider_ADVANCED_DATAPATH, DefaultEnablePrivateNodes: &yes,
		},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: "acme-dev.svc.id.goog"},
		ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
			IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{
				AuthorizedNetworksConfig: &containerpb.MasterAuthorizedNetworksConfig{
					Enabled:    true,
					CidrBlocks: []*containerpb.MasterAuthorizedNetworksConfig_CidrBlock{{DisplayName: "office", CidrBlock: "203.0.113.0/24"}},
				},
			},
		},
		MaintenancePolicy: &containerpb.MaintenancePolicy{Window: &containerpb.MaintenanceWindow{
			Policy: &containerpb.MaintenanceWindow_DailyMaintenanceWindow{
				DailyMaintenanceWindow: &containerpb.DailyMaintenanceWindow{StartTime: "03:00"},
			},
		}},
		NodePools: []*containerpb.NodePool{
			{
				Name: "general", InitialNodeCount: 1, Locations: []string{"asia-northeast1-a", "asia-northeast1-b"},
				Config: &containerpb.NodeConfig{
					MachineType: "n2-standard-4", DiskType: "pd-ssd", DiskSizeGb: 200, ServiceAccount: "default", Tags: []string{"web"},
					Metadata:               map[string]string{"serial-port-logging-enable": "true"},
					Labels:                 map[string]string{"tier": "web"},
					WorkloadMetadataConfig: &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA},
				},
				Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, MinNodeCount: 1, MaxNodeCount: 5},
			},
			{
				Name: "spot", InitialNodeCount: 1,
				Config: &containerpb.NodeConfig{
					MachineType: "n2-standard-8", Spot: true,
					Taints: []*containerpb.NodeTaint{{Key: "acme.example/batch", Value: "yes", Effect: containerpb.NodeTaint_NO_EXECUTE}},
				},
				Autoscaling: &containerpb.NodePoolAutoscaling{
					Enabled: true, TotalMinNodeCount: 2, TotalMaxNodeCount: 9, LocationPolicy: containerpb.NodePoolAutoscaling_ANY,
				},
			},
		},
	}
}

// tunedCluster has almost everything other than this provider would make it.
func tunedCluster() *containerpb.Cluster {
	yes, no := true, false
	vulnerabilities := containerpb.SecurityPostureConfig_DISABLED
	batch := &containerpb.BlueGreenSettings{
		RolloutPolicy: &containerpb.BlueGreenSettings_StandardRolloutPolicy_{
			StandardRolloutPolicy: &containerpb.BlueGreenSettings_StandardRolloutPolicy{
				UpdateBatchSize: &containerpb.BlueGreenSettings_StandardRolloutPolicy_BatchPercentage{BatchPercentage: 0.25},
			},
		},
		NodePoolSoakDuration: durationpb.New(30 * time.Minute),
	}
	blueGreen := containerpb.NodePoolUpdateStrategy_BLUE_GREEN
	return &containerpb.Cluster{
		Name: "dev", Network: "default", ResourceLabels: map[string]string{"owner": "ann"},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: "acme-dev.svc.id.goog"},
		ShieldedNodes:          &containerpb.ShieldedNodes{Enabled: false},
		SecurityPostureConfig:  &containerpb.SecurityPostureConfig{Mode: &vulnerabilities},
		BinaryAuthorization: &containerpb.BinaryAuthorization{
			EvaluationMode: containerpb.BinaryAuthorization_PROJECT_SINGLETON_POLICY_ENFORCE,
		},
		MonitoringConfig: &containerpb.MonitoringConfig{
			ComponentConfig: &containerpb.MonitoringComponentConfig{
				EnableComponents: []containerpb.MonitoringComponentConfig_Component{containerpb.MonitoringComponentConfig_SYSTEM_COMPONENTS},
			},
			ManagedPrometheusConfig: &containerpb.ManagedPrometheusConfig{Enabled: false},
		},
		NetworkPolicy:       &containerpb.NetworkPolicy{Enabled: true, Provider: containerpb.NetworkPolicy_CALICO},
		SecretManagerConfig: &containerpb.SecretManagerConfig{Enabled: &yes},
		ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: &yes},
			IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{EnablePublicEndpoint: &no},
		},
		NodePools: []*containerpb.NodePool{{
			Name: "web", InitialNodeCount: 1, MaxPodsConstraint: &containerpb.MaxPodsConstraint{MaxPodsPerNode: 32},
			Config: &containerpb.NodeConfig{
				MachineType: "e2-standard-4", Preemptible: true, ImageType: "UBUNTU_CONTAINERD",
			},
			Autoscaling:     &containerpb.NodePoolAutoscaling{Enabled: true, TotalMinNodeCount: 0, TotalMaxNodeCount: 6},
			UpgradeSettings: &containerpb.NodePool_UpgradeSettings{Strategy: &blueGreen, BlueGreenSettings: batch},
		}},
	}
}

// dnsOnlyCluster has no address at all, a weekly window with an exclusion, is in a fleet and makes node pools by itself.
func dnsOnlyCluster() *containerpb.Cluster {
	yes, no := true, false
	from := time.Now().UTC().Truncate(time.Second)
	return &containerpb.Cluster{
		Name: "dev", Network: "default", ResourceLabels: map[string]string{"owner": "ann"},
		ReleaseChannel:         &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_EXTENDED},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: "acme-dev.svc.id.goog"},
		Fleet:                  &containerpb.Fleet{Project: "acme-dev"},
		ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: &yes},
			IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: &no},
		},
		MaintenancePolicy: &containerpb.MaintenancePolicy{Window: &containerpb.MaintenanceWindow{
			Policy: &containerpb.MaintenanceWindow_RecurringWindow{RecurringWindow: &containerpb.RecurringTimeWindow{
				Window:     &containerpb.TimeWindow{StartTime: timestamppb.New(from), EndTime: timestamppb.New(from.Add(8 * time.Hour))},
				Recurrence: "FREQ=WEEKLY;BYDAY=SA,SU",
			}},
			MaintenanceExclusions: map[string]*containerpb.TimeWindow{
				"year-end": {StartTime: timestamppb.New(from.Add(24 * time.Hour)), EndTime: timestamppb.New(from.Add(72 * time.Hour))},
			},
		}},
		NodePools: []*containerpb.NodePool{{
			Name: "web", InitialNodeCount: 1,
			Config: &containerpb.NodeConfig{
				MachineType: "e2-standard-4", WorkloadMetadataConfig: &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA},
				Labels: map[string]string{"twelvefactor.dev/capacity": "on_demand", "twelvefactor.dev/pool": "web"},
			},
			Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMinNodeCount: 1, TotalMaxNodeCount: 6},
		}},
	}
}

// addAutoprovisionedPool does what node auto-provisioning does.
func addAutoprovisionedPool(c *containerpb.Cluster) {
	theirs, _ := proto.Clone(c.NodePools[0]).(*containerpb.NodePool)
	theirs.Name, theirs.Config.Labels, theirs.Autoscaling.Autoprovisioned = "nap-e2-standard-8-1a2b3c4d", nil, true
	c.NodePools = append(c.NodePools, theirs)
}
