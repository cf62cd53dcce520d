package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterStatuses is what GKE's statuses mean for us. RECONCILING is a cluster that serves while GKE works on it.
// A status that is not listed is new: the cluster counts as degraded, so that somebody looks.
var clusterStatuses = map[containerpb.Cluster_Status]string{
	containerpb.Cluster_PROVISIONING: ClusterCreating,
	containerpb.Cluster_RUNNING:      ClusterReady,
	containerpb.Cluster_RECONCILING:  ClusterReady,
	containerpb.Cluster_STOPPING:     ClusterDeleting,
	containerpb.Cluster_ERROR:        ClusterFailed,
	containerpb.Cluster_DEGRADED:     ClusterDegraded,
}

// clusterPoolStatuses is the same for node pools. A pool that is STOPPING is on its way out and harms nobody.
var clusterPoolStatuses = map[containerpb.NodePool_Status]string{
	containerpb.NodePool_PROVISIONING: ClusterCreating,
	containerpb.NodePool_RUNNING:      ClusterReady,
	containerpb.NodePool_RECONCILING:  ClusterReady,
	containerpb.NodePool_STOPPING:     ClusterReady,
}

// clusterStatusOf joins the statuses of the cluster, of its unfinished create and of our pools.
func clusterStatusOf(live *containerpb.Cluster, pools map[string][]*containerpb.NodePool) string {
	status := cmp.Or(clusterStatuses[live.GetStatus()], ClusterDegraded)
	if clusterSuffersForOthers(live, pools) {
		status = ClusterReady
	}
	if status != ClusterReady {
		return status
	}
	if _, unfinished := names.CreatingSince(live.GetResourceLabels()); unfinished {
		return ClusterCreating
	}
	for _, generations := range pools {
		for _, pool := range generations {
			switch cmp.Or(clusterPoolStatuses[pool.GetStatus()], ClusterDegraded) {
			case ClusterDegraded:
				return ClusterDegraded
			case ClusterCreating:
				status = ClusterCreating
			}
		}
	}
	return status
}

// clusterSuffersForOthers tells whether a cluster is DEGRADED for nothing but pools that are not ours: no plan of ours
// could repair them, and one that tried would never be empty.
func clusterSuffersForOthers(live *containerpb.Cluster, pools map[string][]*containerpb.NodePool) bool {
	if live.GetStatus() != containerpb.Cluster_DEGRADED {
		return false
	}
	ours := slices.Concat(slices.Collect(maps.Values(pools))...)
	var theirs []string
	for _, pool := range live.GetNodePools() {
		switch {
		case clusterPoolStatuses[pool.GetStatus()] != "":
		case slices.Contains(ours, pool):
			return false
		default:
			theirs = append(theirs, clusterWords(pool.GetStatusMessage(), pool.GetConditions())...) //nolint:staticcheck // conditions came later and are not always set
		}
	}
	words := clusterWords(live.GetStatusMessage(), live.GetConditions()) //nolint:staticcheck // as above
	return len(theirs) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(theirs, w) })
}

// clusterBusy tells whether an operation is likely to run on the cluster, so that asking for its operations is worth
// a call. One that slips through is met as an incompatible operation.
func clusterBusy(live *containerpb.Cluster) bool {
	if s := live.GetStatus(); s != containerpb.Cluster_RUNNING && s != containerpb.Cluster_DEGRADED {
		return true
	}
	return slices.ContainsFunc(live.GetNodePools(), func(p *containerpb.NodePool) bool {
		return p.GetStatus() != containerpb.NodePool_RUNNING && p.GetStatus() != containerpb.NodePool_RUNNING_WITH_ERROR
	})
}

// clusterForming tells whether the cluster or a pool is being made for the first time: nothing can be done with it yet.
func clusterForming(live *containerpb.Cluster) bool {
	return live.GetStatus() == containerpb.Cluster_PROVISIONING ||
		slices.ContainsFunc(live.GetNodePools(), func(p *containerpb.NodePool) bool {
			return p.GetStatus() == containerpb.NodePool_PROVISIONING
		})
}

// clusterReasons collects GKE's own words on what is wrong with a cluster and its pools.
func clusterReasons(live *containerpb.Cluster, pools map[string][]*containerpb.NodePool) string {
	var reasons, told []string
	if s := live.GetStatus(); clusterStatuses[s] != ClusterReady && !clusterSuffersForOthers(live, pools) {
		words := clusterWords(live.GetStatusMessage(), live.GetConditions()) //nolint:staticcheck // conditions came later and are not always set
		reasons, told = append(reasons, clusterReason(s, words)), append(told, words...)
	}
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		for _, pool := range pools[key] {
			s := pool.GetStatus()
			if clusterPoolStatuses[s] != "" {
				continue
			}
			words := clusterWords(pool.GetStatusMessage(), pool.GetConditions()) //nolint:staticcheck // as above
			// A cluster repeats what its pools say, and a failed one has its pools repeat what it says.
			news := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(told, w) })
			reasons, told = append(reasons, fmt.Sprintf("node pool %q: %s", pool.GetName(), clusterReason(s, news))), append(told, words...)
		}
	}
	return strings.Join(reasons, "; ")
}

// clusterWords are the messages of the conditions, or the status message where there are none.
func clusterWords(message string, conditions []*containerpb.StatusCondition) []string {
	var words []string
	for _, condition := range conditions {
		words = append(words, condition.GetMessage())
	}
	words = append(words, message)
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(w string) bool { return w == "" })
}

// clusterReason is a status and what GKE says about it. A status that this provider does not know is a number.
func clusterReason(status fmt.Stringer, words []string) string {
	name := status.String()
	if _, err := strconv.Atoi(name); err == nil {
		name = "status " + name + ", which this version of the provider does not know (use a newer one: terraform init -upgrade)"
	}
	return strings.Join(append([]string{name}, words...), ": ")
}
