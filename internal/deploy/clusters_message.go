package deploy

import (
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

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
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{
			WorkloadPool: names.WorkloadPool(spec.ID.Project),
		},
		IpAllocationPolicy: &containerpb.IPAllocationPolicy{UseIpAliases: true},
		// Dataplane V2 enforces the network policies of namespaces; it cannot be switched on later without new nodes.
		NetworkConfig: &containerpb.NetworkConfig{DatapathProvider: containerpb.DatapathProvider_ADVANCED_DATAPATH},
		ShieldedNodes: &containerpb.ShieldedNodes{Enabled: true},
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
	return &containerpb.NodePool{
		Name:             name,
		InitialNodeCount: clusterInitialNodes(pool, location),
		Config:           clusterNodeConfig(key, pool),
		Autoscaling:      clusterAutoscaling(pool),
		Management:       &containerpb.NodeManagement{AutoRepair: true, AutoUpgrade: true},
		NodeDrainConfig: &containerpb.NodePool_NodeDrainConfig{
			RespectPdbDuringNodePoolDeletion: &respectBudgets,
		},
	}
}

func clusterNodeConfig(key string, pool PoolSpec) *containerpb.NodeConfig {
	config := &containerpb.NodeConfig{
		MachineType:    pool.MachineType,
		DiskSizeGb:     pool.DiskGB,
		Spot:           pool.Capacity == PoolSpot,
		Preemptible:    pool.Capacity == PoolPreemptible,
		ServiceAccount: pool.ServiceAccount,
		Labels:         clusterNodeLabels(key, pool),
		Taints:         clusterNodeTaints(pool),
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
	if taint, ok := PoolTaint(pool.Capacity); ok {
		declared = append(declared, taint)
	}
	var taints []*containerpb.NodeTaint
	for _, t := range declared {
		taints = append(taints, &containerpb.NodeTaint{Key: t.Key, Value: t.Value, Effect: clusterEffects[t.Effect]})
	}
	return taints
}

// clusterAutoscaling bounds a pool by totals: the API's plain counts are per zone. Spot nodes are taken from
// whatever zone has them (ANY), as Google advises for them.
func clusterAutoscaling(pool PoolSpec) *containerpb.NodePoolAutoscaling {
	policy := containerpb.NodePoolAutoscaling_BALANCED
	if pool.Capacity == PoolSpot {
		policy = containerpb.NodePoolAutoscaling_ANY
	}
	return &containerpb.NodePoolAutoscaling{
		Enabled:           true,
		TotalMinNodeCount: pool.MinNodes,
		TotalMaxNodeCount: pool.MaxNodes,
		LocationPolicy:    policy,
	}
}

// clusterInitialNodes is how many nodes a pool starts with in each zone: as many as its minimum needs, but in all
// zones together never more than its maximum. What is missing or too much then, the autoscaler corrects.
func clusterInitialNodes(pool PoolSpec, location string) int32 {
	zones := int32(1)
	if !names.IsZone(location) {
		zones = clusterAssumedZones
	}
	return min((pool.MinNodes+zones-1)/zones, pool.MaxNodes/zones)
}
