package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// poolFlexStart is the capacity of pools that others made with GKE's flex-start, which this provider does not make. It is
// shown, so that a plan says what it would do to such a pool instead of taking it for on-demand nodes.
const poolFlexStart = "flex_start"

// clusterShownEnums are the enums whose values end up in attributes. A number in one of them that this provider was not
// built to know cannot be shown, and a plan that was made without it would take it back. Enums that no attribute shows
// may have any value.
var clusterShownEnums = []protoreflect.FullName{
	"google.container.v1.BinaryAuthorization.evaluation_mode",
	"google.container.v1.GatewayAPIConfig.channel",
	"google.container.v1.LoggingComponentConfig.enable_components",
	"google.container.v1.MaintenanceExclusionOptions.scope",
	"google.container.v1.MonitoringComponentConfig.enable_components",
	"google.container.v1.NetworkConfig.datapath_provider",
	"google.container.v1.NodePool.UpgradeSettings.strategy",
	"google.container.v1.NodePoolAutoscaling.location_policy",
	"google.container.v1.NodeTaint.effect",
	"google.container.v1.ReleaseChannel.channel",
	"google.container.v1.SecurityPostureConfig.mode",
}

// clusterUnknowns lists values of a newer API in the cluster and in its pools that are ours, as "field is 99".
func clusterUnknowns(live *containerpb.Cluster, pools map[string][]*containerpb.NodePool) []string {
	own := &containerpb.Cluster{}
	proto.Merge(own, live)
	own.NodePools, own.NodeConfig = nil, nil //nolint:staticcheck // the deprecated copy of the first pool's
	unknown := unknownEnums("", own.ProtoReflect())
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		for _, pool := range pools[key] {
			unknown = append(unknown, unknownEnums(fmt.Sprintf("node_pools[%q].", key), pool.ProtoReflect())...)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

// unknownEnums walks a message. Field order is random in reflection, so callers sort.
func unknownEnums(at string, m protoreflect.Message) (unknown []string) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		here := at + string(f.Name())
		switch {
		case f.IsMap():
			v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				unknown = append(unknown, unknownValue(fmt.Sprintf("%s[%q]", here, key.String()), f.MapValue(), value)...)
				return true
			})
		case f.IsList():
			for i := range v.List().Len() {
				unknown = append(unknown, unknownValue(here, f, v.List().Get(i))...)
			}
		default:
			unknown = append(unknown, unknownValue(here, f, v)...)
		}
		return true
	})
	return unknown
}

func unknownValue(at string, f protoreflect.FieldDescriptor, v protoreflect.Value) []string {
	switch {
	case f.Message() != nil:
		return unknownEnums(at+".", v.Message())
	case f.Enum() == nil || !slices.Contains(clusterShownEnums, f.FullName()) || f.Enum().Values().ByNumber(v.Enum()) != nil:
		return nil
	}
	return []string{fmt.Sprintf("%s is %d", at, v.Enum())}
}

func clusterUnknownError(id names.ClusterID, unknown []string) error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q has settings that this provider does not know", id.Name),
		Why: strings.Join(unknown, ", ") + ": a newer version of GKE's API has added them. They cannot be shown, and a plan " +
			"made without them could take them back.",
		Fix: "Use a newer version of the provider (terraform init -upgrade), or give the setting a value that this version knows.",
	}
}
