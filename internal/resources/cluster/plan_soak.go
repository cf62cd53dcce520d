package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// planSoaks warns of a pool whose nodes soak for as long as an update may take, where the plan changes either.
func planSoaks(ctx context.Context, state model, resp *resource.ModifyPlanResponse) {
	var plan model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || !isFullyKnown(ctx, plan.Timeouts) {
		return
	}
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, updateTimeout, &resp.Diagnostics)
	before, after := state.NodePools.Elements(), plan.NodePools.Elements()
	for _, key := range slices.Sorted(maps.Keys(after)) {
		pool, ok := after[key].(types.Object)
		if !ok || pool.IsNull() || pool.IsUnknown() {
			continue
		}
		upgrade, ok := pool.Attributes()["upgrade"].(types.Object)
		if !ok || !isFullyKnown(ctx, upgrade) {
			continue
		}
		if was, there := before[key]; there && was.Equal(pool) && state.Timeouts.Equal(plan.Timeouts) {
			continue
		}
		soak := soakOf(expandUpgrade(ctx, upgrade, &resp.Diagnostics).BlueGreen)
		if soak < timeout {
			continue
		}
		resp.Diagnostics.AddAttributeWarning(path.Root("node_pools").AtMapKey(key).AtName("upgrade"),
			fmt.Sprintf("Node pool %q soaks for as long as an update may take", key), fmt.Sprintf(
				"When GKE replaces the nodes of this pool, for a new machine type for example, batch_soak and soak alone take %s. The apply that asks "+
					"for that waits at most %s (timeouts.update), and then fails, while GKE goes on; the next apply waits for the rest.\n\n"+
					"Allow for it: timeouts = { update = \"%dh\" }", soak, timeout, soak.Truncate(time.Hour)/time.Hour+2))
	}
}

// soakOf is how long the pauses of a blue-green upgrade are, of a pool with a few nodes at least. With batches by a number of
// nodes there is one batch or more.
func soakOf(plan *deploy.PoolBlueGreen) time.Duration {
	if plan == nil {
		return 0
	}
	batches := int32(1)
	if plan.BatchPercent > 0 {
		batches = (wholeBatch + plan.BatchPercent - 1) / plan.BatchPercent
	}
	return plan.Soak + time.Duration(batches)*plan.BatchSoak
}
