package fakegcp

import (
	"fmt"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

// stockoutFactor is how much longer an operation takes that meets a stockout. The real service gives up after about 35
// minutes.
const stockoutFactor = 3

// stockoutSlowness is the factor for an operation that is to make these pools' nodes.
func (s *Server) stockoutSlowness(n containerName, pools []*containerpb.NodePool) int {
	for _, pool := range pools {
		if _, out := s.missingNodes(n, pool); out > 0 {
			return stockoutFactor
		}
	}
	return 1
}

// nodesPerZone is the size that a pool was given last.
func (s *Server) nodesPerZone(n containerName, pool *containerpb.NodePool) int {
	if size, ok := s.clusters.sizes[n.of(pool.GetName()).String()]; ok {
		return size
	}
	return int(pool.GetInitialNodeCount())
}

// missingNodes is how many nodes a pool is to have, and how many of them a stockout keeps away. Nodes that run stay.
func (s *Server) missingNodes(n containerName, pool *containerpb.NodePool) (wanted, missing int) {
	zones := pool.GetLocations()
	perZone := s.nodesPerZone(n, pool)
	made := s.clusters.made[n.of(pool.GetName()).String()]
	running := 0
	wanted = perZone * len(zones)
	for _, zone := range zones {
		running += made[zone]
		if s.isOut(zone) {
			missing += max(0, perZone-made[zone])
		}
	}
	if least := leastNodes(pool); wanted < least {
		if missing > 0 || slices.IndexFunc(zones, func(zone string) bool { return !s.isOut(zone) }) < 0 {
			missing += max(0, least-max(wanted, running))
		}
		wanted = least
	}
	return wanted, missing
}

// makeNodes notes the nodes that a pool has in each of its zones from now on: in a zone without machines no more than before.
func (s *Server) makeNodes(n containerName, pool *containerpb.NodePool) {
	name, perZone := n.of(pool.GetName()).String(), s.nodesPerZone(n, pool)
	made := map[string]int{}
	for _, zone := range pool.GetLocations() {
		made[zone] = perZone
		if s.isOut(zone) {
			made[zone] = min(perZone, s.clusters.made[name][zone])
		}
	}
	s.clusters.made[name] = made
}

func leastNodes(pool *containerpb.NodePool) int {
	a := pool.GetAutoscaling()
	return max(int(a.GetTotalMinNodeCount()), int(a.GetMinNodeCount())*len(pool.GetLocations()))
}

func (s *Server) isOut(zone string) bool { return s.clusters.stockout[""] || s.clusters.stockout[zone] }

// settlePool gives a pool the status that a stockout leaves it; the error is that of the operation. Texts: google#10121.
func (s *Server) settlePool(n containerName, pool *containerpb.NodePool) error {
	wanted, missing := s.missingNodes(n, pool)
	s.makeNodes(n, pool)
	if missing == 0 {
		pool.Status, pool.StatusMessage, pool.Conditions = containerpb.NodePool_RUNNING, "", nil
		return nil
	}
	zone := pool.GetLocations()[slices.IndexFunc(pool.GetLocations(), s.isOut)]
	failure := status.Errorf(codes.ResourceExhausted, "Google Compute Engine: Not all instances running in IGM after 1m6.219216581s. "+
		"Expected %d, running %d, transitioning %d. Current errors: [GCE_STOCKOUT]: Instance '%s' creation failed: The zone 'projects/%s/zones/%s' "+
		"does not have enough resources available to fulfill the request.  '(resource type:compute)'.; (truncated).",
		wanted, wanted-missing, missing, fmt.Sprintf("gke-%s-%s-0000", n.cluster, pool.GetName()), n.project, zone)
	pool.Status, pool.StatusMessage = containerpb.NodePool_RUNNING_WITH_ERROR, status.Convert(failure).Message()
	pool.Conditions = stockoutConditions(failure)
	return failure
}

func stockoutConditions(failure error) []*containerpb.StatusCondition {
	return []*containerpb.StatusCondition{{Code: containerpb.StatusCondition_GCE_STOCKOUT, Message: status.Convert(failure).Message()}}
}

// hasNodes are the states in which a pool has nodes.
var hasNodes = []containerpb.NodePool_Status{
	containerpb.NodePool_RUNNING, containerpb.NodePool_RUNNING_WITH_ERROR, containerpb.NodePool_RECONCILING, containerpb.NodePool_STOPPING,
}

// kubernetesPools are the pools of a cluster as Kubernetes knows them.
func (s *Server) kubernetesPools(n containerName, c *containerpb.Cluster) []kubernetes.NodePool {
	var all []kubernetes.NodePool
	for _, pool := range c.GetNodePools() {
		if slices.Contains(hasNodes, pool.GetStatus()) {
			all = append(all, s.kubernetesPool(n.of(pool.GetName()), pool))
		}
	}
	return all
}

func (s *Server) kubernetesPool(n containerName, pool *containerpb.NodePool) kubernetes.NodePool {
	config := pool.GetConfig()
	return kubernetes.NodePool{
		Name:           pool.GetName(),
		Region:         n.region(),
		Zones:          pool.GetLocations(),
		MachineType:    config.GetMachineType(),
		Spot:           config.GetSpot(),
		Preemptible:    config.GetPreemptible(),
		Labels:         config.GetLabels(),
		Taints:         kubernetesTaints(config.GetTaints()),
		MetadataServer: config.GetWorkloadMetadataConfig().GetMode() == containerpb.WorkloadMetadataConfig_GKE_METADATA,
		Version:        pool.GetVersion(),
		NodesPerZone:   s.nodesPerZone(n, pool),
		Autoscaling:    kubernetesAutoscaling(pool),
	}
}

func kubernetesAutoscaling(pool *containerpb.NodePool) *kubernetes.Autoscaling {
	a := pool.GetAutoscaling()
	if !a.GetEnabled() {
		return nil
	}
	return &kubernetes.Autoscaling{
		Min: leastNodes(pool),
		Max: max(int(a.GetTotalMaxNodeCount()), int(a.GetMaxNodeCount())*len(pool.GetLocations())),
	}
}

var taintEffects = map[containerpb.NodeTaint_Effect]corev1.TaintEffect{
	containerpb.NodeTaint_NO_SCHEDULE:        corev1.TaintEffectNoSchedule,
	containerpb.NodeTaint_PREFER_NO_SCHEDULE: corev1.TaintEffectPreferNoSchedule,
	containerpb.NodeTaint_NO_EXECUTE:         corev1.TaintEffectNoExecute,
}

func kubernetesTaints(taints []*containerpb.NodeTaint) []corev1.Taint {
	var all []corev1.Taint
	for _, t := range taints {
		all = append(all, corev1.Taint{Key: t.GetKey(), Value: t.GetValue(), Effect: taintEffects[t.GetEffect()]})
	}
	return all
}
