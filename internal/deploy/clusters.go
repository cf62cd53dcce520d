package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// ClusterSpec is the declared state of a GKE Standard cluster.
type ClusterSpec struct {
	ID names.ClusterID
	// Pools are the node pools by their key in the configuration. There is never a default pool.
	Pools map[string]PoolSpec
	// ReleaseChannel is one of ReleaseChannels; empty for an older cluster that is in none.
	ReleaseChannel string
	// Network and Subnetwork are names, or paths like projects/P/global/networks/N. An empty Subnetwork lets GKE choose.
	Network, Subnetwork string
	// Labels are the user's labels, the provider's default labels included, the stamp excluded.
	Labels   map[string]string
	Settings ClusterSettings
	// UpgradeAfter is nil unless upgrades wait for another cluster.
	UpgradeAfter *UpgradeAfter
}

// PoolSpec is the declared state of one node pool.
type PoolSpec struct {
	MachineType string
	// Capacity is one of ClusterCapacities. It cannot change in a live pool.
	Capacity string
	// Isolate is whether nodes that can be taken away carry a taint, so that only pods that tolerate it come.
	Isolate bool
	// MinNodes and MaxNodes are totals over all zones, or, with PerZone, bounds of each zone. MaxNodes is 0 for a live pool
	// without autoscaling.
	MinNodes, MaxNodes int32
	PerZone            bool
	// LocationPolicy is one of LocationPolicies; empty means the one that fits the capacity.
	LocationPolicy string
	// Zones are where the nodes are, sorted; nil means where GKE chooses.
	Zones []string
	// DiskGB is the size of the boot disk in GB. An empty DiskType is the machine type's default.
	DiskGB   int32
	DiskType string
	Labels   map[string]string
	Taints   []NodeTaint
	// Tags are the network tags of the nodes, sorted.
	Tags []string
	// PrivateNodes is whether the nodes have internal addresses only.
	PrivateNodes bool
	Upgrade      PoolUpgrade
	// ServiceAccount is the email that the nodes run as, empty for the project's default. It cannot change in a live pool.
	ServiceAccount string
	// Metadata is what the nodes' metadata server shows. It cannot change in a live pool.
	Metadata map[string]string
	// MaxPodsPerNode cannot change in a live pool; 0 means GKE's default.
	MaxPodsPerNode int32
}

// PoolUpgrade is how GKE replaces the nodes of a pool: with BlueGreen nil a few at a time.
type PoolUpgrade struct {
	// MaxSurge nodes are added, and MaxUnavailable nodes are missing, at most.
	MaxSurge, MaxUnavailable int32
	BlueGreen                *PoolBlueGreen
}

// PoolBlueGreen makes the new nodes beside the old ones, moves the pods in batches, and keeps the old nodes for Soak.
type PoolBlueGreen struct {
	// BatchNodes and BatchPercent are the size of a batch: one of the two is above 0. BatchPercent is at most 100.
	BatchNodes, BatchPercent int32
	// BatchSoak is the pause after each batch.
	BatchSoak, Soak time.Duration
}

// NodeTaint keeps pods that do not tolerate it off the nodes of a pool.
type NodeTaint struct {
	// Effect is one of TaintEffects.
	Key, Value, Effect string
}

// ClusterState is what is live, in the terms of ClusterSpec, and what GKE decides.
type ClusterState struct {
	ClusterSpec
	// Endpoint is the control plane's address without a scheme; CACertificate is base64 PEM.
	Endpoint, CACertificate string
	Version, WorkloadPool   string
	// Status is one of the Cluster… constants.
	Status string
	// Reasons are GKE's own words on what is wrong, empty when nothing is.
	Reasons string
	// Rolling are the names of the pools of each key that has several: its replacement is unfinished.
	Rolling map[string][]string
	// Operation is the short name of an operation that still ran when the run ended.
	Operation string
	// PodsRanges and ServicesRanges are the ways to write the ranges that the cluster has: name and address block.
	PodsRanges, ServicesRanges []string
	// Finishing tells that the creating mark is still there while an operation runs that may be taking it off.
	Finishing bool
	// Drift lists what differs from what this provider always sets and no attribute shows, as "path: declared -> actual".
	Drift []string
	// Upgrades is what ReadCluster finds out about held upgrades; nil when nothing is or shall be held.
	Upgrades *UpgradeDecision
}

// The values of ClusterState.Status.
const (
	ClusterReady    = "ready"    // serves, with all of its pools
	ClusterCreating = "creating" // its create, or the create of a pool, is unfinished
	ClusterDegraded = "degraded" // serves, but something is wrong with it or with a pool
	ClusterFailed   = "failed"   // unusable; GKE deletes such clusters after a while
	ClusterDeleting = "deleting"
)

// The capacities of a node pool.
const (
	PoolOnDemand    = "on_demand"
	PoolSpot        = "spot"
	PoolPreemptible = "preemptible"
)

// ClusterCreateTimeout is how long a create may take unless the configuration says otherwise. GKE takes 5 to 15
// minutes; a pool in a zone without capacity keeps its operation running for more than half an hour.
const ClusterCreateTimeout = 60 * time.Minute

// ClusterCapacities are the accepted capacities of a node pool.
func ClusterCapacities() []string { return []string{PoolOnDemand, PoolSpot, PoolPreemptible} }

// clusterCapacityTaint is the node label that GKE puts on the nodes of a capacity and the key of the taint that this
// provider puts there; GKE adds no taint of its own.
// Source: cloud.google.com/kubernetes-engine/docs/concepts/spot-vms and .../how-to/preemptible-vms.
var clusterCapacityTaint = map[string]string{
	PoolSpot:        "cloud.google.com/gke-spot",
	PoolPreemptible: "cloud.google.com/gke-preemptible",
}

var clusterChannels = map[string]containerpb.ReleaseChannel_Channel{
	"rapid":    containerpb.ReleaseChannel_RAPID,
	"regular":  containerpb.ReleaseChannel_REGULAR,
	"stable":   containerpb.ReleaseChannel_STABLE,
	"extended": containerpb.ReleaseChannel_EXTENDED,
}

// ReleaseChannels are the accepted release channels.
func ReleaseChannels() []string { return slices.Sorted(maps.Keys(clusterChannels)) }

var clusterEffects = map[string]containerpb.NodeTaint_Effect{
	"NoSchedule":       containerpb.NodeTaint_NO_SCHEDULE,
	"PreferNoSchedule": containerpb.NodeTaint_PREFER_NO_SCHEDULE,
	"NoExecute":        containerpb.NodeTaint_NO_EXECUTE,
}

// clusterLocationPolicies says how the autoscaler chooses zones: evenly, or where there is capacity.
var clusterLocationPolicies = map[string]containerpb.NodePoolAutoscaling_LocationPolicy{
	"balanced": containerpb.NodePoolAutoscaling_BALANCED,
	"any":      containerpb.NodePoolAutoscaling_ANY,
}

// LocationPolicies lists how the autoscaler can choose zones.
func LocationPolicies() []string { return slices.Sorted(maps.Keys(clusterLocationPolicies)) }

// DefaultLocationPolicy is any for what can be taken away: such machines are where there is capacity.
func DefaultLocationPolicy(capacity string) string {
	if capacity == PoolOnDemand {
		return "balanced"
	}
	return "any"
}

// TaintEffects are the accepted effects of a taint, in Kubernetes' spelling.
func TaintEffects() []string { return slices.Sorted(maps.Keys(clusterEffects)) }

// PoolTaint is the taint that nodes of a capacity carry; ok is false for on-demand nodes, which carry none.
func PoolTaint(capacity string) (taint NodeTaint, ok bool) {
	key, ok := clusterCapacityTaint[capacity]
	return NodeTaint{Key: key, Value: "true", Effect: "NoSchedule"}, ok
}

// sameNodes tells whether the nodes of a live pool can serve for a declared one, or GKE has to make a new pool for it.
func (p PoolSpec) sameNodes(declared PoolSpec) bool {
	return p.Capacity == declared.Capacity && p.ServiceAccount == declared.ServiceAccount &&
		maps.Equal(ownMetadata(p.Metadata), ownMetadata(declared.Metadata)) &&
		(declared.MaxPodsPerNode == 0 || p.MaxPodsPerNode == declared.MaxPodsPerNode)
}

// generation stands for what cannot change in a live pool: 6 hexadecimal characters that names.NodePool puts behind
// the key when a pool of another generation has the plain name.
func (p PoolSpec) generation() string {
	text := p.Capacity + "\n" + p.ServiceAccount
	for _, key := range slices.Sorted(maps.Keys(p.Metadata)) {
		text += "\n" + key + "=" + p.Metadata[key]
	}
	if p.MaxPodsPerNode != 0 {
		text += fmt.Sprintf("\n%d", p.MaxPodsPerNode)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:3])
}
