package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterStep is one request that brings a cluster nearer to its declared state. GKE runs one at a time.
type clusterStep struct {
	// what names the step in errors; two steps with the same name are the same step.
	what string
	// attribute is where an error belongs.
	attribute []string
	call      clusterCall
}

// clusterCall sends one request. A nil operation means that there was nothing to do.
type clusterCall func(context.Context, *gcp.Client) (*gcp.Operation, error)

// clusterGoal is where a cluster shall go: the declared state, and the one before it, which tells what was ours.
type clusterGoal struct {
	spec  ClusterSpec
	prior *ClusterSpec
	stamp names.Stamp
	// marked leaves the creating mark on.
	marked bool
	// now is when an exclusion that is to be made begins.
	now time.Time
}

// steps compares the live cluster with the goal and lists what is left to do, in order. It looks at nothing else, so
// that a change that was interrupted anywhere just goes on.
func (g clusterGoal) steps(live *containerpb.Cluster) []clusterStep {
	steps := slices.Concat(g.labelSteps(live), g.settingSteps(live))
	pools := clusterPoolsOf(live, g.known())
	for _, key := range slices.Sorted(maps.Keys(g.spec.Pools)) {
		steps = append(steps, g.poolSteps(live, key, pools[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		if _, declared := g.spec.Pools[key]; !declared {
			for _, pool := range pools[key] {
				steps = append(steps, g.deletePool(key, pool))
			}
		}
	}
	return append(steps, g.finishSteps(live)...)
}

// known is what was ours before: nothing but what carries our labels, when there is no prior state.
func (g clusterGoal) known() *ClusterSpec {
	if g.prior == nil {
		return &ClusterSpec{}
	}
	return g.prior
}

// wantedLabels is the whole set that the live cluster should have: ours, and what others put beside them.
func (g clusterGoal) wantedLabels(live *containerpb.Cluster) map[string]string {
	labels := clusterLabels(g.spec.Labels, g.stamp, time.Time{})
	for key, value := range live.GetResourceLabels() {
		_, wanted := labels[key]
		_, ours := g.known().Labels[key]
		if !wanted && !ours && !names.IsStampLabel(key) {
			labels[key] = value
		}
	}
	return labels
}

func (g clusterGoal) labelSteps(live *containerpb.Cluster) []clusterStep {
	wanted := g.wantedLabels(live)
	if mark, marked := live.GetResourceLabels()[names.LabelCreating]; marked {
		wanted[names.LabelCreating] = mark
	}
	if maps.Equal(wanted, live.GetResourceLabels()) {
		return nil
	}
	return []clusterStep{g.setLabels("labels", wanted, live.GetLabelFingerprint())}
}

// finishSteps takes the creating mark off once everything else is done, unless it is held back for the Finisher. A finished cluster is never adopted by
// another state, however young it is.
func (g clusterGoal) finishSteps(live *containerpb.Cluster) []clusterStep {
	if _, marked := live.GetResourceLabels()[names.LabelCreating]; !marked || g.marked {
		return nil
	}
	return []clusterStep{g.setLabels("creating mark", g.wantedLabels(live), live.GetLabelFingerprint())}
}

func (g clusterGoal) setLabels(what string, labels map[string]string, fingerprint string) clusterStep {
	return clusterStep{what, []string{"labels"}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		return c.Clusters().SetLabels(ctx, g.spec.ID.String(), labels, fingerprint)
	}}
}

// poolSteps brings one key to its declared state. A change that a live pool cannot take gets a new pool first; the
// old one goes when the new one is ready.
func (g clusterGoal) poolSteps(live *containerpb.Cluster, key string, generations []*containerpb.NodePool) []clusterStep {
	want := g.spec.Pools[key]
	var current *containerpb.NodePool
	var old []*containerpb.NodePool
	for _, pool := range generations {
		if current == nil && pool.GetStatus() != containerpb.NodePool_ERROR && clusterPoolState(pool, want).sameNodes(want) {
			current = pool
			continue
		}
		old = append(old, pool)
	}
	if current == nil {
		return []clusterStep{g.createPool(clusterFreeName(live, key, want), key)}
	}
	steps := g.poolUpdates(key, current)
	if current.GetStatus() == containerpb.NodePool_RUNNING_WITH_ERROR {
		return steps // the old pool goes on serving
	}
	for _, pool := range old {
		steps = append(steps, g.deletePool(key, pool))
	}
	return steps
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

func (g clusterGoal) createPool(name, key string) clusterStep {
	pool := clusterPoolMessage(name, key, g.spec.Pools[key], g.spec.ID.Location)
	return clusterStep{fmt.Sprintf("create of node pool %q", key), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		return c.NodePools().Create(ctx, g.spec.ID.String(), pool)
	}}
}

func (g clusterGoal) deletePool(key string, pool *containerpb.NodePool) clusterStep {
	name := g.poolName(pool)
	return clusterStep{fmt.Sprintf("delete of node pool %q", pool.GetName()), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		op, err := c.NodePools().Delete(ctx, name)
		if gcp.IsNotFound(err) {
			return nil, nil
		}
		return op, err
	}}
}

func (g clusterGoal) poolName(pool *containerpb.NodePool) string {
	return names.NodePoolID{Cluster: g.spec.ID, Name: pool.GetName()}.String()
}
