package deploy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterAssumedZones is how many zones a region has unless a cluster names them: GKE takes three, whatever the region.
const clusterAssumedZones = 3

// clusterCloudScope lets IAM alone decide what a node's service account may do.
// Source: cloud.google.com/kubernetes-engine/docs/how-to/access-scopes ("Do not use access scopes").
const clusterCloudScope = "https://www.googleapis.com/auth/cloud-platform"

// clusterMessage is what CreateCluster sends: the cluster with all of its pools, marked as being created.
func clusterMessage(spec ClusterSpec, stamp names.Stamp, creating time.Time) *containerpb.Cluster {
	cluster := &containerpb.Cluster{
		Name:           spec.ID.Name,
		Network:        spec.Network,
		Subnetwork:     spec.Subnetwork,
		ResourceLabels: clusterLabels(spec.Labels, stamp, creating),
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: clusterChannels[spec.ReleaseChannel]},
	}
	spec.Settings.message(cluster, spec.ID.Project)
	if spec.UpgradeAfter.holds() {
		cluster.MaintenancePolicy = withUpgradeHold(cluster.MaintenancePolicy, true, creating)
	}
	for _, key := range slices.Sorted(maps.Keys(spec.Pools)) {
		pool := clusterPoolMessage(key, key, spec.Pools[key], spec.ID.Location)
		cluster.NodePools = append(cluster.NodePools, pool)
	}
	clusterFirstNode(spec, cluster.NodePools)
	return cluster
}

// clusterFirstNode lets a cluster whose pools may all be empty start with a node: GKE refuses one without, because its
// system pods need a place. The autoscaler takes it away when it can. On-demand pools go first.
func clusterFirstNode(spec ClusterSpec, pools []*containerpb.NodePool) {
	first := pools[0]
	for _, pool := range slices.Backward(pools) {
		declared := spec.Pools[pool.GetName()]
		if declared.MinNodes > 0 {
			return
		}
		if declared.Capacity == PoolOnDemand {
			first = pool
		}
	}
	first.InitialNodeCount = 1
}

// clusterLabels is the whole set of a cluster's labels. The zero time leaves the creating mark out.
func clusterLabels(user map[string]string, stamp names.Stamp, creating time.Time) map[string]string {
	labels := maps.Clone(user)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, stamp.Labels(creating))
	return labels
}

// clusterPoolMessage is what GKE is asked for to make one pool.
func clusterPoolMessage(name, key string, pool PoolSpec, location string) *containerpb.NodePool {
	respectBudgets := true
	message := &containerpb.NodePool{
		Name:             name,
		InitialNodeCount: clusterInitialNodes(pool, location),
		Config:           clusterNodeConfig(key, pool),
		Autoscaling:      clusterAutoscaling(pool),
		Management:       &containerpb.NodeManagement{AutoRepair: true, AutoUpgrade: true},
		UpgradeSettings:  clusterUpgradeSettings(pool.Upgrade),
		NetworkConfig:    &containerpb.NodeNetworkConfig{EnablePrivateNodes: &pool.PrivateNodes},
		Locations:        pool.Zones,
		NodeDrainConfig: &containerpb.NodePool_NodeDrainConfig{
			RespectPdbDuringNodePoolDeletion: &respectBudgets,
		},
	}
	if pool.MaxPodsPerNode != 0 {
		message.MaxPodsConstraint = &containerpb.MaxPodsConstraint{MaxPodsPerNode: int64(pool.MaxPodsPerNode)}
	}
	return message
}

// clusterUpgradeSettings sends both counts of a surge: GKE takes one that is left out for 0.
func clusterUpgradeSettings(u PoolUpgrade) *containerpb.NodePool_UpgradeSettings {
	if u.BlueGreen == nil {
		return &containerpb.NodePool_UpgradeSettings{
			Strategy: containerpb.NodePoolUpdateStrategy_SURGE.Enum(),
			MaxSurge: u.MaxSurge, MaxUnavailable: u.MaxUnavailable,
		}
	}
	rollout := &containerpb.BlueGreenSettings_StandardRolloutPolicy{BatchSoakDuration: durationpb.New(u.BlueGreen.BatchSoak)}
	if u.BlueGreen.BatchNodes > 0 {
		rollout.UpdateBatchSize = &containerpb.BlueGreenSettings_StandardRolloutPolicy_BatchNodeCount{BatchNodeCount: u.BlueGreen.BatchNodes}
	} else {
		rollout.UpdateBatchSize = &containerpb.BlueGreenSettings_StandardRolloutPolicy_BatchPercentage{
			BatchPercentage: float32(u.BlueGreen.BatchPercent) / percent,
		}
	}
	return &containerpb.NodePool_UpgradeSettings{
		Strategy: containerpb.NodePoolUpdateStrategy_BLUE_GREEN.Enum(),
		BlueGreenSettings: &containerpb.BlueGreenSettings{
			RolloutPolicy:        &containerpb.BlueGreenSettings_StandardRolloutPolicy_{StandardRolloutPolicy: rollout},
			NodePoolSoakDuration: durationpb.New(u.BlueGreen.Soak),
		},
	}
}

const percent = 100

func clusterNodeConfig(key string, pool PoolSpec) *containerpb.NodeConfig {
	config := &containerpb.NodeConfig{
		MachineType:    pool.MachineType,
		DiskSizeGb:     pool.DiskGB,
		DiskType:       pool.DiskType,
		Spot:           pool.Capacity == PoolSpot,
		Preemptible:    pool.Capacity == PoolPreemptible,
		ServiceAccount: pool.ServiceAccount,
		Labels:         clusterNodeLabels(key, pool),
		Taints:         clusterNodeTaints(pool),
		Tags:           pool.Tags,
		Metadata:       maps.Clone(pool.Metadata),
		WorkloadMetadataConfig: &containerpb.WorkloadMetadataConfig{
			Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA,
		},
		ShieldedInstanceConfig: &containerpb.ShieldedInstanceConfig{
			EnableSecureBoot: true, EnableIntegrityMonitoring: true,
		},
	}
	// The project's default account is often an editor: it keeps GKE's own narrow scopes.
	if pool.ServiceAccount != "" {
		config.OauthScopes = []string{clusterCloudScope}
	}
	return config
}

// clusterNodeLabels are the labels of a pool's nodes: the user's and the two that services select by.
func clusterNodeLabels(key string, pool PoolSpec) map[string]string {
	labels := maps.Clone(pool.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[names.KubeCapacity] = pool.Capacity
	labels[names.KubePool] = key
	return labels
}

func clusterNodeTaints(pool PoolSpec) []*containerpb.NodeTaint {
	declared := slices.Clone(pool.Taints)
	if taint, ok := PoolTaint(pool.Capacity); ok && pool.Isolate {
		declared = append(declared, taint)
	}
	var taints []*containerpb.NodeTaint
	for _, t := range declared {
		taints = append(taints, &containerpb.NodeTaint{Key: t.Key, Value: t.Value, Effect: clusterEffects[t.Effect]})
	}
	return taints
}

// clusterAutoscaling is on for every pool: how many nodes there are is its business.
func clusterAutoscaling(pool PoolSpec) *containerpb.NodePoolAutoscaling {
	policy := cmp.Or(pool.LocationPolicy, DefaultLocationPolicy(pool.Capacity))
	scaling := &containerpb.NodePoolAutoscaling{Enabled: true, LocationPolicy: clusterLocationPolicies[policy]}
	if pool.PerZone {
		scaling.MinNodeCount, scaling.MaxNodeCount = pool.MinNodes, pool.MaxNodes
	} else {
		scaling.TotalMinNodeCount, scaling.TotalMaxNodeCount = pool.MinNodes, pool.MaxNodes
	}
	return scaling
}

// clusterInitialNodes is the count per zone to begin with, so that the total is neither below the minimum nor above the
// maximum where zones allow both. A pool that is to have a node begins with one in each zone, even where that is more than
// the maximum: the autoscaler takes away what is idle, and without a node there is nowhere to run.
func clusterInitialNodes(pool PoolSpec, location string) int32 {
	zones := int32(1)
	switch {
	case pool.PerZone:
		return pool.MinNodes
	case len(pool.Zones) > 0:
		zones = int32(len(pool.Zones))
	case !names.IsZone(location):
		zones = clusterAssumedZones
	}
	initial := min((pool.MinNodes+zones-1)/zones, pool.MaxNodes/zones)
	if pool.MinNodes > 0 {
		initial = max(initial, 1)
	}
	return initial
}
