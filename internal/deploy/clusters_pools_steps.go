package deploy

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// same compares how upgrades are made.
func (u PoolUpgrade) same(o PoolUpgrade) bool { return reflect.DeepEqual(u, o) }

// poolUpdates are the changes that a live pool takes, one group of fields in each request, as the API wants it.
func (g clusterGoal) poolUpdates(key string, live *containerpb.NodePool) []clusterStep {
	want := g.spec.Pools[key]
	have := clusterPoolState(live, want)
	var steps []clusterStep
	update := func(what string, request *containerpb.UpdateNodePoolRequest) {
		steps = append(steps, g.updatePool(what, key, live, request))
	}
	if request := clusterLabelsAndTaints(key, want, live.GetConfig()); request != nil {
		update("labels and taints", request)
	}
	if !slices.Equal(have.Tags, want.Tags) {
		update("tags", &containerpb.UpdateNodePoolRequest{Tags: &containerpb.NetworkTags{Tags: want.Tags}})
	}
	if !have.Upgrade.same(want.Upgrade) { // before what replaces nodes: it says how
		update("upgrade", &containerpb.UpdateNodePoolRequest{UpgradeSettings: clusterUpgradeSettings(want.Upgrade)})
	}
	steps = append(steps, g.scaleSteps(key, live)...)
	if want.Zones != nil && !slices.Equal(have.Zones, want.Zones) {
		update("zones", &containerpb.UpdateNodePoolRequest{Locations: want.Zones})
	}
	if have.MachineType != want.MachineType || have.DiskGB != want.DiskGB || want.DiskType != "" && have.DiskType != want.DiskType {
		// The API takes the three together: a disk type that is left out falls back to the machine's default, which is what
		// machines of another family need.
		diskType := want.DiskType
		if SameMachineFamily(have.MachineType, want.MachineType) {
			diskType = cmp.Or(want.DiskType, have.DiskType)
		}
		update("machine", &containerpb.UpdateNodePoolRequest{
			MachineType: want.MachineType, DiskSizeGb: int64(want.DiskGB), DiskType: diskType,
		})
	}
	if have.PrivateNodes != want.PrivateNodes {
		update("private nodes", &containerpb.UpdateNodePoolRequest{
			NodeNetworkConfig: &containerpb.NodeNetworkConfig{EnablePrivateNodes: &want.PrivateNodes},
		})
	}
	if live.GetConfig().GetWorkloadMetadataConfig().GetMode() != containerpb.WorkloadMetadataConfig_GKE_METADATA {
		update("workload metadata", &containerpb.UpdateNodePoolRequest{
			WorkloadMetadataConfig: &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA},
		})
	}
	if !live.GetManagement().GetAutoUpgrade() || !live.GetManagement().GetAutoRepair() {
		steps = append(steps, g.managePool(key, live))
	}
	if !live.GetNodeDrainConfig().GetRespectPdbDuringNodePoolDeletion() {
		drain, on := proto.CloneOf(live.GetNodeDrainConfig()), true
		if drain == nil {
			drain = &containerpb.NodePool_NodeDrainConfig{}
		}
		drain.RespectPdbDuringNodePoolDeletion = &on
		update("disruption budgets", &containerpb.UpdateNodePoolRequest{NodeDrainConfig: drain})
	}
	return steps
}

// managePool lets GKE repair and upgrade the nodes.
func (g clusterGoal) managePool(key string, live *containerpb.NodePool) clusterStep {
	name, management := g.poolName(live), proto.CloneOf(live.GetManagement())
	if management == nil {
		management = &containerpb.NodeManagement{}
	}
	management.AutoRepair, management.AutoUpgrade = true, true
	return clusterStep{fmt.Sprintf("management of node pool %q", key), []string{"node_pools", key}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		return c.NodePools().SetManagement(ctx, name, management)
	}}
}

// SameMachineFamily tells whether two machine types, such as e2-standard-2, are of one family: those take the same disks.
func SameMachineFamily(a, b string) bool {
	family, _, _ := strings.Cut(a, "-")
	other, _, _ := strings.Cut(b, "-")
	return family == other
}
