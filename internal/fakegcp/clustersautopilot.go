package fakegcp

import (
	_ "embed"
	"fmt"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// What GKE makes of an Autopilot cluster, and of each of its node pools, beyond what every cluster gets: recorded of 1.35.
var (
	//go:embed clustersautopilot.json
	autopilotDefaults []byte
	//go:embed nodepoolsautopilot.json
	autopilotPool []byte
)

// The pools of a new Autopilot cluster, as recorded: the default pool, whose one node goes once the others can serve, and
// empty ones.
const (
	autopilotSpares    = 4
	autopilotFirstPods = 32
	autopilotFirstCIDR = 26 // a range for twice as many pods
)

// quickRemove keeps pods off the node that a new Autopilot cluster begins with.
const quickRemove = "cloud.google.com/gke-quick-remove"

// autopilotZones are all zones of a region, where more of them than those of other clusters are recorded, in the service's order.
var autopilotZones = map[string]string{"us-central1": "cfab"}

// checkAutopilot refuses what an Autopilot cluster cannot be. The texts are not recorded.
func checkAutopilot(n containerName, c *containerpb.Cluster) error {
	switch {
	case n.zonal():
		return invalid("Autopilot clusters must be regional: %q is a zone.", n.location)
	case len(c.GetNodePools()) > 0 || c.GetInitialNodeCount() > 0:
		return invalid("Autopilot clusters make their node pools themselves: node_pools and initial_node_count must not be set.")
	}
	return nil
}

// checkOwnPools refuses changes of the pools of an Autopilot cluster, which are the service's. The text is not recorded.
func checkOwnPools(c *containerpb.Cluster) error {
	if c.GetAutopilot().GetEnabled() {
		return invalid("Autopilot clusters do not support mutating node pools.")
	}
	return nil
}

// autopilotPools are the pools that a new Autopilot cluster gets, before the service's defaults for pools.
func autopilotPools(c *containerpb.Cluster) ([]*containerpb.NodePool, error) {
	var all []*containerpb.NodePool
	for i := range autopilotSpares + 1 {
		pool := &containerpb.NodePool{}
		if err := fromTemplate(autopilotPool, pool, nil); err != nil {
			return nil, err
		}
		if c.GetNodeConfig() != nil {
			overlay(pool.GetConfig().ProtoReflect(), proto.CloneOf(c.GetNodeConfig()).ProtoReflect())
		}
		pool.Name = fmt.Sprintf("pool-%d", i)
		if i == 0 {
			pool.Name, pool.InitialNodeCount, pool.Locations = defaultPool, 1, c.GetLocations()[:1]
			pool.MaxPodsConstraint, pool.PodIpv4CidrSize = &containerpb.MaxPodsConstraint{MaxPodsPerNode: autopilotFirstPods}, autopilotFirstCIDR
			pool.Config.Taints = append(pool.Config.Taints, &containerpb.NodeTaint{Key: quickRemove, Value: "true", Effect: containerpb.NodeTaint_NO_SCHEDULE})
		}
		all = append(all, pool)
	}
	return all, nil
}

// dropFirstNode takes away the node that an Autopilot cluster begins with: when its creation is done it has none.
func (s *Server) dropFirstNode(n containerName, c *containerpb.Cluster) {
	if c.GetAutopilot().GetEnabled() {
		s.clusters.sizes[n.of(defaultPool).String()] = 0
	}
}
