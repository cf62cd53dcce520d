package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// repairSteps make GKE look again at pools that it left in RUNNING_WITH_ERROR. The instance groups of such a pool go on
// asking for machines and get them when there are some, but the pool keeps its error until another operation on it
// succeeds ("Customer may need to reissue a request"; k8s-config-connector#321 shows one that kept it for days). The
// bounds of the autoscaler are sent again as they are: that starts and ends no node and takes nothing back.
func (g clusterGoal) repairSteps(live *containerpb.Cluster) []clusterStep {
	var steps []clusterStep
	pools := g.pools(live)
	for _, key := range slices.Sorted(maps.Keys(g.spec.Pools)) {
		for _, pool := range pools[key] {
			if pool.GetStatus() == containerpb.NodePool_RUNNING_WITH_ERROR && pool.GetAutoscaling().GetEnabled() {
				steps = append(steps, g.repairPool(key, pool))
			}
		}
	}
	return steps
}

func (g clusterGoal) repairPool(key string, pool *containerpb.NodePool) clusterStep {
	name := g.poolName(pool)
	bounds, _ := proto.Clone(pool.GetAutoscaling()).(*containerpb.NodePoolAutoscaling)
	return clusterStep{fmt.Sprintf("repair of node pool %q", pool.GetName()), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*gcp.Operation, error) {
		return c.NodePools().SetAutoscaling(ctx, name, bounds)
	}}
}
