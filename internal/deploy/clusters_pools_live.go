package deploy

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// clusterPoolState reads one live pool. How many nodes it has at the moment is the autoscaler's business, never ours.
func clusterPoolState(pool *containerpb.NodePool, prior PoolSpec) PoolSpec {
	config := pool.GetConfig()
	state := PoolSpec{
		MachineType:    config.GetMachineType(),
		Capacity:       clusterCapacityOf(config),
		Isolate:        true,
		DiskGB:         config.GetDiskSizeGb(),
		DiskType:       config.GetDiskType(),
		Zones:          slices.Sorted(slices.Values(pool.GetLocations())),
		Labels:         map[string]string{},
		Taints:         clusterUserTaints(config, prior.Taints),
		Tags:           slices.Sorted(slices.Values(config.GetTags())),
		PrivateNodes:   pool.GetNetworkConfig().GetEnablePrivateNodes(),
		Upgrade:        clusterUpgradeOf(pool.GetUpgradeSettings()),
		Metadata:       clusterUserMetadata(config, prior.Metadata),
		MaxPodsPerNode: int32(pool.GetMaxPodsConstraint().GetMaxPodsPerNode()),
	}
	if taint, ok := PoolTaint(state.Capacity); ok {
		state.Isolate = clusterHasTaint(config, taint)
	} else if prior.Capacity == state.Capacity {
		state.Isolate = prior.Isolate // it means nothing for nodes that stay
	}
	if account := config.GetServiceAccount(); account != "default" {
		state.ServiceAccount = account
	}
	clusterScaleOf(pool.GetAutoscaling(), &state)
	for key, value := range config.GetLabels() {
		if _, declared := prior.Labels[key]; declared || !ReservedNodeKey(key) {
			state.Labels[key] = value
		}
	}
	return state
}

// clusterScaleOf reads the autoscaler's bounds: GKE has them in total or per zone.
func clusterScaleOf(scale *containerpb.NodePoolAutoscaling, state *PoolSpec) {
	state.LocationPolicy = clusterNameOf(clusterLocationPolicies,
		cmp.Or(scale.GetLocationPolicy(), containerpb.NodePoolAutoscaling_BALANCED))
	if !scale.GetEnabled() {
		return
	}
	state.PerZone = scale.GetMaxNodeCount() > 0
	state.MinNodes, state.MaxNodes = scale.GetTotalMinNodeCount(), scale.GetTotalMaxNodeCount()
	if state.PerZone {
		state.MinNodes, state.MaxNodes = scale.GetMinNodeCount(), scale.GetMaxNodeCount()
	}
}

func clusterUpgradeOf(live *containerpb.NodePool_UpgradeSettings) PoolUpgrade {
	if live.GetStrategy() != containerpb.NodePoolUpdateStrategy_BLUE_GREEN {
		return PoolUpgrade{MaxSurge: live.GetMaxSurge(), MaxUnavailable: live.GetMaxUnavailable()}
	}
	settings := live.GetBlueGreenSettings()
	rollout := settings.GetStandardRolloutPolicy()
	return PoolUpgrade{BlueGreen: &PoolBlueGreen{
		BatchNodes:   rollout.GetBatchNodeCount(),
		BatchPercent: int32(math.Round(float64(rollout.GetBatchPercentage() * percent))),
		BatchSoak:    rollout.GetBatchSoakDuration().AsDuration(),
		Soak:         settings.GetNodePoolSoakDuration().AsDuration(),
	}}
}

// clusterServerMetadata is what GKE adds to the metadata of nodes.
var clusterServerMetadata = []string{"disable-legacy-endpoints"}

// ownMetadata leaves out what GKE sets anyway: whether it is written down changes no node.
func ownMetadata(metadata map[string]string) map[string]string {
	own := maps.Clone(metadata)
	maps.DeleteFunc(own, func(key, value string) bool { return value == "true" && slices.Contains(clusterServerMetadata, key) })
	return own
}

func clusterUserMetadata(config *containerpb.NodeConfig, declared map[string]string) map[string]string {
	metadata := map[string]string{}
	for key, value := range config.GetMetadata() {
		if _, ours := declared[key]; ours || !slices.Contains(clusterServerMetadata, key) {
			metadata[key] = value
		}
	}
	return metadata
}

func clusterCapacityOf(config *containerpb.NodeConfig) string {
	switch {
	case config.GetSpot():
		return PoolSpot
	case config.GetPreemptible():
		return PoolPreemptible
	case config.GetFlexStart():
		return poolFlexStart
	default:
		return PoolOnDemand
	}
}

// ReservedNodeKey tells whether a node label or taint key belongs to Kubernetes, GKE or this provider, so that users
// must not set it.
func ReservedNodeKey(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	for _, reserved := range []string{"twelvefactor.dev", "cloud.google.com", "gke.io", "kubernetes.io", "k8s.io"} {
		if domain == reserved || strings.HasSuffix(domain, "."+reserved) {
			return strings.Contains(key, "/")
		}
	}
	return false
}

// clusterServerTaint tells whether GKE puts a taint on nodes by itself, for their hardware.
// Source: cloud.google.com/kubernetes-engine/docs/how-to/gpus and .../how-to/prepare-arm-workloads-for-deployment.
func clusterServerTaint(key string) bool {
	return ReservedNodeKey(key) || key == "nvidia.com/gpu" || key == "google.com/tpu"
}

func clusterUserTaints(config *containerpb.NodeConfig, declared []NodeTaint) []NodeTaint {
	var taints []NodeTaint
	for _, live := range config.GetTaints() {
		taint := NodeTaint{Key: live.GetKey(), Value: live.GetValue(), Effect: clusterEffectOf(live.GetEffect())}
		if slices.Contains(declared, taint) || !clusterServerTaint(taint.Key) {
			taints = append(taints, taint)
		}
	}
	return clusterInOrder(taints, declared)
}

// clusterInOrder gives the declared order back to a list that the API keeps in an order of its own.
func clusterInOrder(live, declared []NodeTaint) []NodeTaint {
	slices.SortStableFunc(live, func(a, b NodeTaint) int {
		at, bt := slices.Index(declared, a), slices.Index(declared, b)
		if at >= 0 && bt >= 0 {
			return cmp.Compare(at, bt)
		}
		return 0
	})
	return live
}

func clusterEffectOf(effect containerpb.NodeTaint_Effect) string {
	for name, e := range clusterEffects {
		if e == effect {
			return name
		}
	}
	return effect.String()
}

func clusterHasTaint(config *containerpb.NodeConfig, want NodeTaint) bool {
	return slices.ContainsFunc(config.GetTaints(), func(t *containerpb.NodeTaint) bool {
		return t.GetKey() == want.Key && t.GetValue() == want.Value && t.GetEffect() == clusterEffects[want.Effect]
	})
}
