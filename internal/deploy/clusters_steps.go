package deploy

import (
	"context"
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
	// foreign are the pools that were somebody else's when the run began.
	foreign map[string]bool
	// marked leaves the creating mark on.
	marked bool
	// nodes is what steps ask of Kubernetes.
	nodes *clusterNodes
	// now is when an exclusion that is to be made begins.
	now time.Time
}

// steps compares the live cluster with the goal and lists what is left to do, in order. It looks at nothing else, so
// that a change that was interrupted anywhere just goes on.
func (g clusterGoal) steps(live *containerpb.Cluster) []clusterStep {
	steps := slices.Concat(g.labelSteps(live), g.settingSteps(live))
	pools := g.pools(live)
	for _, key := range slices.Sorted(maps.Keys(g.spec.Pools)) {
		steps = append(steps, g.poolSteps(live, key, pools[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		if _, declared := g.spec.Pools[key]; !declared {
			for _, pool := range pools[key] {
				steps = append(steps, g.retirePool(key, pool, nil)...)
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

// finishSteps takes the creating mark off once everything else is done, unless it is held back for the Finisher. A finished
// cluster is never adopted by another state, however young it is.
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

func (g clusterGoal) poolName(pool *containerpb.NodePool) string {
	return names.NodePoolID{Cluster: g.spec.ID, Name: pool.GetName()}.String()
}
