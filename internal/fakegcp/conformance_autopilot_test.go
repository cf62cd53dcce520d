package fakegcp_test

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
)

func TestConformanceAutopilot(t *testing.T) {
	autopilot := func(c *containerpb.Cluster) {
		c.Autopilot, c.NodePools, c.WorkloadIdentityConfig = &containerpb.Autopilot{Enabled: true}, nil, nil
	}
	fact(t, "1.1", "Autopilot brings its pools, identity and networking, and begins without a node", "recorded", func(t *testing.T) {
		g := startGKE(t)
		done := g.create(autopilot)
		c := g.cluster()
		if c.GetStatus() != containerpb.Cluster_RUNNING || len(c.GetNodePools()) != 5 || c.GetCurrentNodeCount() != 0 || c.GetNodePools()[0].GetName() != "default-pool" {
			t.Errorf("cluster is %s with %d nodes in %d pools (%v)", c.GetStatus(), c.GetCurrentNodeCount(), len(c.GetNodePools()), done.GetError())
		}
		if c.GetWorkloadIdentityConfig().GetWorkloadPool() != "acme-dev.svc.id.goog" || !c.GetVerticalPodAutoscaling().GetEnabled() ||
			c.GetNetworkConfig().GetDatapathProvider() != containerpb.DatapathProvider_ADVANCED_DATAPATH || c.GetRbacBindingConfig().GetEnableInsecureBindingSystemAuthenticated() {
			t.Errorf("identity %v, network %v, bindings %v", c.GetWorkloadIdentityConfig(), c.GetNetworkConfig(), c.GetRbacBindingConfig())
		}
		first := c.GetNodePools()[0]
		if first.GetMaxPodsConstraint().GetMaxPodsPerNode() != 32 || first.GetPodIpv4CidrSize() != 26 || len(first.GetLocations()) != 1 || len(first.GetConfig().GetTaints()) != 1 {
			t.Errorf("default pool %v", first)
		}
		if c.GetNodeConfig().GetMachineType() != "ek-standard-8" {
			t.Errorf("node config %v", c.GetNodeConfig())
		}
	})
	fact(t, "1.1", "Autopilot uses all zones of a region", "recorded of us-central1", func(t *testing.T) {
		g := startGKE(t)
		at := project + "/locations/us-central1"
		op, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: at, Cluster: declared(autopilot)})
		must(t, err)
		c, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: at + "/clusters/dev"})
		must(t, err)
		if len(c.GetLocations()) != 4 || op.GetZone() != "us-central1" {
			t.Errorf("zones %v", c.GetLocations())
		}
	})
	fact(t, "1.1", "Autopilot's pools are the service's, and its cluster is regional", "documented", func(t *testing.T) {
		g := startGKE(t)
		_, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location + "-a", Cluster: declared(autopilot)})
		wantError(t, err, codes.InvalidArgument, "regional")
		_, err = g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared(autopilot, func(c *containerpb.Cluster) {
			c.NodePools = []*containerpb.NodePool{pool("base", 1)}
		})})
		wantError(t, err, codes.InvalidArgument, "node_pools")
		g.create(autopilot)
		_, err = g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("more", 1)})
		wantError(t, err, codes.InvalidArgument, "Autopilot clusters do not support mutating node pools.")
		_, err = g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: devCluster + "/nodePools/pool-1", NodeCount: 1})
		wantError(t, err, codes.InvalidArgument, "Autopilot clusters do not support mutating node pools.")
	})
	fact(t, "1.1", "the admission of privileged workloads is updated by itself", "recorded", func(t *testing.T) {
		g := startGKE(t)
		g.create(autopilot)
		g.updated(g.update(&containerpb.ClusterUpdate{DesiredPrivilegedAdmissionConfig: &containerpb.PrivilegedAdmissionConfig{AllowlistPaths: []string{"gke://*"}}}))
		if got := g.cluster().GetAutopilot(); !got.GetEnabled() || len(got.GetPrivilegedAdmissionConfig().GetAllowlistPaths()) != 1 {
			t.Errorf("autopilot %v", got)
		}
	})
}
