package fakegcp

import (
	"regexp"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// The texts of these refusals are not recorded: they say what the protos' comments say. Their codes are the service's.

var (
	containerIDForm    = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	resourceLabelKey   = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	resourceLabelValue = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
)

// maxResourceLabels is how many labels a resource can have.
const maxResourceLabels = 64

// checkCluster refuses what cannot be created.
func (s *Server) checkCluster(n containerName, c *containerpb.Cluster) error {
	if !containerIDForm.MatchString(c.GetName()) {
		return invalid("Invalid value for field \"cluster.name\": %q. Must be 1 to 40 lower case letters, digits and hyphens, start "+
			"with a letter and not end with a hyphen.", c.GetName())
	}
	if err := checkResourceLabels("cluster.resource_labels", c.GetResourceLabels()); err != nil {
		return err
	}
	if err := checkWorkloadPool(n, c.GetWorkloadIdentityConfig()); err != nil {
		return err
	}
	if err := checkMaintenance(c.GetMaintenancePolicy()); err != nil {
		return err
	}
	if c.GetAutopilot().GetEnabled() {
		return checkAutopilot(n, c)
	}
	if err := checkPoolSource(c); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, pool := range c.GetNodePools() {
		if seen[pool.GetName()] {
			return invalid("Duplicate node pool name %q.", pool.GetName())
		}
		seen[pool.GetName()] = true
		if err := s.checkPool(n, c, pool); err != nil {
			return err
		}
	}
	return nil
}

// checkPoolSource holds the rule that pools come from node_pools or from the cluster's own fields, and that there is a node.
func checkPoolSource(c *containerpb.Cluster) error {
	if len(c.GetNodePools()) == 0 {
		if c.GetInitialNodeCount() <= 0 {
			return invalid("Cluster.initial_node_count must be greater than zero.")
		}
		return nil
	}
	if c.GetInitialNodeCount() != 0 || c.GetNodeConfig() != nil {
		return invalid("Cluster.initial_node_count and Cluster.node_config must not be set if Cluster.node_pools is specified.")
	}
	for _, pool := range c.GetNodePools() {
		if pool.GetInitialNodeCount() > 0 || pool.GetAutoscaling().GetMinNodeCount() > 0 || pool.GetAutoscaling().GetTotalMinNodeCount() > 0 {
			return nil
		}
	}
	return invalid("At least one node pool must have an initial_node_count greater than zero: system pods need a node.")
}

// checkWorkloadPool allows the project's own pool only.
func checkWorkloadPool(n containerName, w *containerpb.WorkloadIdentityConfig) error {
	if pool, own := w.GetWorkloadPool(), workloadPool(n.project); pool != "" && pool != own {
		return invalid("Currently, the only supported workload pool is %q, got %q.", own, pool)
	}
	return nil
}

// workloadPool is the one workload identity pool of a project.
func workloadPool(project string) string { return project + ".svc.id.goog" }

func checkResourceLabels(field string, labels map[string]string) error {
	if len(labels) > maxResourceLabels {
		return invalid("%s: at most %d labels are allowed, got %d.", field, maxResourceLabels, len(labels))
	}
	for key, value := range labels {
		if !resourceLabelKey.MatchString(key) {
			return invalid("Invalid field %q: label key %q must start with a lower case letter and have at most 63 lower case letters, digits, "+
				"underscores and hyphens.", field, key)
		}
		if !resourceLabelValue.MatchString(value) {
			return invalid("Invalid field %q: label value %q must have at most 63 lower case letters, digits, underscores and hyphens.", field, value)
		}
	}
	return nil
}

// shortNetwork is the last part of a network's or subnetwork's name.
func shortNetwork(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
