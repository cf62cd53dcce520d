package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestStockoutOfEveryZoneEndsTheClusterInError(t *testing.T) {
	g := startGKE(t)
	must(t, g.SetStockout("", true))
	op := g.create()
	if op.GetStatus() != containerpb.Operation_DONE || !strings.Contains(op.GetStatusMessage(), "does not have enough resources available to fulfill request: asia-northeast1.") {
		t.Errorf("operation %s %q, want DONE with the stockout", op.GetStatus(), op.GetStatusMessage())
	}
	if got := op.GetClusterConditions(); len(got) != 1 || got[0].GetCode() != containerpb.StatusCondition_GCE_STOCKOUT {
		t.Errorf("conditions %v, want GCE_STOCKOUT", got)
	}
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_ERROR {
		t.Errorf("cluster is %s, want ERROR", c.GetStatus())
	}
	g.Advance(2 * time.Hour)
	if _, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster}); status.Code(err) != codes.NotFound {
		t.Errorf("two hours later: %v, want it deleted by the service", err)
	}
}

func TestStockoutOfOneZoneDegradesUntilItIsOver(t *testing.T) {
	g := startGKE(t)
	must(t, g.SetStockout("asia-northeast1-b", true))
	if op := g.create(); op.GetError() == nil {
		t.Errorf("operation %v, want an error", op)
	}
	c := g.cluster()
	if c.GetStatus() != containerpb.Cluster_DEGRADED || c.GetEndpoint() == "" {
		t.Errorf("cluster is %s at %q, want DEGRADED with an endpoint", c.GetStatus(), c.GetEndpoint())
	}
	if got := c.GetNodePools()[0].GetStatus(); got != containerpb.NodePool_RUNNING_WITH_ERROR {
		t.Errorf("pool is %s, want RUNNING_WITH_ERROR", got)
	}
	must(t, g.SetStockout("asia-northeast1-b", false))
	g.reissued(basePool)
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_RUNNING || c.GetNodePools()[0].GetStatus() != containerpb.NodePool_RUNNING {
		t.Errorf("after the stockout cluster %s, pool %s, want RUNNING", c.GetStatus(), c.GetNodePools()[0].GetStatus())
	}
}

func TestFaultEndsAnOperationInError(t *testing.T) {
	g := startGKE(t)
	must(t, g.Inject(fakegcp.Fault{Method: fakegcp.OperationMethod, Resource: "/clusters/dev", Occurrence: 1, Code: codes.Internal, Message: "Internal error."}))
	op := g.create()
	if op.GetStatus() != containerpb.Operation_DONE || op.GetStatusMessage() != "Internal error." || op.GetError().GetCode() != int32(codes.Internal) {
		t.Errorf("operation %v, want DONE with the error", op)
	}
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_ERROR {
		t.Errorf("cluster is %s, want ERROR", c.GetStatus())
	}
}

func TestClusterEndpointSaysWhyItHasNoKubernetes(t *testing.T) {
	g := startGKE(t)
	g.create()
	config, err := g.Kubeconfig("dev")
	must(t, err)
	if !strings.Contains(string(config), "https://"+g.cluster().GetEndpoint()) {
		t.Errorf("kubeconfig does not name the endpoint:\n%s", config)
	}
	objects, err := g.KubernetesObjects(g.ctx(), devCluster)
	if err != nil || len(objects) > 0 {
		t.Errorf("objects %v (%v), want none", objects, err)
	}
	if _, err := g.Kubeconfig("none"); err == nil || !strings.Contains(err.Error(), devCluster) {
		t.Errorf("kubeconfig of a cluster that is none: %v, want the names of those that are", err)
	}
}

func TestClusterDriftIsVisible(t *testing.T) {
	g := startGKE(t)
	g.create()
	must(t, g.UpdateCluster(devCluster, func(c *containerpb.Cluster) { c.ResourceLabels["team"] = "pirates" }))
	if got := g.cluster().GetResourceLabels()["team"]; got != "pirates" {
		t.Errorf("label is %q, want pirates", got)
	}
	must(t, g.Remove(devCluster+"/nodePools/spot"))
	if pools := g.cluster().GetNodePools(); len(pools) != 1 {
		t.Errorf("%d pools, want 1", len(pools))
	}
	must(t, g.Remove(devCluster))
	if _, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster}); status.Code(err) != codes.NotFound {
		t.Errorf("after its removal: %v, want NOT_FOUND", err)
	}
}
