package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
)

// updatePool sends an update of a pool.
func (g *gke) updatePool(r *containerpb.UpdateNodePoolRequest) (*containerpb.Operation, error) {
	r.Name = basePool
	return g.manager.UpdateNodePool(g.ctx(), r)
}

// reissued sends a pool's labels again, as they are: an operation that changes nothing.
func (g *gke) reissued(pool string) {
	g.t.Helper()
	g.updated(g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{
		Name: pool, Labels: &containerpb.NodeLabels{Labels: g.pool(pool).GetConfig().GetLabels()},
	}))
}

func TestConformancePoolUpdates(t *testing.T) {
	fact(t, "1.1", "an update of nodes is UPGRADE_NODES, shows the nodes when done, and the pool is RECONCILING", "recorded", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		op, err := g.updatePool(&containerpb.UpdateNodePoolRequest{MachineType: "e2-standard-4"})
		must(t, err)
		if g.pool(basePool).GetStatus() != containerpb.NodePool_RECONCILING || op.GetOperationType() != containerpb.Operation_UPGRADE_NODES {
			t.Errorf("pool is %s during %s", g.pool(basePool).GetStatus(), op.GetOperationType())
		}
		metrics := g.finish(op).GetProgress().GetMetrics()
		if len(metrics) != 5 || metrics[0].GetName() != "NODES_TOTAL" || metrics[0].GetIntValue() != 3 {
			t.Errorf("progress %v", metrics)
		}
	})
	fact(t, "1.1", "a pool's etag changes with the pool, and an old one is ABORTED", "recorded; proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		before, other := g.pool(basePool).GetEtag(), g.pool(spotPool).GetEtag()
		g.updated(g.updatePool(&containerpb.UpdateNodePoolRequest{MachineType: "e2-standard-4"}))
		if g.pool(basePool).GetEtag() == before || g.pool(spotPool).GetEtag() != other {
			t.Error("want a new etag for the pool that changed, and for no other")
		}
		_, err := g.updatePool(&containerpb.UpdateNodePoolRequest{MachineType: "e2-standard-2", Etag: before})
		wantError(t, err, codes.Aborted, "etag")
	})
	fact(t, "1.1", "upgrade settings replace: max_surge alone resets max_unavailable", "google provider", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		g.updated(g.updatePool(&containerpb.UpdateNodePoolRequest{UpgradeSettings: &containerpb.NodePool_UpgradeSettings{MaxSurge: 2, MaxUnavailable: 1}}))
		g.updated(g.updatePool(&containerpb.UpdateNodePoolRequest{UpgradeSettings: &containerpb.NodePool_UpgradeSettings{MaxSurge: 3}}))
		got := g.pool(basePool).GetUpgradeSettings()
		if got.GetMaxSurge() != 3 || got.GetMaxUnavailable() != 0 || got.GetStrategy() != containerpb.NodePoolUpdateStrategy_SURGE {
			t.Errorf("settings %v", got)
		}
	})
	fact(t, "1.1", "labels, taints and tags are wrapped, so that none can be sent; the provisioning label stays", "proto; recorded", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		g.updated(g.updatePool(&containerpb.UpdateNodePoolRequest{
			Labels:         &containerpb.NodeLabels{Labels: map[string]string{"team": "shop"}},
			ResourceLabels: &containerpb.ResourceLabels{Labels: map[string]string{"cost": "shop"}},
		}))
		g.updated(g.updatePool(&containerpb.UpdateNodePoolRequest{Labels: &containerpb.NodeLabels{}, ResourceLabels: &containerpb.ResourceLabels{}}))
		config := g.pool(basePool).GetConfig()
		if len(config.GetLabels()) != 0 || len(config.GetResourceLabels()) != 1 || config.GetResourceLabels()["goog-gke-node-pool-provisioning-model"] != "on-demand" {
			t.Errorf("labels %v, resource labels %v", config.GetLabels(), config.GetResourceLabels())
		}
	})
}

func TestConformancePoolSizes(t *testing.T) {
	fact(t, "1.1", "the size is SET_NODE_POOL_SIZE and not initialNodeCount", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		op := g.updated(g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2}))
		if op.GetOperationType() != containerpb.Operation_SET_NODE_POOL_SIZE || g.cluster().GetCurrentNodeCount() != 6 || g.pool(basePool).GetInitialNodeCount() != 1 {
			t.Errorf("%s: %d nodes, initially %d", op.GetOperationType(), g.cluster().GetCurrentNodeCount(), g.pool(basePool).GetInitialNodeCount())
		}
	})
	fact(t, "1.1", "autoscaling is bounded per zone or in total, not both", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		set := func(a *containerpb.NodePoolAutoscaling) (*containerpb.Operation, error) {
			return g.manager.SetNodePoolAutoscaling(g.ctx(), &containerpb.SetNodePoolAutoscalingRequest{Name: basePool, Autoscaling: a})
		}
		_, err := set(&containerpb.NodePoolAutoscaling{Enabled: true, MaxNodeCount: 2, TotalMaxNodeCount: 5})
		wantError(t, err, codes.InvalidArgument, "total_max_node_count")
		g.updated(set(&containerpb.NodePoolAutoscaling{Enabled: true, MaxNodeCount: 2}))
		g.updated(set(&containerpb.NodePoolAutoscaling{Enabled: true, TotalMaxNodeCount: 5}))
		if a := g.pool(basePool).GetAutoscaling(); a.GetMaxNodeCount() != 0 || a.GetTotalMaxNodeCount() != 5 {
			t.Errorf("bounds %v, want those that were sent last", a)
		}
		g.updated(set(&containerpb.NodePoolAutoscaling{}))
		if g.pool(basePool).GetAutoscaling().GetEnabled() {
			t.Error("autoscaling is on")
		}
	})
	fact(t, "1.1", "a stockout makes a resize slow, and the pool stays with the nodes there are", "google#10121, google#3304", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		must(t, g.SetStockout("asia-northeast1-a", true))
		op, err := g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2})
		must(t, err)
		done := g.finish(op)
		if !strings.Contains(done.GetStatusMessage(), "Expected 6, running 5, transitioning 1. Current errors: [GCE_STOCKOUT]") {
			t.Errorf("operation %v", done)
		}
		if p := g.pool(basePool); p.GetStatus() != containerpb.NodePool_RUNNING_WITH_ERROR || g.cluster().GetStatus() != containerpb.Cluster_DEGRADED {
			t.Errorf("pool is %s, cluster %s", p.GetStatus(), g.cluster().GetStatus())
		}
	})
	fact(t, "1.1", "a pool gets its nodes when a stockout is over, and keeps its error until another operation on it", "k8s-config-connector#321; proto", func(t *testing.T) {
		g := startGKE(t)
		must(t, g.SetStockout("asia-northeast1-a", true))
		g.create()
		must(t, g.SetStockout("asia-northeast1-a", false))
		if p := g.pool(basePool); p.GetStatus() != containerpb.NodePool_RUNNING_WITH_ERROR || len(p.GetConditions()) == 0 {
			t.Errorf("after the stockout the pool is %s with conditions %v", p.GetStatus(), p.GetConditions())
		}
		g.reissued(basePool)
		if p := g.pool(basePool); p.GetStatus() != containerpb.NodePool_RUNNING || g.cluster().GetStatus() != containerpb.Cluster_RUNNING {
			t.Errorf("after another operation the pool is %s, the cluster %s", p.GetStatus(), g.cluster().GetStatus())
		}
	})
	fact(t, "1.1", "nodes that run do not suffer from a stockout", "documented", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		must(t, g.SetStockout("", true))
		g.updated(g.updatePool(&containerpb.UpdateNodePoolRequest{Labels: &containerpb.NodeLabels{Labels: map[string]string{"team": "shop"}}}))
		if p := g.pool(basePool); p.GetStatus() != containerpb.NodePool_RUNNING {
			t.Errorf("pool is %s", p.GetStatus())
		}
	})
}

func TestConformancePoolCreation(t *testing.T) {
	fact(t, "1.1", "spot and preemptible exclude each other; the provisioning model is a resource label", "proto; repositories", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		both := spot("both")
		both.Config.Preemptible = true
		_, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: both})
		wantError(t, err, codes.InvalidArgument, "preemptible")
		if got := g.pool(spotPool).GetConfig().GetResourceLabels()["goog-gke-node-pool-provisioning-model"]; got != "spot" {
			t.Errorf("label %q", got)
		}
	})
	fact(t, "1.1", "a pool of an absent cluster is the cluster's 404", "google#7851", func(t *testing.T) {
		g := startGKE(t)
		_, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("more", 1)})
		wantStatus(t, err, codes.NotFound, "Not found: "+devCluster+".")
	})
	fact(t, "1.1", "nodeConfig mirrors the default pool and goes with it", "mock, to match the real service", func(t *testing.T) {
		g := startGKE(t)
		g.create(func(c *containerpb.Cluster) { c.NodePools, c.InitialNodeCount = nil, 1 })
		if g.cluster().GetNodeConfig() == nil {
			t.Error("no node config with a default pool")
		}
		g.updated(g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("own", 1)}))
		g.updated(g.manager.DeleteNodePool(g.ctx(), &containerpb.DeleteNodePoolRequest{Name: devCluster + "/nodePools/default-pool"}))
		if g.cluster().GetNodeConfig() != nil {
			t.Error("a node config without a default pool")
		}
	})
	fact(t, "1.1", "blue-green settings replace the surge of a new pool", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		p := pool("blue", 1)
		p.UpgradeSettings = blueGreen()
		g.updated(g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: p}))
		got := g.pool(devCluster + "/nodePools/blue").GetUpgradeSettings()
		if got.GetMaxSurge() != 0 || got.GetStrategy() != containerpb.NodePoolUpdateStrategy_BLUE_GREEN || got.GetBlueGreenSettings() == nil {
			t.Errorf("settings %v", got)
		}
	})
}

func TestConformanceBlueGreen(t *testing.T) {
	upgrading := func(t *testing.T) (*gke, *containerpb.Operation) {
		g := startGKE(t)
		g.create(func(c *containerpb.Cluster) { c.NodePools[0].UpgradeSettings = blueGreen() })
		op, err := g.updatePool(&containerpb.UpdateNodePoolRequest{MachineType: "e2-standard-4"})
		must(t, err)
		return g, op
	}
	phase := func(g *gke) string { return g.pool(basePool).GetUpdateInfo().GetBlueGreenInfo().GetPhase().String() }
	fact(t, "1.1", "a blue-green upgrade goes through its phases, with the groups of both colours", "proto", func(t *testing.T) {
		g, op := upgrading(t)
		before := g.pool(basePool).GetUpdateInfo().GetBlueGreenInfo().GetBlueInstanceGroupUrls()
		if n := len(g.pool(basePool).GetInstanceGroupUrls()); n != 2*len(before) || phase(g) != "UPDATE_STARTED" {
			t.Errorf("%d groups in phase %s", n, phase(g))
		}
		g.Advance(30 * time.Second)
		if phase(g) != "CREATING_GREEN_POOL" {
			t.Errorf("phase %s", phase(g))
		}
		g.finish(op)
		p := g.pool(basePool)
		if p.GetUpdateInfo() != nil || len(p.GetInstanceGroupUrls()) != len(before) || p.GetInstanceGroupUrls()[0] == before[0] {
			t.Errorf("groups %v, want the green ones only", p.GetInstanceGroupUrls())
		}
	})
	fact(t, "1.1", "a cancelled upgrade leaves the blue groups", "proto", func(t *testing.T) {
		g, op := upgrading(t)
		before := g.pool(basePool).GetUpdateInfo().GetBlueGreenInfo().GetBlueInstanceGroupUrls()
		_, err := g.manager.CancelOperation(g.ctx(), &containerpb.CancelOperationRequest{Name: location + "/operations/" + op.GetName()})
		must(t, err)
		g.finish(op)
		if p := g.pool(basePool); p.GetUpdateInfo() != nil || p.GetInstanceGroupUrls()[0] != before[0] || len(p.GetInstanceGroupUrls()) != len(before) {
			t.Errorf("groups %v, want %v", p.GetInstanceGroupUrls(), before)
		}
	})
	fact(t, "1.1", "the soaking can be completed, nothing else can", "proto", func(t *testing.T) {
		g, op := upgrading(t)
		complete := func() error {
			_, err := g.manager.CompleteNodePoolUpgrade(g.ctx(), &containerpb.CompleteNodePoolUpgradeRequest{Name: basePool})
			return err
		}
		wantError(t, complete(), codes.FailedPrecondition, "NODE_POOL_SOAKING")
		g.Advance(53 * time.Second)
		must(t, complete())
		if phase(g) != "DELETING_BLUE_POOL" {
			t.Errorf("phase %s", phase(g))
		}
		g.Advance(10 * time.Second)
		if now := g.operation(op); now.GetStatus() != containerpb.Operation_DONE || now.GetError() != nil {
			t.Errorf("operation %v, want DONE", now)
		}
	})
}

func blueGreen() *containerpb.NodePool_UpgradeSettings {
	return &containerpb.NodePool_UpgradeSettings{
		Strategy: containerpb.NodePoolUpdateStrategy_BLUE_GREEN.Enum(),
		BlueGreenSettings: &containerpb.BlueGreenSettings{
			NodePoolSoakDuration: durationpb.New(60e9),
			RolloutPolicy: &containerpb.BlueGreenSettings_StandardRolloutPolicy_{
				StandardRolloutPolicy: &containerpb.BlueGreenSettings_StandardRolloutPolicy{
					UpdateBatchSize: &containerpb.BlueGreenSettings_StandardRolloutPolicy_BatchNodeCount{BatchNodeCount: 1},
				},
			},
		},
	}
}
