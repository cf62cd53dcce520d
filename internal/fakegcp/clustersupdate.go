package fakegcp

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	"desired_node_pool_auto_config_resource_manager_tags": "node_pool_auto_config.resource_manager_tags",
}

// companions go with another field of an update and are none by themselves.
var companions = []string{"etag", "desired_node_pool_id"}

// UpdateCluster accepts one change of a cluster.
func (c *clusterManager) UpdateCluster(_ context.Context, r *containerpb.UpdateClusterRequest) (*containerpb.Operation, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	field, err := updatedField(r.GetUpdate())
	if err != nil {
		return nil, err
	}
	if etag := r.GetUpdate().GetEtag(); etag != "" && etag != cluster.GetEtag() {
		return nil, status.Errorf(codes.Aborted, "The etag %q of cluster %q is out of date.", etag, n.cluster)
	}
	if field.Name() == "desired_node_pool_autoscaling" {
		return c.setAutoscaling(n.of(r.GetUpdate().GetDesiredNodePoolId()), cluster, r.GetUpdate().GetDesiredNodePoolAutoscaling())
	}
	if err := checkWorkloadPool(n, r.GetUpdate().GetDesiredWorkloadIdentityConfig()); err != nil {
		return nil, err
	}
	apply := clusterChange(r.GetUpdate(), field)
	if err := apply(proto.CloneOf(cluster)); err != nil {
		return nil, err
	}
	return c.changeClusterSlowly(n, apply)
}

// updatedField is the one field that an update sets.
func updatedField(u *containerpb.ClusterUpdate) (protoreflect.FieldDescriptor, error) {
	var set []string
	var field protoreflect.FieldDescriptor
	u.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !slices.Contains(companions, string(f.Name())) {
			set, field = append(set, string(f.Name())), f
		}
		return true
	})
	slices.Sort(set)
	switch len(set) {
	case 0:
		return nil, invalid("must specify a field to update")
	case 1:
		return field, nil
	}
	return nil, invalid("Exactly one update can be applied to a cluster with each request, got %s.", strings.Join(set, ", "))
}

// clusterChange writes a field of an update into the field of a cluster that it changes.
func clusterChange(u *containerpb.ClusterUpdate, field protoreflect.FieldDescriptor) func(*containerpb.Cluster) error {
	name := string(field.Name())
	path, ok := desiredPaths[name]
	if !ok {
		path = strings.TrimPrefix(name, desiredPrefix)
	}
	value := u.ProtoReflect().Get(field)
	return func(c *containerpb.Cluster) error {
		m := c.ProtoReflect()
		segments := strings.Split(path, ".")
		for _, segment := range segments[:len(segments)-1] {
			m = m.Mutable(m.Descriptor().Fields().ByName(protoreflect.Name(segment))).Message()
		}
		into := m.Descriptor().Fields().ByName(protoreflect.Name(segments[len(segments)-1]))
		if into == nil || !sameType(into, field) {
			return unmodelled("update of a cluster's %s", name)
		}
		if into.Message() != nil && !into.IsList() && !into.IsMap() {
			overlay(m.Mutable(into).Message(), value.Message())
		} else {
			m.Set(into, value)
		}
		return resolveMaster(c, name)
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

// resolveMaster turns an alias of a version into the version.
func resolveMaster(c *containerpb.Cluster, field string) error {
	if field != "desired_master_version" {
		return nil
	}
	version, err := resolveVersion(c.GetCurrentMasterVersion(), c.GetReleaseChannel().GetChannel())
	c.CurrentMasterVersion = version.full
	return err
}

// changeClusterSlowly changes a cluster as an operation: RECONCILING until it is done, and as before if it fails.
func (c *clusterManager) changeClusterSlowly(n containerName, apply func(*containerpb.Cluster) error) (*containerpb.Operation, error) {
	if err := c.s.busy(n); err != nil {
		return nil, err
	}
	c.s.setStatus(n, containerpb.Cluster_RECONCILING, containerpb.NodePool_STATUS_UNSPECIFIED)
	return c.s.startChange(containerChange{
		name: n,
		kind: containerpb.Operation_UPDATE_CLUSTER,
		finish: func(*containerDetail) error {
			var failure error
			c.s.changeCluster(n, func(cluster *containerpb.Cluster) {
				failure = apply(cluster)
				settleStatus(cluster)
			})
			return failure
		},
		fail: func(error) { c.s.changeCluster(n, settleStatus) },
	}), nil
}

// SetLabels replaces a cluster's labels, if the caller has seen those that it has.
func (c *clusterManager) SetLabels(_ context.Context, r *containerpb.SetLabelsRequest) (*containerpb.Operation, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	if r.GetLabelFingerprint() != cluster.GetLabelFingerprint() {
		return nil, precondition("Labels could not be set due to fingerprint mismatch.")
	}
	if err := checkResourceLabels("resource_labels", r.GetResourceLabels()); err != nil {
		return nil, err
	}
	return c.changeClusterSlowly(n, func(cluster *containerpb.Cluster) error {
		cluster.ResourceLabels = r.GetResourceLabels()
		labelCluster(cluster)
		return nil
	})
}
