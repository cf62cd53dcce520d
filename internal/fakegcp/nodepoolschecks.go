package fakegcp

import (
	"regexp"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
)

var (
	nodeLabelKey   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	nodeLabelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$`)
)

// Limits of a pool. Source: the comments of google/container/v1/cluster_service.proto and GKE's quotas.
const (
	maxNodeLabelChars = 1024
	maxNodesPerZone   = 1000
	minDiskGB         = 10
	maxDiskGB         = 65536
)

// poolCheck is one rule for a pool of a cluster.
type poolCheck func(s *Server, n containerName, c *containerpb.Cluster, p *containerpb.NodePool) error

// poolChecks are the rules, in the order in which they are looked at.
var poolChecks = []poolCheck{
	func(_ *Server, _ containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		if !containerIDForm.MatchString(p.GetName()) {
			return invalid("Invalid value for field \"node_pool.name\": %q. Must be 1 to 40 lower case letters, digits and hyphens, start "+
				"with a letter and not end with a hyphen.", p.GetName())
		}
		return nil
	},
	func(_ *Server, _ containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		if n := p.GetInitialNodeCount(); n < 0 || n > maxNodesPerZone {
			return invalid("NodePool.initial_node_count must be between 0 and %d, got %d.", maxNodesPerZone, n)
		}
		return checkAutoscaling(p.GetAutoscaling())
	},
	func(_ *Server, _ containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		if p.GetConfig().GetSpot() && p.GetConfig().GetPreemptible() {
			return invalid("Node pool %q: spot and preemptible cannot both be enabled.", p.GetName())
		}
		return nil
	},
	func(_ *Server, _ containerName, c *containerpb.Cluster, p *containerpb.NodePool) error {
		return checkMetadataMode(c, p.GetConfig().GetWorkloadMetadataConfig())
	},
	func(_ *Server, _ containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		return checkNodeLabels(p.GetConfig().GetLabels())
	},
	func(_ *Server, _ containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		return checkTaints(p.GetConfig().GetTaints())
	},
	func(_ *Server, _ containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		if gb := p.GetConfig().GetDiskSizeGb(); gb != 0 && (gb < minDiskGB || gb > maxDiskGB) {
			return invalid("NodeConfig.disk_size_gb must be between %d and %d, got %d.", minDiskGB, maxDiskGB, gb)
		}
		return nil
	},
	func(_ *Server, n containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
		return checkZones(n, p.GetLocations())
	},
	(*Server).checkNodeAccount,
}

// checkPool refuses a pool that cannot be in the cluster.
func (s *Server) checkPool(n containerName, c *containerpb.Cluster, p *containerpb.NodePool) error {
	for _, check := range poolChecks {
		if err := check(s, n, c, p); err != nil {
			return err
		}
	}
	return nil
}

// checkAutoscaling holds the bounds: per zone or in total, not both, and the least not above the most.
func checkAutoscaling(a *containerpb.NodePoolAutoscaling) error {
	perZone := a.GetMinNodeCount() != 0 || a.GetMaxNodeCount() != 0
	total := a.GetTotalMinNodeCount() != 0 || a.GetTotalMaxNodeCount() != 0
	switch {
	case !a.GetEnabled() && (perZone || total):
		return invalid("NodePoolAutoscaling: node counts must not be set when autoscaling is disabled.")
	case !a.GetEnabled():
		return nil
	case perZone && total:
		return invalid("NodePoolAutoscaling: min_node_count and max_node_count cannot be used with total_min_node_count and total_max_node_count.")
	case a.GetMinNodeCount() < 0 || a.GetTotalMinNodeCount() < 0:
		return invalid("NodePoolAutoscaling: the minimum node count must not be negative.")
	case a.GetMaxNodeCount() < 1 && a.GetTotalMaxNodeCount() < 1:
		return invalid("NodePoolAutoscaling: the maximum node count must be at least 1.")
	case a.GetMinNodeCount() > a.GetMaxNodeCount():
		return invalid("NodePoolAutoscaling: max_node_count (%d) must be >= min_node_count (%d).", a.GetMaxNodeCount(), a.GetMinNodeCount())
	case a.GetTotalMinNodeCount() > a.GetTotalMaxNodeCount():
		return invalid("NodePoolAutoscaling: total_max_node_count (%d) must be >= total_min_node_count (%d).", a.GetTotalMaxNodeCount(), a.GetTotalMinNodeCount())
	}
	return nil
}

func checkMetadataMode(c *containerpb.Cluster, w *containerpb.WorkloadMetadataConfig) error {
	if w.GetMode() == containerpb.WorkloadMetadataConfig_GKE_METADATA && c.GetWorkloadIdentityConfig().GetWorkloadPool() == "" {
		return invalid("GKE_METADATA can only be enabled if Workload Identity is enabled at the cluster level.")
	}
	return nil
}

func checkNodeLabels(labels map[string]string) error {
	chars := 0
	for key, value := range labels {
		chars += len(key) + len(value)
		if !nodeLabelKey.MatchString(key) || !nodeLabelValue.MatchString(value) {
			return invalid("Invalid node label %q=%q: want a Kubernetes label.", key, value)
		}
		prefix, _, _ := strings.Cut(key, "/")
		if prefix != key && (prefix == "kubernetes.io" || strings.HasSuffix(prefix, ".k8s.io") || prefix == "k8s.io") {
			return invalid("Invalid node label %q: the prefix %s is reserved.", key, prefix)
		}
	}
	if chars > maxNodeLabelChars {
		return invalid("Node labels have %d characters, at most %d are allowed.", chars, maxNodeLabelChars)
	}
	return nil
}

func checkTaints(taints []*containerpb.NodeTaint) error {
	seen := map[string]bool{}
	for _, t := range taints {
		id := t.GetKey() + ":" + t.GetEffect().String()
		switch {
		case !nodeLabelKey.MatchString(t.GetKey()) || !nodeLabelValue.MatchString(t.GetValue()):
			return invalid("Invalid node taint %q=%q: want a Kubernetes taint.", t.GetKey(), t.GetValue())
		case t.GetEffect() == containerpb.NodeTaint_EFFECT_UNSPECIFIED:
			return invalid("Invalid node taint %q: an effect is required.", t.GetKey())
		case seen[id]:
			return invalid("Duplicate node taint %q with effect %s.", t.GetKey(), t.GetEffect())
		}
		seen[id] = true
	}
	return nil
}

// checkZones wants a pool's zones in the cluster's region.
func checkZones(n containerName, zones []string) error {
	for _, zone := range zones {
		if !strings.HasPrefix(zone, n.region()+"-") || !locationForm.MatchString(zone) {
			return invalid("Invalid location %q: want a zone of region %q.", zone, n.region())
		}
	}
	return nil
}

// checkNodeAccount wants the nodes' service account to exist, if it is one of the project.
func (s *Server) checkNodeAccount(n containerName, _ *containerpb.Cluster, p *containerpb.NodePool) error {
	email := p.GetConfig().GetServiceAccount()
	if !strings.HasSuffix(email, "@"+n.project+".iam.gserviceaccount.com") {
		return nil
	}
	name := "projects/" + n.project + "/serviceAccounts/" + email
	if _, ok := lookup[*adminpb.ServiceAccount](s.store, name); !ok || s.accounts.isDeleted(name) {
		return invalid("Service account %q does not exist.", email)
	}
	return nil
}
