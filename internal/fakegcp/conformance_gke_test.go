package fakegcp_test

import (
	"regexp"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// update sends an update of the cluster.
func (g *gke) update(u *containerpb.ClusterUpdate) (*containerpb.Operation, error) {
	return g.manager.UpdateCluster(g.ctx(), &containerpb.UpdateClusterRequest{Name: devCluster, Update: u})
}

// updated finishes an operation that has to be accepted and to end well.
func (g *gke) updated(op *containerpb.Operation, err error) *containerpb.Operation {
	g.t.Helper()
	must(g.t, err)
	done := g.finish(op)
	if done.GetError() != nil {
		g.t.Fatalf("operation %v, want it to end well", done)
	}
	return done
}

func TestConformanceGKEOperations(t *testing.T) {
	fact(t, "1.1", "an operation's name is operation-MILLIS-UUID, its links have the project's number", "recorded", func(t *testing.T) {
		g := startGKE(t)
		op, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
		must(t, err)
		if !regexp.MustCompile(`^operation-\d{13}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(op.GetName()) {
			t.Errorf("name %q", op.GetName())
		}
		if want := "https://container.googleapis.com/v1/" + numbered + "/locations/asia-northeast1/operations/" + op.GetName(); op.GetSelfLink() != want {
			t.Errorf("link %q, want %q", op.GetSelfLink(), want)
		}
		if want := "https://container.googleapis.com/v1/" + location + "/clusters/dev"; g.cluster().GetSelfLink() != want {
			t.Errorf("the cluster's link is %q, want %q with the project's id", g.cluster().GetSelfLink(), want)
		}
	})
	fact(t, "1.1", "CREATE_CLUSTER is RUNNING at once and shows its progress when done", "recorded 15/15", func(t *testing.T) {
		g := startGKE(t)
		op := g.create()
		if n := len(op.GetProgress().GetMetrics()); n != 6 {
			t.Errorf("%d metrics, want 6", n)
		}
	})
	fact(t, "1.1", "pool operations start PENDING, deletions of clusters RUNNING", "recorded 11/12, 15/15", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		op, err := g.manager.DeleteNodePool(g.ctx(), &containerpb.DeleteNodePoolRequest{Name: spotPool})
		must(t, err)
		if op.GetStatus() != containerpb.Operation_PENDING {
			t.Errorf("pool operation is %s", op.GetStatus())
		}
		g.finish(op)
		op, err = g.manager.DeleteCluster(g.ctx(), &containerpb.DeleteClusterRequest{Name: devCluster})
		must(t, err)
		if op.GetStatus() != containerpb.Operation_RUNNING {
			t.Errorf("deletion is %s", op.GetStatus())
		}
	})
	fact(t, "1.1", "an operation that fails is DONE, with the error in new and deprecated fields", "proto; google provider", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		must(t, g.Inject(fakegcp.Fault{Method: fakegcp.OperationMethod, Code: codes.Internal, Message: "no luck", Occurrence: 1}))
		op, err := g.update(&containerpb.ClusterUpdate{DesiredShieldedNodes: &containerpb.ShieldedNodes{}})
		must(t, err)
		done := g.finish(op)
		if done.GetStatus() != containerpb.Operation_DONE || done.GetError().GetMessage() != "no luck" || done.GetStatusMessage() != "no luck" || done.GetDetail() != "no luck" {
			t.Errorf("operation %v", done)
		}
		if c := g.cluster(); !c.GetShieldedNodes().GetEnabled() || c.GetStatus() != containerpb.Cluster_RUNNING {
			t.Errorf("cluster is %s, want it RUNNING as it was", c.GetStatus())
		}
	})
}

func TestConformanceGKEConflicts(t *testing.T) {
	fact(t, "1.1", "one operation per cluster, also for another pool; the refusal has a request id", "rancher/gke-operator#509", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		op, err := g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2})
		must(t, err)
		_, err = g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: spotPool, MachineType: "e2-standard-4"})
		wantStatus(t, err, codes.FailedPrecondition, "Cluster is running incompatible operation "+op.GetName()+".")
		id := ""
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.RequestInfo); ok {
				id = info.GetRequestId()
			}
		}
		if !regexp.MustCompile(`^0x[0-9a-f]{16}$`).MatchString(id) {
			t.Errorf("request id %q", id)
		}
	})
	fact(t, "1.1", "too many concurrent operations are 429 RESOURCE_EXHAUSTED", "google provider", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		must(t, g.Inject(fakegcp.Fault{Method: "SetNodePoolSize", Code: codes.ResourceExhausted, Message: "CONCURRENT_OPERATIONS", Occurrence: 1}))
		code, _ := g.curl("POST", "/v1/"+basePool+":setSize", `{"nodeCount":2}`)
		if code != 429 {
			t.Errorf("status %d, want 429", code)
		}
	})
	fact(t, "1.1", "GKE starts operations by itself, which refuse clients' changes", "pulumi-google-native#434", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		name, err := g.StartUnattended(fakegcp.UnattendedResize, "dev", "")
		must(t, err)
		_, err = g.update(&containerpb.ClusterUpdate{DesiredShieldedNodes: &containerpb.ShieldedNodes{}})
		wantStatus(t, err, codes.FailedPrecondition, "Cluster is running incompatible operation "+name+".")
		if _, err := g.StartUnattended(fakegcp.UnattendedRepair, "dev", ""); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("a second one: %v, want FAILED_PRECONDITION", err)
		}
		g.Advance(5 * time.Minute)
		g.updated(g.update(&containerpb.ClusterUpdate{DesiredShieldedNodes: &containerpb.ShieldedNodes{}}))
	})
	fact(t, "1.1", "upgrades of nodes can be cancelled: ABORTING, then DONE with an error", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		op, err := g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: basePool, MachineType: "e2-standard-4"})
		must(t, err)
		cancel := &containerpb.CancelOperationRequest{Name: location + "/operations/" + op.GetName()}
		_, err = g.manager.CancelOperation(g.ctx(), cancel)
		must(t, err)
		if now := g.operation(op); now.GetStatus() != containerpb.Operation_ABORTING {
			t.Errorf("operation is %s", now.GetStatus())
		}
		if done := g.finish(op); done.GetError().GetCode() != int32(codes.Canceled) {
			t.Errorf("operation %v, want CANCELLED", done)
		}
		if p := g.pool(basePool); p.GetConfig().GetMachineType() != "e2-standard-2" || p.GetStatus() != containerpb.NodePool_RUNNING {
			t.Errorf("pool is %s on %s, want RUNNING as it was", p.GetStatus(), p.GetConfig().GetMachineType())
		}
		if _, err = g.manager.CancelOperation(g.ctx(), cancel); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("of a done one: %v, want FAILED_PRECONDITION", err)
		}
	})
}

func TestConformanceGKEFailures(t *testing.T) {
	fact(t, "1.1", "a cluster whose deletion fails is in ERROR, and the deletion is retried", "proto", func(t *testing.T) {
		g := startGKE(t)
		g.create()
		must(t, g.Inject(fakegcp.Fault{Method: fakegcp.OperationMethod, Code: codes.Internal, Message: "no luck", Occurrence: 1}))
		op, err := g.manager.DeleteCluster(g.ctx(), &containerpb.DeleteClusterRequest{Name: devCluster})
		must(t, err)
		g.finish(op)
		if c := g.cluster(); c.GetStatus() != containerpb.Cluster_ERROR || c.GetStatusMessage() != "no luck" {
			t.Errorf("cluster is %s (%s), want ERROR", c.GetStatus(), c.GetStatusMessage())
		}
		g.Advance(2 * time.Hour)
		if _, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster}); status.Code(err) != codes.NotFound {
			t.Errorf("two hours later: %v, want NOT_FOUND", err)
		}
	})
	fact(t, "1.1", "a stockout at creation: DONE with GCE_STOCKOUT, a cluster in ERROR, deleted by the service", "kubeflow/pipelines#673", func(t *testing.T) {
		g := startGKE(t)
		must(t, g.SetStockout("", true))
		op := g.create()
		if c := op.GetClusterConditions(); len(c) != 1 || c[0].GetCode() != containerpb.StatusCondition_GCE_STOCKOUT || op.GetStatusMessage() == "" {
			t.Errorf("operation %v", op)
		}
		if c := g.cluster(); c.GetStatus() != containerpb.Cluster_ERROR {
			t.Errorf("cluster is %s", c.GetStatus())
		}
		g.Advance(2 * time.Hour)
		if _, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster}); status.Code(err) != codes.NotFound {
			t.Errorf("two hours later: %v, want NOT_FOUND", err)
		}
	})
	fact(t, "1.1", "a quota refuses at once with 403, and nothing is made", "k8s-config-connector#321", func(t *testing.T) {
		g := startGKE(t)
		must(t, g.SetQuota("CPUS", "asia-northeast1", 4))
		_, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
		wantStatus(t, err, codes.PermissionDenied, "Insufficient regional quota to satisfy request: resource \"CPUS\": request requires '6.0' and is "+
			"short '2.0'. project has a quota of '4.0' with '4.0' available. View and manage quotas at "+
			"https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=acme-dev.")
		if left, err := g.Remaining(); err != nil || len(left) > 0 {
			t.Errorf("left: %v (%v)", left, err)
		}
		must(t, g.SetQuota("CPUS", "asia-northeast1", 8))
		g.create()
		_, err = g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2})
		wantError(t, err, codes.PermissionDenied, `request requires '6.0' and is short '4.0'. project has a quota of '8.0' with '2.0' available.`)
		more := pool("more", 1)
		more.Config.Spot = true
		must(t, g.SetQuota("PREEMPTIBLE_CPUS", "asia-northeast1", 6))
		g.updated(g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: more}))
	})
}
