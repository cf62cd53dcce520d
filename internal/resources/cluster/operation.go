package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// operationKey is where private state keeps the name of the operation that was running when a run was interrupted or
// its timeout ended. It spares the next run a search, and nothing depends on it: a killed run leaves none.
const operationKey = "operation"

// privateState is what the framework's requests and responses offer; its type is internal to the framework.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

type runningOperation struct {
	Name string `json:"name"`
}

// keepOperation records the running operation, or forgets it when there is none.
func keepOperation(ctx context.Context, private privateState, name string, diags *diag.Diagnostics) {
	var value []byte
	if name != "" {
		value, _ = json.Marshal(runningOperation{name}) // a struct of one string always encodes
	}
	diags.Append(private.SetKey(ctx, operationKey, value)...)
}

// keptOperation is the name that was recorded. What cannot be read counts as nothing.
func keptOperation(ctx context.Context, private privateState) string {
	value, _ := private.GetKey(ctx, operationKey)
	var kept runningOperation
	if json.Unmarshal(value, &kept) != nil {
		return ""
	}
	return kept.Name
}

// warnOfRolls says in every plan which pools an unfinished roll has left, and what becomes of them.
func warnOfRolls(live *deploy.ClusterState, diags *diag.Diagnostics) {
	for _, key := range slices.Sorted(maps.Keys(live.Rolling)) {
		diags.AddAttributeWarning(path.Root("node_pools").AtMapKey(key), fmt.Sprintf("Node pool %q is half rolled", key), fmt.Sprintf(
			"It has the pools %s. The next apply keeps the one that the configuration asks for, and opens its nodes if they were closed; it moves "+
				"the pods of the others away within their disruption budgets, and deletes those. If none is as configured, a new one comes first.",
			strings.Join(live.Rolling[key], ", ")))
	}
}

// warnOfTrouble says in every plan why it shows a repair or a replacement that no change of the configuration explains.
func warnOfTrouble(live *deploy.ClusterState, diags *diag.Diagnostics) {
	next := map[string]string{
		deploy.ClusterDegraded: "It can be used. The next apply makes GKE try again.",
		deploy.ClusterFailed:   "It cannot be used: the plan replaces it.",
		deploy.ClusterDeleting: "GKE does not stop a deletion that has begun: the plan waits for its end and makes the cluster anew.",
	}[live.Status]
	if next == "" {
		return
	}
	detail := next
	if live.Reasons != "" {
		detail += "\n\nGKE reports: " + live.Reasons
	}
	diags.AddWarning(fmt.Sprintf("Cluster %q is %s", live.ID.Name, live.Status), detail)
}

// rangesKey is where private state keeps the ways to write the secondary ranges that a cluster has: the state holds the
// one that the user wrote.
const rangesKey = "ranges"

func keepRanges(ctx context.Context, private privateState, live *deploy.ClusterState, diags *diag.Diagnostics) {
	value, err := json.Marshal(map[string][]string{"pods_range": live.PodsRanges, "services_range": live.ServicesRanges})
	if err == nil { // texts always encode
		diags.Append(private.SetKey(ctx, rangesKey, value)...)
	}
}

// keptRanges are the ways by attribute; none when nothing was recorded.
func keptRanges(ctx context.Context, private interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
},
) map[string][]string {
	value, _ := private.GetKey(ctx, rangesKey)
	ranges := map[string][]string{}
	_ = json.Unmarshal(value, &ranges) // what cannot be read counts as nothing
	return ranges
}
