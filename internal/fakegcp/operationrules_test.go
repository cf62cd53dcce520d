package fakegcp_test

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func newManager(c *cloud) containerpb.ClusterManagerClient {
	return containerpb.NewClusterManagerClient(c.conn)
}

func TestRuleFailsTheOperationItIsFor(t *testing.T) {
	g := startGKE(t)
	control[any](g.cloud, "POST", "operations", `{"kind": "CREATE_NODE_POOL", "target": "/nodePools/", "occurrence": 2,
		"code": "RESOURCE_EXHAUSTED", "message": "no machines", "conditions": ["GCE_STOCKOUT"]}`)
	g.create()
	var ends []*containerpb.Operation
	for _, name := range []string{"one", "two", "three"} {
		op, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool(name, 1)})
		must(t, err)
		ends = append(ends, g.finish(op))
	}
	if ends[0].GetError() != nil || ends[2].GetError() != nil {
		t.Errorf("first %v, third %v, want them to end well", ends[0], ends[2])
	}
	if got := ends[1]; got.GetError().GetCode() != int32(codes.ResourceExhausted) || got.GetStatusMessage() != "no machines" ||
		len(got.GetNodepoolConditions()) != 1 || got.GetNodepoolConditions()[0].GetCode() != containerpb.StatusCondition_GCE_STOCKOUT {
		t.Errorf("second %v, want it to fail with the condition", got)
	}
	if p := g.pool(devCluster + "/nodePools/two"); p.GetStatus() != containerpb.NodePool_ERROR {
		t.Errorf("the pool is %s, want ERROR", p.GetStatus())
	}
	if _, rules := g.Operations(); len(rules) != 1 || rules[0].Seen != 3 || rules[0].Ruled != 1 {
		t.Errorf("rules %+v, want 3 seen and 1 ruled", rules)
	}
}

func TestRuleMakesOperationsTakeTheirTime(t *testing.T) {
	c := start(t)
	must(t, c.SetOperation(fakegcp.OperationRule{Kind: "ROLLOUT", Duration: 10 * time.Minute}))
	op, err := c.create(service(container()))
	must(t, err)
	c.Advance(10*time.Minute - time.Second)
	if !c.get().GetReconciling() {
		t.Error("done before the ten minutes were over")
	}
	c.Advance(time.Second)
	if c.get().GetReconciling() {
		t.Errorf("operation %s still runs after ten minutes", op.GetName())
	}
	c.ClearOperations()
	op, err = c.services.DeleteService(c.ctx(), &runpb.DeleteServiceRequest{Name: api})
	if c.done(op, err).GetError() != nil {
		t.Error("the deletion failed")
	}
}

func TestHeldOperationEndsWhenReleased(t *testing.T) {
	c := start(t)
	must(t, c.SetOperation(fakegcp.OperationRule{Target: "/services/api", Occurrence: 1, Hold: true, Code: codes.Internal, Message: "it broke"}))
	op, err := c.create(service(container()))
	must(t, err)
	c.Advance(1000 * time.Hour)
	if all, _ := c.Operations(); len(all) != 1 || !all[0].Held || all[0].Done || !c.get().GetReconciling() {
		t.Errorf("operations %+v, want one that is held", all)
	}
	if _, err := c.ReleaseOperations("/services/other"); err == nil {
		t.Error("an operation of another target was released")
	}
	released := control[map[string][]string](c, "POST", "release", `{"target": "/services/api"}`)
	if got := released["released"]; len(got) != 1 || got[0] != op.GetName() {
		t.Errorf("released %v, want %s", got, op.GetName())
	}
	now, err := c.operations.GetOperation(c.ctx(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	must(t, err)
	wantError(t, status.FromProto(now.GetError()).Err(), codes.Internal, "it broke")
}
