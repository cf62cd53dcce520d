package fakegcp

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// quotaKey is a regional quota of Compute Engine.
type quotaKey struct{ metric, region string }

// preemptibleCPUs is the metric of Spot and preemptible machines; where it is not limited they count as others do.
const preemptibleCPUs = "PREEMPTIBLE_CPUS"

var (
	quotaMetric = regexp.MustCompile(`^([A-Z][A-Z0-9]*_)?CPUS$`)
	quotaRegion = regexp.MustCompile(`^[a-z]+-[a-z]+[1-9][0-9]?$`)
)

// commonFamilies are the machine families whose CPUs count as CPUS; the others have a metric of their own (C2_CPUS).
var commonFamilies = []string{"e2", "n1", "f1", "g1", "custom"}

// sharedCores are the CPUs of machine types whose names do not say how many.
var sharedCores = map[string]int{"e2-micro": 2, "e2-small": 2, "e2-medium": 2, "f1-micro": 1, "g1-small": 1}

// SetQuota limits a metric (CPUS, C2_CPUS, PREEMPTIBLE_CPUS, …) in a region, in CPUs; a negative limit lifts it. What runs
// already stays. Then what would need more is refused: clusters, node pools and greater sizes of pools.
func (s *Server) SetQuota(metric, region string, limit float64) error {
	if !quotaMetric.MatchString(metric) {
		return fmt.Errorf("metric %q: want CPUS, PREEMPTIBLE_CPUS or a machine family's, such as C2_CPUS", metric)
	}
	if !quotaRegion.MatchString(region) {
		return fmt.Errorf("region %q: want a region such as asia-northeast1", region)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if limit < 0 {
		delete(s.clusters.quotas, quotaKey{metric, region})
	} else {
		s.clusters.quotas[quotaKey{metric, region}] = limit
	}
	return nil
}

// quotaJSON is a quota in the control API.
type quotaJSON struct {
	Metric string  `json:"metric"`
	Region string  `json:"region"`
	Limit  float64 `json:"limit"`
}

// controlQuotas lists the quotas in force, by metric and region.
func (s *Server) controlQuotas(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []quotaJSON{}
	for key, limit := range s.clusters.quotas {
		all = append(all, quotaJSON{key.metric, key.region, limit})
	}
	slices.SortFunc(all, func(a, b quotaJSON) int {
		return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Region, b.Region))
	})
	return all, nil
}

func (s *Server) controlQuota(r *http.Request) (any, error) {
	in, err := controlInput[quotaJSON](r)
	if err != nil {
		return nil, err
	}
	return nil, s.SetQuota(in.Metric, in.Region, in.Limit)
}

// machineCPUCount is how many CPUs a machine type has; 0 for one whose name does not say, which is not counted.
func machineCPUCount(machineType string) int {
	if cpus, ok := sharedCores[machineType]; ok {
		return cpus
	}
	for _, part := range strings.Split(machineType, "-")[1:] {
		if cpus, err := strconv.Atoi(part); err == nil {
			return cpus
		}
	}
	return 0
}

// quotaOf is the metric that a pool's machines count against in a region.
func (s *Server) quotaOf(config *containerpb.NodeConfig, region string) quotaKey {
	spot := quotaKey{preemptibleCPUs, region}
	if _, limited := s.clusters.quotas[spot]; limited && (config.GetSpot() || config.GetPreemptible()) {
		return spot
	}
	family, _, _ := strings.Cut(config.GetMachineType(), "-")
	if slices.Contains(commonFamilies, family) {
		return quotaKey{"CPUS", region}
	}
	return quotaKey{strings.ToUpper(family) + "_CPUS", region}
}

// quotaUse is how many CPUs of a quota the project's node pools have. A pool that is being made counts already.
func (s *Server) quotaUse(project string, quota quotaKey) int {
	used := 0
	for _, c := range members[*containerpb.Cluster](s.store, "projects/"+project+"/locations/-/clusters") {
		n := containerName{project: project, location: c.GetLocation(), cluster: c.GetName()}
		if n.region() != quota.region || c.GetStatus() == containerpb.Cluster_ERROR {
			continue
		}
		live := s.nodeCounts(n.clusterName())
		for _, pool := range c.GetNodePools() {
			if s.quotaOf(pool.GetConfig(), quota.region) != quota {
				continue
			}
			nodes, ok := live[pool.GetName()]
			if !ok {
				nodes, _ = s.missingNodes(n, pool)
			}
			used += nodes * machineCPUCount(pool.GetConfig().GetMachineType())
		}
	}
	return used
}

// checkQuota refuses pools whose nodes a quota does not allow: at once, and nothing is made. Text: k8s-config-connector#321.
func (s *Server) checkQuota(n containerName, pools []*containerpb.NodePool) error {
	wanted := map[quotaKey]int{}
	var order []quotaKey
	for _, pool := range pools {
		nodes, _ := s.missingNodes(n, pool)
		quota := s.quotaOf(pool.GetConfig(), n.region())
		if _, seen := wanted[quota]; !seen {
			order = append(order, quota)
		}
		wanted[quota] += nodes * machineCPUCount(pool.GetConfig().GetMachineType())
	}
	for _, quota := range order {
		if err := s.withinQuota(n, quota, wanted[quota]); err != nil {
			return err
		}
	}
	return nil
}

// withinQuota refuses CPUs that are wanted on top of those in use.
func (s *Server) withinQuota(n containerName, quota quotaKey, wanted int) error {
	limit, limited := s.clusters.quotas[quota]
	if !limited || wanted <= 0 {
		return nil
	}
	available := max(0, limit-float64(s.quotaUse(n.project, quota)))
	if short := float64(wanted) - available; short > 0 {
		return status.Errorf(codes.PermissionDenied, "Insufficient regional quota to satisfy request: resource \"%s\": request requires '%.1f' "+
			"and is short '%.1f'. project has a quota of '%.1f' with '%.1f' available. View and manage quotas at "+
			"https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=%s.", quota.metric, float64(wanted), short, limit, available, n.project)
	}
	return nil
}
