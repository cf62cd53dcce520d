package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// planRolls says in words which pools the plan rolls, and for which of their fields. The plan itself shows an update of a
// field, which does not look like new machines. What is not known yet is not judged.
func planRolls(ctx context.Context, state model, resp *resource.ModifyPlanResponse) {
	var plan model
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	before, after := state.NodePools.Elements(), plan.NodePools.Elements()
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[key]; !stays && !plan.NodePools.IsUnknown() {
			resp.Diagnostics.AddAttributeWarning(path.Root("node_pools"), fmt.Sprintf("Node pool %q will be removed", key),
				"The apply closes its nodes, moves their pods away within their disruption budgets, and then deletes it. Pods go where the other pools "+
					"have room, and where their tolerations and selectors let them.")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		changes := rollingFields(ctx, before[key], after[key], &resp.Diagnostics)
		if len(changes) == 0 {
			continue
		}
		timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, updateTimeout, &resp.Diagnostics)
		resp.Diagnostics.AddAttributeWarning(path.Root("node_pools").AtMapKey(key), fmt.Sprintf("Node pool %q will be rolled", key), fmt.Sprintf(
			"No update of a node pool can make this change: %s.\n\nThe apply makes a new pool, named %q or %q with six characters behind it, with "+
				"at least as many nodes as the old one has now, or goes on with the one that an earlier run has begun; waits until they are ready; "+
				"closes the nodes of the old pool; moves its pods away within their disruption budgets; and then deletes the old pool. Pods that "+
				"no budget protects are all moved at once.\n\n"+
				"How long it takes is up to the pods: at most %s (timeouts.update). If it is stopped, the next apply goes on, and an apply with the "+
				"former configuration goes back.", strings.Join(changes, ", "), key, key+"-", timeout))
	}
}

// rollingFields lists the fields of a pool, with both values, each of whose changes alone would roll it.
func rollingFields(ctx context.Context, before, after attr.Value, diags *diag.Diagnostics) []string {
	was, ok := before.(types.Object)
	is, also := after.(types.Object)
	if !ok || !also || was.IsNull() || is.IsNull() || is.IsUnknown() {
		return nil
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(is.Attributes())) {
		value := is.Attributes()[name]
		if value.Equal(was.Attributes()[name]) || !isFullyKnown(ctx, value) {
			continue
		}
		mixed := maps.Clone(was.Attributes())
		mixed[name] = value
		changed, more := types.ObjectValue(is.AttributeTypes(ctx), mixed)
		diags.Append(more...)
		if deploy.PoolRolls(poolSpec(ctx, was, diags), poolSpec(ctx, changed, diags)) {
			fields = append(fields, fmt.Sprintf("%s from %s to %s", name, shown(was.Attributes()[name]), shown(value)))
		}
	}
	return fields
}

func poolSpec(ctx context.Context, object types.Object, diags *diag.Diagnostics) deploy.PoolSpec {
	var pool poolModel
	diags.Append(object.As(ctx, &pool, basetypes.ObjectAsOptions{})...)
	return expandPool(ctx, pool, diags)
}

func isFullyKnown(ctx context.Context, value attr.Value) bool {
	raw, err := value.ToTerraformValue(ctx)
	return err == nil && raw.IsFullyKnown()
}

func shown(value attr.Value) string {
	if value.IsNull() {
		return "its default"
	}
	return value.String()
}
