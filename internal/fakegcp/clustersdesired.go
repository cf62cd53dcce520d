package fakegcp

import (
	"context"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// desiredPrefix begins the fields of ClusterUpdate; what follows mostly is the field of Cluster.
const desiredPrefix = "desired_"

// desiredPaths are the fields of Cluster for the fields of ClusterUpdate that are named otherwise.
var desiredPaths = map[string]string{
	"desired_cluster_autoscaling":                         "autoscaling",
	"desired_datapath_provider":                           "network_config.datapath_provider",
	"desired_default_snat_status":                         "network_config.default_snat_status",
	"desired_dns_config":                                  "network_config.dns_config",
	"desired_enable_multi_networking":                     "network_config.enable_multi_networking",
	"desired_gateway_api_config":                          "network_config.gateway_api_config",
	"desired_in_transit_encryption_config":                "network_config.in_transit_encryption_config",
	"desired_master_version":                              "current_master_version",
	"desired_node_pool_auto_config_kubelet_config":        "node_pool_auto_config.node_kubelet_config",
	"desired_node_pool_auto_config_linux_node_config":     "node_pool_auto_config.linux_node_config",
	"desired_node_pool_auto_config_network_tags":          "node_pool_auto_config.network_tags",
	"desired_node_kubelet_config":                         "node_pool_defaults.node_config_defaults.node_kubelet_config",
	"desired_node_pool_logging_config":                    "node_pool_defaults.node_config_defaults.logging_config",
	"desired_service_external_ips_config":                 "network_config.service_external_ips_config",
	"desired_stack_type":                                  "ip_allocation_policy.stack_type",
	"desired_enable_cilium_clusterwide_network_policy":    "network_config.enable_cilium_clusterwide_network_policy",
	"desired_enable_fqdn_network_policy":                  "network_config.enable_fqdn_network_policy",
	"desired_disable_l4_lb_firewall_reconciliation":       "network_config.disable_l4_lb_firewall_reconciliation",
	"desired_private_ipv6_google_access":                  "network_config.private_ipv6_google_access",
	"desired_autopilot_workload_policy_config":            "autopilot.workload_policy_config",
	"desired_privileged_admission_config":                 "autopilot.privileged_admission_config",
	"desired_autopilot_cluster_policy_config":             "autopilot.cluster_policy_config",
	"desired_intra_node_visibility_config":                "network_config.enable_intra_node_visibility",
	"desired_l4ilb_subsetting_config":                     "network_config.enable_l4ilb_subsetting",
	"desired_default_enable_private_nodes":                "network_config.default_enable_private_nodes",
	"desired_network_performance_config":                  "network_config.network_performance_config",
	"desired_gcfs_config":                                 "node_pool_defaults.node_config_defaults.gcfs_config",
	"desired_containerd_config":                           "node_pool_defaults.node_config_defaults.containerd_config",
	"desired_additional_ip_ranges_config":                 "ip_allocation_policy.additional_ip_ranges_configs",
	"desired_auto_ipam_config":                            "ip_allocation_policy.auto_ipam_config",
	"desired_network_tier_config":                         "ip_allocation_policy.network_tier_config",
	"additional_pod_ranges_config":                        "ip_allocation_policy.additional_pod_ranges_config",
	"desired_k8s_beta_apis":                               "enable_k8s_beta_apis",
	"desired_enterprise_config":                           "enterprise_config.desired_tier",
	"desired_enable_private_endpoint":                     "private_cluster_config.enable_private_endpoint",
	"desired_node_pool_auto_config_resource_manager_tags": "node_pool_auto_config.resource_manager_tags",
}

// clusterChange writes a field of an update into the field of a cluster that it changes.
func clusterChange(u *containerpb.ClusterUpdate, field protoreflect.FieldDescriptor) func(*containerpb.Cluster) error {
	name := string(field.Name())
	path, ok := desiredPaths[name]
	if !ok {
		path = strings.TrimPrefix(name, desiredPrefix)
	}
	if name == "desired_master_version" {
		return func(c *containerpb.Cluster) error { return upgradeMaster(c, u.GetDesiredMasterVersion()) }
	}
	if name == "desired_fleet" && u.GetDesiredFleet().GetProject() == "" {
		return func(c *containerpb.Cluster) error { // the way out of a fleet
			c.Fleet = nil
			return nil
		}
	}
	return func(c *containerpb.Cluster) error {
		if u.GetDesiredControlPlaneEndpointsConfig().GetIpEndpointsConfig().GetAuthorizedNetworksConfig() != nil {
			// The list of blocks is replaced, and an empty one cannot be told from one that is not sent.
			if ip := c.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig(); ip.GetAuthorizedNetworksConfig() != nil {
				ip.AuthorizedNetworksConfig.CidrBlocks = nil
			}
		}
		clearComponents(c, u.GetDesiredLoggingConfig(), u.GetDesiredMonitoringConfig())
		m := c.ProtoReflect()
		segments := strings.Split(path, ".")
		for _, segment := range segments[:len(segments)-1] {
			m = m.Mutable(m.Descriptor().Fields().ByName(protoreflect.Name(segment))).Message()
		}
		into := m.Descriptor().Fields().ByName(protoreflect.Name(segments[len(segments)-1]))
		if into == nil {
			return unmodelled("update of a cluster's %s", name)
		}
		value, ok := desiredValue(u.ProtoReflect().Get(field), field, into)
		if !ok {
			return unmodelled("update of a cluster's %s", name)
		}
		if into.Message() != nil && !into.IsList() && !into.IsMap() {
			overlay(m.Mutable(into).Message(), value.Message())
		} else {
			m.Set(into, value)
		}
		return nil
	}
}

func sameType(a, b protoreflect.FieldDescriptor) bool {
	if a.Kind() != b.Kind() || a.Cardinality() != b.Cardinality() && (a.IsList() || b.IsList()) {
		return false
	}
	switch {
	case a.Message() != nil:
		return a.Message().FullName() == b.Message().FullName()
	case a.Enum() != nil:
		return a.Enum().FullName() == b.Enum().FullName()
	}
	return true
}

// desiredValue is the value of an update for a field of the cluster: the update's own, or the one thing in its message
// (IntraNodeVisibilityConfig.enabled for a flag).
func desiredValue(v protoreflect.Value, field, into protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	if sameType(into, field) {
		if field.Message() == nil || field.IsList() || field.IsMap() {
			return v, true
		}
		return protoreflect.ValueOfMessage(proto.Clone(v.Message().Interface()).ProtoReflect()), true
	}
	if field.Message() == nil || field.IsList() || field.Message().Fields().Len() == 0 {
		return v, false
	}
	inner := field.Message().Fields().Get(0)
	return v.Message().Get(inner), inner.IsList() == into.IsList() && sameType(into, inner)
}

// upgradeMaster changes the control plane's version; "" and "-" mean the channel's default.
func upgradeMaster(c *containerpb.Cluster, wanted string) error {
	version, err := resolveVersion(wanted, c.GetReleaseChannel().GetChannel())
	if err != nil {
		return err
	}
	if err := checkMaster(c, version.full); err != nil {
		return err
	}
	c.CurrentMasterVersion = version.full
	return nil
}

// nodeFields of a cluster's update change the nodes of a pool. "If there is more than one node pool", desired_node_pool_id
// has to name it, says the proto's comment.
var nodeFields = []protoreflect.Name{"desired_node_version", "desired_image_type"}

// updateNodes is the older way to change a pool's nodes.
func (c *clusterManager) updateNodes(
	ctx context.Context, n containerName, cluster *containerpb.Cluster, u *containerpb.ClusterUpdate,
) (*containerpb.Operation, error) {
	pool := u.GetDesiredNodePoolId()
	if pool == "" && len(cluster.GetNodePools()) == 1 {
		pool = cluster.GetNodePools()[0].GetName()
	}
	if pool == "" {
		return nil, invalid("ClusterUpdate.desired_node_pool_id is required: cluster %q has %d node pools.", n.cluster, len(cluster.GetNodePools()))
	}
	return c.UpdateNodePool(ctx, &containerpb.UpdateNodePoolRequest{
		Name: n.of(pool).String(), NodeVersion: u.GetDesiredNodeVersion(), ImageType: u.GetDesiredImageType(),
	})
}

// clearComponents empties the lists of components that are about to be replaced: an empty list collects nothing, which is what
// `gcloud container clusters update --logging=NONE` sends.
func clearComponents(c *containerpb.Cluster, logging *containerpb.LoggingConfig, monitoring *containerpb.MonitoringConfig) {
	if logging.GetComponentConfig() != nil && c.GetLoggingConfig().GetComponentConfig() != nil {
		c.LoggingConfig.ComponentConfig.EnableComponents = nil
	}
	if monitoring.GetComponentConfig() != nil && c.GetMonitoringConfig().GetComponentConfig() != nil {
		c.MonitoringConfig.ComponentConfig.EnableComponents = nil
	}
}
