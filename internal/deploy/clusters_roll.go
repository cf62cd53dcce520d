package deploy

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// A change that no update of a pool can make rolls it: a new pool under a derived name, its nodes ready, the old pool's
// autoscaler off, its nodes closed, its pods evicted within their budgets, the old pool deleted. Where a roll stands is
// read from the live objects each time, so one that was stopped anywhere goes on, and one whose configuration was taken
// back goes back:
//
//	new pool                   one of the key's pools has the declared nodes
//	autoscaler                 off in a pool that is on its way out, and only then are nodes closed
//	twelvefactor.dev/cordoned  on the nodes that a roll has closed

// PoolRolls tells whether a change of a pool from one spec to another is one that needs a new pool.
func PoolRolls(from, to PoolSpec) bool { return !from.sameNodes(to) }

// poolSteps brings one key to its declared state.
func (g clusterGoal) poolSteps(live *containerpb.Cluster, key string, generations []*containerpb.NodePool) []clusterStep {
	current, old := clusterCurrentPool(generations, g.spec.Pools[key])
	if current == nil {
		return append(g.claimPools(key, old), g.createPool(live, key, old))
	}
	steps := g.reopened(key, current, g.poolUpdates(key, current))
	switch {
	case len(old) == 0:
		return steps
	case current.GetStatus() == containerpb.NodePool_RUNNING_WITH_ERROR:
		return steps // the old pool goes on serving; see repairSteps
	}
	for _, pool := range old {
		steps = append(steps, g.retirePool(key, pool, current)...)
	}
	return steps
}

// clusterCurrentPool picks the pool that has the declared nodes, a healthy one first, and tells it from those that have to
// go; nil when there is none yet.
func clusterCurrentPool(generations []*containerpb.NodePool, want PoolSpec) (current *containerpb.NodePool, old []*containerpb.NodePool) {
	for _, pool := range generations {
		status := pool.GetStatus()
		gone := status == containerpb.NodePool_ERROR || status == containerpb.NodePool_STOPPING
		better := current == nil || current.GetStatus() == containerpb.NodePool_RUNNING_WITH_ERROR && status == containerpb.NodePool_RUNNING
		if !gone && better && clusterPoolState(pool, want).sameNodes(want) {
			current = pool
		}
	}
	for _, pool := range generations {
		if pool != current {
			old = append(old, pool)
		}
	}
	return current, old
}

// clusterFreeName is the name of a new pool: the key itself, or with the generation when another pool has that name,
// be it the one that is replaced or somebody else's. A broken pool of the same generation keeps both names until it is
// gone, so a number tells them apart.
func clusterFreeName(live *containerpb.Cluster, key string, pool PoolSpec) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(live.GetNodePools(), func(p *containerpb.NodePool) bool { return p.GetName() == name })
	}
	if !taken(key) {
		return key
	}
	name := names.NodePool(key, pool.generation())
	for n := 2; taken(name); n++ {
		name = names.NodePool(key, fmt.Sprintf("%s%d", pool.generation(), n))
	}
	return name
}

// createPool makes a pool. One that replaces others starts with as many nodes as they have now: capacity comes before
// the pods, and what is too much the autoscaler takes away.
func (g clusterGoal) createPool(live *containerpb.Cluster, key string, replaced []*containerpb.NodePool) clusterStep {
	want := g.spec.Pools[key]
	pool := clusterPoolMessage(clusterFreeName(live, key, want), key, want, g.spec.ID.Location)
	zones := int32(max(len(live.GetLocations()), 1))
	if own := len(pool.GetLocations()); own > 0 {
		zones = int32(own)
	}
	return clusterStep{fmt.Sprintf("create of node pool %q", key), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		if err := clusterLosesHardware(key, replaced); err != nil {
			return nil, err
		}
		if len(replaced) > 0 {
			most, err := g.nodes.most(ctx, replaced)
			if err != nil {
				return nil, err
			}
			limit := want.MaxNodes
			if !want.PerZone {
				limit = max(limit/zones, 1)
			}
			pool.InitialNodeCount = max(pool.GetInitialNodeCount(), min((most+zones-1)/zones, limit))
		}
		made := pool.GetInitialNodeCount() * zones
		if !want.PerZone {
			made = min(made, want.MaxNodes) // the autoscaler may have taken away what is above
		}
		g.nodes.made[pool.GetName()] = made
		return c.NodePools().Create(ctx, g.spec.ID.String(), pool)
	}}
}

// reopened opens the nodes of a pool that a roll in the other direction had begun to close, before its autoscaler is put
// back: where that is on, no node is closed by us.
func (g clusterGoal) reopened(key string, pool *containerpb.NodePool, updates []clusterStep) []clusterStep {
	if pool.GetAutoscaling().GetEnabled() || len(updates) == 0 {
		return updates
	}
	update := updates[0].call
	updates[0].call = func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		if err := g.nodes.reopen(ctx, key, pool); err != nil {
			return nil, err
		}
		return update(ctx, c)
	}
	return updates
}

// retirePool takes a pool out of service and deletes it. successor is the pool that takes its pods; nil when the key was
// removed, and the pods go wherever they may.
func (g clusterGoal) retirePool(key string, pool, successor *containerpb.NodePool) []clusterStep {
	var steps []clusterStep
	step := func(what string, call clusterCall) {
		steps = append(steps, clusterStep{what, []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
			if successor != nil {
				if err := g.nodes.await(ctx, key, successor); err != nil {
					return nil, err
				}
			}
			return call(ctx, c)
		}})
	}
	name := g.poolName(pool)
	if pool.GetAutoscaling().GetEnabled() && pool.GetStatus() != containerpb.NodePool_ERROR {
		// Evicted pods wait for a node: the old pool must not grow another one for them, which would be open.
		step(fmt.Sprintf("autoscaler of node pool %q", pool.GetName()), func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
			return c.NodePools().SetAutoscaling(ctx, name, &containerpb.NodePoolAutoscaling{})
		})
	}
	step(fmt.Sprintf("delete of node pool %q", pool.GetName()), func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		if err := g.nodes.drain(ctx, key, pool, successor != nil); err != nil {
			return nil, err
		}
		op, err := c.NodePools().Delete(ctx, name)
		if gcp.IsNotFound(err) {
			return nil, nil
		}
		return op, err
	})
	return steps
}

// stillServing says of a failed step that the pool which was to be replaced is untouched, where that is so.
func (r *clusterRun) stillServing(step clusterStep) string {
	if len(step.attribute) < 2 {
		return ""
	}
	key := step.attribute[1]
	want, declared := r.goal.spec.Pools[key]
	_, old := clusterCurrentPool(r.goal.pools(r.live)[key], want)
	for _, pool := range old {
		if declared && pool.GetAutoscaling().GetEnabled() && pool.GetStatus() == containerpb.NodePool_RUNNING {
			return fmt.Sprintf(" Node pool %q, which was to be replaced, goes on serving.", pool.GetName())
		}
	}
	return ""
}
