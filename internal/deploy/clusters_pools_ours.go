package deploy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterPools are the pools that are ours by their key. A key has two while its replacement is unfinished, sorted by name.
type clusterPools map[string][]*containerpb.NodePool

// clusterPoolsOf tells which pools are ours: those with the node label that this provider sets, and, for keys that the
// state knows and that no labelled pool has, those of that name, which were imported and have no label yet. Without a
// prior state every pool is shown. What GKE's node auto-provisioning made for itself is never ours: it copies node labels
// from the selectors of pods, ours too.
func clusterPoolsOf(live *containerpb.Cluster, prior *ClusterSpec) clusterPools {
	pools, unlabelled := clusterPools{}, []*containerpb.NodePool(nil)
	for _, pool := range live.GetNodePools() {
		key := pool.GetConfig().GetLabels()[names.KubePool]
		switch {
		case pool.GetAutoscaling().GetAutoprovisioned():
		case key != "":
			pools[key] = append(pools[key], pool)
		default:
			unlabelled = append(unlabelled, pool)
		}
	}
	for _, pool := range unlabelled {
		known := prior == nil
		if !known {
			_, known = prior.Pools[pool.GetName()]
		}
		if _, taken := pools[pool.GetName()]; known && !taken {
			pools[pool.GetName()] = []*containerpb.NodePool{pool}
		}
	}
	for _, generations := range pools {
		slices.SortFunc(generations, func(a, b *containerpb.NodePool) int { return cmp.Compare(a.GetName(), b.GetName()) })
	}
	return pools
}

// clusterForeignPools are the names of the pools that are not ours.
func clusterForeignPools(live *containerpb.Cluster, ours clusterPools) map[string]bool {
	foreign := map[string]bool{}
	for _, pool := range live.GetNodePools() {
		foreign[pool.GetName()] = true
	}
	for _, generations := range ours {
		for _, pool := range generations {
			delete(foreign, pool.GetName())
		}
	}
	return foreign
}

// pools are the pools that are ours. One that was somebody else's when the run began stays that: when our pool of a key is
// gone, one that has the key as its name is not the next to go.
func (g clusterGoal) pools(live *containerpb.Cluster) clusterPools {
	pools := clusterPoolsOf(live, g.known())
	for key, generations := range pools {
		generations = slices.DeleteFunc(generations, func(p *containerpb.NodePool) bool {
			return g.foreign[p.GetName()] && p.GetConfig().GetLabels()[names.KubePool] == ""
		})
		pools[key] = generations
	}
	maps.DeleteFunc(pools, func(_ string, generations []*containerpb.NodePool) bool { return len(generations) == 0 })
	return pools
}

// claimPools labels the pools of a key that are ours by name only, before a pool is made that has the label: from then on a
// pool without it counts as somebody else's. One that is broken or on its way out takes no update.
func (g clusterGoal) claimPools(key string, pools []*containerpb.NodePool) []clusterStep {
	var steps []clusterStep
	for _, pool := range pools {
		labels := maps.Clone(pool.GetConfig().GetLabels())
		status := pool.GetStatus()
		if labels[names.KubePool] == key || status == containerpb.NodePool_ERROR || status == containerpb.NodePool_STOPPING {
			continue
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[names.KubePool] = key
		request := &containerpb.UpdateNodePoolRequest{Name: g.poolName(pool), Labels: &containerpb.NodeLabels{Labels: labels}}
		steps = append(steps, clusterStep{fmt.Sprintf("label of node pool %q", pool.GetName()), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
			return c.NodePools().Update(ctx, request)
		}})
	}
	return steps
}
