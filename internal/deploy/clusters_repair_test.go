package deploy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// changes lists the methods that have changed something, in order.
func (w clusterWorld) changes() []string {
	var methods []string
	for _, call := range w.fake.Journal() {
		if call.Mutating && call.Code == codes.OK.String() {
			methods = append(methods, call.Method[strings.LastIndex(call.Method, "/")+1:])
		}
	}
	return methods
}

// A pool without machines leaves the cluster usable. GKE is asked again once in every update, and as soon as there are
// machines the pool is as if nothing had been.
func TestClusterPoolWithoutMachinesIsRepaired(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	must(t, w.fake.SetStockout("asia-northeast1-b", true))
	state, notices, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	if err != nil || len(notices) != 1 || state.Status != deploy.ClusterDegraded || state.Endpoint == "" {
		t.Fatalf("state %+v, notices %v, error %v", state, notices, err)
	}
	from := len(w.changes())
	state, notices, err = w.UpdateCluster(t.Context(), smallCluster(), state.ClusterSpec, "")
	if err != nil || len(notices) != 1 || state.Status != deploy.ClusterDegraded {
		t.Fatalf("still no machines: state %+v, notices %v, error %v", state, notices, err)
	}
	if asked := w.changes()[from:]; !slices.Equal(asked, []string{"SetNodePoolAutoscaling"}) {
		t.Errorf("the repair called %v", asked)
	}
	must(t, w.fake.SetStockout("asia-northeast1-b", false))
	from = len(w.changes())
	state, notices, err = w.UpdateCluster(t.Context(), smallCluster(), state.ClusterSpec, "")
	if err != nil || len(notices) != 0 {
		t.Fatalf("notices %v, error %v", notices, err)
	}
	checkCluster(t, smallCluster(), state)
	if asked := w.changes()[from:]; !slices.Equal(asked, []string{"SetNodePoolAutoscaling"}) {
		t.Errorf("the repair called %v", asked)
	}
}

// A repair does not come before what was declared, and does not hold it up.
func TestClusterPoolWithoutMachinesDoesNotHoldUpAnUpdate(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	must(t, w.fake.SetStockout("asia-northeast1-b", true))
	state, _, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	must(t, err)
	want := smallCluster()
	want.Labels = map[string]string{"team": "other"}
	state, _, err = w.UpdateCluster(t.Context(), want, state.ClusterSpec, "")
	if err != nil || state.Status != deploy.ClusterDegraded || state.Labels["team"] != "other" {
		t.Errorf("state %+v, error %v", state, err)
	}
}

// A pool that never came up is made anew.
func TestClusterPoolThatFailedIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	before := w.create(t)
	must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_NODE_POOL", Occurrence: 1, Code: codes.Internal, Message: "no luck"}))
	reached, said := w.updateSays(t.Context(), before)
	checkSays(t, said, `create of node pool "new" failed`, "no luck", "Apply again")
	if reached.Status != deploy.ClusterDegraded {
		t.Errorf("status %s", reached.Status)
	}
	state, _, err := w.UpdateCluster(t.Context(), changedCluster(), reached.ClusterSpec, "")
	must(t, err)
	checkCluster(t, changedCluster(), state)
	live, err := w.GCP.Clusters().Get(t.Context(), state.ID.String())
	must(t, err)
	if len(live.GetNodePools()) != 2 {
		t.Errorf("%d pools are left, want 2", len(live.GetNodePools()))
	}
}

// A create that was killed and then given up by GKE is nobody's: the next one deletes it and begins anew.
func TestClusterThatFailedAfterAKillIsReplaced(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	must(t, w.fake.SetOperation(fakegcp.OperationRule{
		Kind: "CREATE_CLUSTER", Occurrence: 1, Hold: true, Code: codes.Internal, Message: "The network is out of IP space.",
	}))
	ctx, kill := context.WithCancel(t.Context())
	go w.atHeld(t, kill)
	_, _, _ = w.CreateCluster(ctx, smallCluster(), clusterTimeout) // its state is lost
	_, err := w.fake.ReleaseOperations("")
	must(t, err)
	state, notices, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	checkSays(t, outcome(notices, err), `warning: Replaced the failed create of cluster "dev"`, "The network is out of IP space.")
	checkCluster(t, smallCluster(), state)

	must(t, w.fake.UpdateCluster(state.ID.String(), func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_ERROR }))
	_, _, err = w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	checkSays(t, outcome(nil, err), "already exists", "import {") // a finished one that failed is not ours to delete
}

// The reason of a failure is found in the list of operations by a run that did not see it, even if the cluster itself
// says nothing.
func TestClusterThatFailedUnseenIsExplained(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true, Code: codes.Internal, Message: "The network is out of IP space."}))
	ctx, interrupt := context.WithCancel(t.Context())
	go w.atHeld(t, interrupt)
	state, said := w.createSays(ctx)
	checkSays(t, said, `warning: Cluster "dev" is not finished yet`, "not tainted", `(CREATE_CLUSTER of cluster "dev", running for`)
	if state.Operation == "" {
		t.Error("the state does not name the operation")
	}
	_, err := w.fake.ReleaseOperations("")
	must(t, err)
	must(t, w.fake.UpdateCluster(state.ID.String(), func(c *containerpb.Cluster) { c.StatusMessage = "" })) //nolint:staticcheck // as older control planes
	_, _, err = w.UpdateCluster(t.Context(), smallCluster(), state.ClusterSpec, "")
	checkSays(t, outcome(nil, err), `error: Cluster "dev" failed and cannot be used`, "The network is out of IP space.", "deleted and made anew")
}

// A pool of somebody else's that has no machines is shown by GKE as a degraded cluster. No plan of ours can repair it.
func TestClusterWithAPoolOfOthersThatHasAnError(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	before := w.create(t)
	const words = "no machines"
	degrade := func(more ...*containerpb.StatusCondition) {
		must(t, w.fake.UpdateCluster(before.ID.String(), func(c *containerpb.Cluster) {
			condition := &containerpb.StatusCondition{Code: containerpb.StatusCondition_GCE_STOCKOUT, Message: words} //nolint:staticcheck // what older control planes fill
			c.Status, c.StatusMessage, c.Conditions = containerpb.Cluster_DEGRADED, words, append(more, condition)    //nolint:staticcheck // what older control planes fill
			theirs, _ := proto.Clone(c.NodePools[0]).(*containerpb.NodePool)
			theirs.Name, theirs.Config.Labels = "theirs", nil
			theirs.Status, theirs.StatusMessage, theirs.Conditions = containerpb.NodePool_RUNNING_WITH_ERROR, words, []*containerpb.StatusCondition{condition} //nolint:staticcheck // what older control planes fill
			c.NodePools = append(c.NodePools[:2:2], theirs)
		}))
	}
	for want, more := range map[string][]*containerpb.StatusCondition{
		deploy.ClusterReady:    nil,
		deploy.ClusterDegraded: {{Code: containerpb.StatusCondition_CA_EXPIRING, Message: "The CA expires."}},
	} {
		degrade(more...)
		read, err := w.ReadCluster(t.Context(), before.ID, &before.ClusterSpec)
		must(t, err)
		if read.Status != want || strings.Contains(read.Reasons, "The CA expires.") != (more != nil) {
			t.Errorf("with %d reasons of its own it is %s: %s", len(more), read.Status, read.Reasons)
		}
	}
}
