package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterStateOf reads a live cluster in the terms of the configuration. prior is what the state holds: it tells
// which labels and pools are ours and how the user wrote the network. A nil prior (an import) shows everything.
func clusterStateOf(id names.ClusterID, live *containerpb.Cluster, prior *ClusterSpec) ClusterState {
	return clusterStateWith(id, live, prior, clusterPoolsOf(live, prior))
}

// clusterStateWith is clusterStateOf where it is known already which pools are ours.
func clusterStateWith(id names.ClusterID, live *containerpb.Cluster, prior *ClusterSpec, pools clusterPools) ClusterState {
	state := ClusterState{
		ClusterSpec: ClusterSpec{
			ID:             id,
			Pools:          map[string]PoolSpec{},
			ReleaseChannel: clusterChannelOf(live),
			Labels:         clusterUserLabels(live, prior),
		},
		Endpoint:      live.GetEndpoint(),
		CACertificate: live.GetMasterAuth().GetClusterCaCertificate(),
		Version:       live.GetCurrentMasterVersion(),
		WorkloadPool:  live.GetWorkloadIdentityConfig().GetWorkloadPool(),
		Status:        clusterStatusOf(live, pools),
		Drift:         clusterDrift(live, pools),
		Rolling:       map[string][]string{},
	}
	ranges := live.GetIpAllocationPolicy()
	state.PodsRanges = []string{ranges.GetClusterSecondaryRangeName(), ranges.GetClusterIpv4CidrBlock()}
	state.ServicesRanges = []string{ranges.GetServicesSecondaryRangeName(), ranges.GetServicesIpv4CidrBlock()}
	network, subnetwork := clusterNetworkPath(live), clusterSubnetworkPath(live)
	if prior == nil {
		prior = &ClusterSpec{}
	}
	state.Settings = clusterSettingsOf(live, prior.Settings)
	state.Network = clusterAsWritten(network, prior.Network, id.Project)
	state.Subnetwork = clusterAsWritten(subnetwork, prior.Subnetwork, id.Project)
	for key, generations := range pools {
		declared := prior.Pools[key]
		shown := clusterPoolState(clusterShown(generations, declared), declared)
		if len(generations) > 1 {
			for _, pool := range generations {
				state.Rolling[key] = append(state.Rolling[key], pool.GetName())
			}
			if shown.MaxNodes == 0 { // a roll has switched the autoscaler off: the bounds are not what differs
				shown.MinNodes, shown.MaxNodes, shown.PerZone = declared.MinNodes, declared.MaxNodes, declared.PerZone
				shown.LocationPolicy = cmp.Or(declared.LocationPolicy, shown.LocationPolicy)
			}
		}
		state.Pools[key] = shown
	}
	return state
}

// clusterShown picks the pool that the state shows for a key. While a replacement is unfinished it is the old one,
// so that the next plan shows the rest of the change.
func clusterShown(generations []*containerpb.NodePool, prior PoolSpec) *containerpb.NodePool {
	for _, pool := range generations {
		if clusterPoolState(pool, prior).sameNodes(prior) {
			return pool
		}
	}
	return generations[0]
}

// clusterChannelOf is empty for an older cluster that is in no channel.
func clusterChannelOf(live *containerpb.Cluster) string {
	if live.GetReleaseChannel().GetChannel() == containerpb.ReleaseChannel_UNSPECIFIED { //nolint:staticcheck // what older clusters have
		return ""
	}
	return strings.ToLower(live.GetReleaseChannel().GetChannel().String())
}

// clusterUserLabels leaves out the stamp, what Google sets, and what others set beside us.
func clusterUserLabels(live *containerpb.Cluster, prior *ClusterSpec) map[string]string {
	labels := map[string]string{}
	for key, value := range live.GetResourceLabels() {
		if names.IsStampLabel(key) || strings.HasPrefix(key, "goog-") {
			continue
		}
		known := prior == nil
		if !known {
			_, known = prior.Labels[key]
		}
		if known {
			labels[key] = value
		}
	}
	return labels
}

func clusterNetworkPath(live *containerpb.Cluster) string {
	return cmp.Or(live.GetNetworkConfig().GetNetwork(), live.GetNetwork())
}

func clusterSubnetworkPath(live *containerpb.Cluster) string {
	return cmp.Or(live.GetNetworkConfig().GetSubnetwork(), live.GetSubnetwork())
}

// clusterAsWritten is the path of a network as the user wrote it, and otherwise a name when it is in the cluster's own
// project.
func clusterAsWritten(path, written, project string) string {
	if written != "" && SameNetwork(path, written, project) {
		return written
	}
	if in, rest, ok := strings.Cut(strings.TrimPrefix(path, "projects/"), "/"); ok && in == project {
		return rest[strings.LastIndex(rest, "/")+1:]
	}
	return path
}

// SameNetwork tells whether two ways to write a network or a subnetwork mean the same: a name is one of the cluster's own
// project.
func SameNetwork(a, b, project string) bool {
	parts := func(text string) (in, name string) {
		name = text[strings.LastIndex(text, "/")+1:]
		if _, rest, ok := strings.Cut("/"+text, "/projects/"); ok {
			in, _, _ = strings.Cut(rest, "/")
			return in, name
		}
		return project, name
	}
	inA, nameA := parts(a)
	inB, nameB := parts(b)
	return inA == inB && nameA == nameB
}

// clusterDrift lists what is wrong with the settings that this provider always makes and that no attribute shows.
func clusterDrift(live *containerpb.Cluster, pools clusterPools) []string {
	var drift []string
	if live.GetResourceLabels()[names.LabelManagedBy] != names.ManagedBy {
		drift = append(drift, fmt.Sprintf("labels.%s: %s -> %s", names.LabelManagedBy, names.ManagedBy,
			cmp.Or(live.GetResourceLabels()[names.LabelManagedBy], "(none)")))
	}
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		if n := len(pools[key]); n > 1 {
			drift = append(drift, fmt.Sprintf("node_pools.%s: 1 pool -> %d pools", key, n))
		}
		for _, pool := range pools[key] {
			drift = append(drift, clusterPoolDrift(key, pool)...)
		}
	}
	return drift
}

// clusterStackDrift tells whether a cluster carries the mark of another stack, or none, where the provider has a stack.
func clusterStackDrift(live *containerpb.Cluster, stamp names.Stamp) []string {
	want := stamp.Hash()
	if actual := live.GetResourceLabels()[names.LabelStack]; want != "" && actual != want {
		return []string{fmt.Sprintf("labels.%s: %s -> %s", names.LabelStack, want, cmp.Or(actual, "(none)"))}
	}
	return nil
}

func clusterPoolDrift(key string, pool *containerpb.NodePool) []string {
	config := pool.GetConfig()
	capacity := clusterCapacityOf(config)
	var drift []string
	add := func(what, declared, actual string) {
		drift = append(drift, fmt.Sprintf("node_pools.%s %s: %s -> %s", key, what, declared, cmp.Or(actual, "(none)")))
	}
	for _, label := range []struct{ key, want string }{{names.KubeCapacity, capacity}, {names.KubePool, key}} {
		if actual := config.GetLabels()[label.key]; actual != label.want {
			add("label "+label.key, label.want, actual)
		}
	}
	for _, taint := range config.GetTaints() {
		if clusterIsCapacityTaint(taint) && taint.GetKey() != clusterCapacityTaint[capacity] {
			add("taint "+taint.GetKey(), "(none)", "true:NoSchedule")
		}
	}
	if mode := config.GetWorkloadMetadataConfig().GetMode(); mode != containerpb.WorkloadMetadataConfig_GKE_METADATA {
		add("workload metadata", containerpb.WorkloadMetadataConfig_GKE_METADATA.String(), mode.String())
	}
	for _, flag := range []struct {
		what string
		on   bool
	}{
		{"auto-upgrade", pool.GetManagement().GetAutoUpgrade()},
		{"auto-repair", pool.GetManagement().GetAutoRepair()},
		{"disruption budgets during deletion", pool.GetNodeDrainConfig().GetRespectPdbDuringNodePoolDeletion()},
	} {
		if !flag.on {
			add(flag.what, "on", "off")
		}
	}
	return drift
}
