package deploy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// updatePool is a request that changes a live pool; its errors belong to the attribute.
func (g clusterGoal) updatePool(what, key string, live *containerpb.NodePool, request *containerpb.UpdateNodePoolRequest) clusterStep {
	request.Name = g.poolName(live)
	return clusterStep{fmt.Sprintf("%s of node pool %q", what, key), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		return c.NodePools().Update(ctx, request)
	}}
}

func (g clusterGoal) scaleSteps(key string, live *containerpb.NodePool) []clusterStep {
	want := clusterAutoscaling(g.spec.Pools[key])
	actual := live.GetAutoscaling()
	same := actual.GetEnabled() && actual.GetTotalMinNodeCount() == want.GetTotalMinNodeCount() &&
		actual.GetTotalMaxNodeCount() == want.GetTotalMaxNodeCount() &&
		actual.GetMinNodeCount() == want.GetMinNodeCount() && actual.GetMaxNodeCount() == want.GetMaxNodeCount() &&
		clusterLocationPolicy(actual) == clusterLocationPolicy(want)
	if same {
		return nil
	}
	name := g.poolName(live)
	return []clusterStep{{fmt.Sprintf("node counts of node pool %q", key), []string{"node_pools", key, "max_nodes"}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		return c.NodePools().SetAutoscaling(ctx, name, want)
	}}}
}

// clusterLocationPolicy is BALANCED where the server left the policy out.
func clusterLocationPolicy(a *containerpb.NodePoolAutoscaling) containerpb.NodePoolAutoscaling_LocationPolicy {
	return cmp.Or(a.GetLocationPolicy(), containerpb.NodePoolAutoscaling_BALANCED)
}

// clusterLabelsAndTaints is the request that sets both, nil when both are right. They go together: a new label whose
// taint is not there yet would attract pods that must not come. What GKE itself put there stays.
func clusterLabelsAndTaints(key string, want PoolSpec, live *containerpb.NodeConfig) *containerpb.UpdateNodePoolRequest {
	labels, taints := clusterNodeLabels(key, want), clusterNodeTaints(want)
	for k, value := range live.GetLabels() {
		if _, declared := labels[k]; !declared && ReservedNodeKey(k) && !strings.HasPrefix(k, "twelvefactor.dev/") {
			labels[k] = value
		}
	}
	for _, taint := range live.GetTaints() {
		ours := clusterIsCapacityTaint(taint) // in another form it is somebody else's
		declared := slices.ContainsFunc(taints, func(t *containerpb.NodeTaint) bool { return proto.Equal(t, taint) })
		if !ours && !declared && clusterServerTaint(taint.GetKey()) {
			taints = append(taints, taint)
		}
	}
	if maps.Equal(labels, live.GetLabels()) && clusterSameTaints(taints, live.GetTaints()) {
		return nil
	}
	return &containerpb.UpdateNodePoolRequest{
		Labels: &containerpb.NodeLabels{Labels: labels},
		Taints: &containerpb.NodeTaints{Taints: taints},
	}
}

// clusterIsCapacityTaint tells whether a taint is one that this provider sets for a capacity, in exactly that form.
func clusterIsCapacityTaint(taint *containerpb.NodeTaint) bool {
	return taint.GetValue() == "true" && taint.GetEffect() == containerpb.NodeTaint_NO_SCHEDULE &&
		slices.Contains(slices.Collect(maps.Values(clusterCapacityTaint)), taint.GetKey())
}

// clusterSameTaints compares without regard to order, which has no meaning.
func clusterSameTaints(a, b []*containerpb.NodeTaint) bool {
	within := func(xs, ys []*containerpb.NodeTaint) bool {
		return !slices.ContainsFunc(xs, func(x *containerpb.NodeTaint) bool {
			return !slices.ContainsFunc(ys, func(y *containerpb.NodeTaint) bool { return proto.Equal(x, y) })
		})
	}
	return len(a) == len(b) && within(a, b) && within(b, a)
}
