package fakegcp_test

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	basePool = devCluster + "/nodePools/base"
	spotPool = devCluster + "/nodePools/spot"
)

func (g *gke) pool(name string) *containerpb.NodePool {
	g.t.Helper()
	p, err := g.manager.GetNodePool(g.ctx(), &containerpb.GetNodePoolRequest{Name: name})
	must(g.t, err)
	return p
}

func TestPoolHasWhatTheServiceFillsIn(t *testing.T) {
	g := startGKE(t)
	g.create()
	p := g.pool(spotPool)
	config := p.GetConfig()
	if config.GetImageType() != "COS_CONTAINERD" || config.GetDiskSizeGb() != 100 || config.GetBootDisk().GetSizeGb() != 100 || len(config.GetOauthScopes()) != 6 {
		t.Errorf("config %v, want the service's defaults", config)
	}
	if got := config.GetResourceLabels()["goog-gke-node-pool-provisioning-model"]; got != "spot" {
		t.Errorf("provisioning model %q, want spot", got)
	}
	if p.GetStatus() != containerpb.NodePool_RUNNING || p.GetEtag() == "" || !p.GetManagement().GetAutoRepair() || len(p.GetInstanceGroupUrls()) != 3 {
		t.Errorf("pool %v, want it RUNNING with an etag, management and a group per zone", p)
	}
}

func TestPoolLifecycleShowsItsStates(t *testing.T) {
	g := startGKE(t)
	g.create()
	name := devCluster + "/nodePools/more"
	op, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("more", 1)})
	must(t, err)
	if got := g.pool(name).GetStatus(); got != containerpb.NodePool_PROVISIONING {
		t.Errorf("new pool is %s, want PROVISIONING", got)
	}
	g.finish(op)
	if c := g.cluster(); g.pool(name).GetStatus() != containerpb.NodePool_RUNNING || c.GetCurrentNodeCount() != 6 {
		t.Errorf("made pool is %s with %d nodes in the cluster, want RUNNING and 6", g.pool(name).GetStatus(), c.GetCurrentNodeCount())
	}
	op, err = g.manager.DeleteNodePool(g.ctx(), &containerpb.DeleteNodePoolRequest{Name: name})
	must(t, err)
	if got := g.pool(name).GetStatus(); got != containerpb.NodePool_STOPPING {
		t.Errorf("deleted pool is %s, want STOPPING", got)
	}
	g.finish(op)
	if _, err := g.manager.GetNodePool(g.ctx(), &containerpb.GetNodePoolRequest{Name: name}); status.Code(err) != codes.NotFound {
		t.Errorf("after its deletion: %v, want NOT_FOUND", err)
	}
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_RUNNING || c.GetCurrentNodeCount() != 3 {
		t.Errorf("cluster is %s with %d nodes, want RUNNING with 3", c.GetStatus(), c.GetCurrentNodeCount())
	}
}

func TestPoolUpdateWritesItsFields(t *testing.T) {
	g := startGKE(t)
	g.create()
	before := g.pool(basePool)
	_, err := g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: basePool})
	wantStatus(t, err, codes.InvalidArgument, "must specify a field to update")
	_, err = g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: basePool, MachineType: "e2-standard-4", Etag: "old"})
	if status.Code(err) != codes.Aborted {
		t.Errorf("old etag: %v, want ABORTED", err)
	}
	op, err := g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{
		Name: basePool, MachineType: "e2-standard-4", DiskSizeGb: 50,
		Labels: &containerpb.NodeLabels{Labels: map[string]string{"team": "shop"}},
		Taints: &containerpb.NodeTaints{Taints: []*containerpb.NodeTaint{{Key: "team", Value: "shop", Effect: containerpb.NodeTaint_NO_SCHEDULE}}},
	})
	must(t, err)
	if got := g.pool(basePool); got.GetStatus() != containerpb.NodePool_RECONCILING || got.GetConfig().GetMachineType() != "e2-standard-2" {
		t.Errorf("during the operation %s on %s, want RECONCILING as before", got.GetStatus(), got.GetConfig().GetMachineType())
	}
	if op.GetOperationType() != containerpb.Operation_UPGRADE_NODES {
		t.Errorf("operation is %s, want UPGRADE_NODES", op.GetOperationType())
	}
	g.finish(op)
	after := g.pool(basePool)
	config := after.GetConfig()
	if config.GetMachineType() != "e2-standard-4" || config.GetDiskSizeGb() != 50 || config.GetBootDisk().GetSizeGb() != 50 ||
		config.GetLabels()["team"] != "shop" || len(config.GetTaints()) != 1 {
		t.Errorf("config %v, want what was sent", config)
	}
	if after.GetEtag() == before.GetEtag() || g.pool(spotPool).GetEtag() == "" {
		t.Error("the changed pool has its old etag")
	}
}

func TestPoolLabelsCanBeTakenAway(t *testing.T) {
	g := startGKE(t)
	g.create(func(c *containerpb.Cluster) { c.NodePools[0].Config.Labels = map[string]string{"team": "shop"} })
	op, err := g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: basePool, Labels: &containerpb.NodeLabels{}})
	must(t, err)
	g.finish(op)
	if got := g.pool(basePool).GetConfig().GetLabels(); len(got) > 0 {
		t.Errorf("labels %v, want none", got)
	}
}

func TestPoolAutoscalingKeepsItsMinimum(t *testing.T) {
	g := startGKE(t)
	g.create()
	op, err := g.manager.SetNodePoolAutoscaling(g.ctx(), &containerpb.SetNodePoolAutoscalingRequest{
		Name: spotPool, Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMinNodeCount: 2, TotalMaxNodeCount: 4},
	})
	must(t, err)
	g.finish(op)
	counts, err := g.NodeCounts("")
	must(t, err)
	if counts["spot"] != 2 || g.pool(spotPool).GetAutoscaling().GetTotalMaxNodeCount() != 4 {
		t.Errorf("%d nodes within %v, want the minimum of 2", counts["spot"], g.pool(spotPool).GetAutoscaling())
	}
	_, err = g.manager.SetNodePoolAutoscaling(g.ctx(), &containerpb.SetNodePoolAutoscalingRequest{
		Name: spotPool, Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMinNodeCount: 5, TotalMaxNodeCount: 4},
	})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("minimum above maximum: %v, want INVALID_ARGUMENT", err)
	}
}

func TestPoolSizeIsNotItsInitialCount(t *testing.T) {
	g := startGKE(t)
	g.create()
	op, err := g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2})
	must(t, err)
	g.finish(op)
	if c := g.cluster(); c.GetCurrentNodeCount() != 6 || c.GetNodePools()[0].GetInitialNodeCount() != 1 {
		t.Errorf("%d nodes, initial count %d, want 6 and 1", c.GetCurrentNodeCount(), c.GetNodePools()[0].GetInitialNodeCount())
	}
}

func TestPoolManagementFollowsTheChannel(t *testing.T) {
	g := startGKE(t)
	g.create()
	_, err := g.manager.SetNodePoolManagement(g.ctx(), &containerpb.SetNodePoolManagementRequest{
		Name: basePool, Management: &containerpb.NodeManagement{AutoRepair: true},
	})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("no upgrades on a channel: %v, want INVALID_ARGUMENT", err)
	}
}

func TestStockoutLeavesThePoolThere(t *testing.T) {
	g := startGKE(t)
	g.create()
	must(t, g.SetStockout("asia-northeast1-a", true))
	name := devCluster + "/nodePools/more"
	op, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("more", 1)})
	must(t, err)
	done := g.finish(op)
	if got := done.GetNodepoolConditions(); done.GetError() == nil || len(got) != 1 || got[0].GetCode() != containerpb.StatusCondition_GCE_STOCKOUT {
		t.Errorf("operation %v, want an error and the condition GCE_STOCKOUT", done)
	}
	if got := g.pool(name).GetStatus(); got != containerpb.NodePool_RUNNING_WITH_ERROR {
		t.Errorf("pool is %s, want RUNNING_WITH_ERROR", got)
	}
}

func TestDefaultPoolIsMadeWhenNoneIsSent(t *testing.T) {
	g := startGKE(t)
	g.create(func(c *containerpb.Cluster) { c.NodePools, c.InitialNodeCount = nil, 1 })
	c := g.cluster()
	if len(c.GetNodePools()) != 1 || c.GetNodePools()[0].GetName() != "default-pool" || c.GetNodeConfig().GetMachineType() != "e2-medium" {
		t.Errorf("pools %v with node config %v, want default-pool and its configuration", c.GetNodePools(), c.GetNodeConfig())
	}
}
