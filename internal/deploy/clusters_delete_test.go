package deploy_test

import (
	"context"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestClusterDelete(t *testing.T) {
	t.Parallel()
	id := smallCluster().ID
	existing := func(t *testing.T, w clusterWorld) { w.create(t) }
	tests := map[string]struct {
		begin   func(*testing.T, clusterWorld)
		prepare func(*testing.T, clusterWorld)
		deletes int // that GKE accepts
	}{
		"a cluster": {existing, func(*testing.T, clusterWorld) {}, 1},
		"one that is gone": {existing, func(t *testing.T, w clusterWorld) {
			must(t, w.fake.Remove(id.String()))
		}, 0},
		"one that is being deleted": {existing, func(t *testing.T, w clusterWorld) {
			_, err := w.GCP.Clusters().Delete(t.Context(), id.String())
			must(t, err)
		}, 1},
		"with a lost answer": {existing, func(t *testing.T, w clusterWorld) {
			must(t, w.fake.Inject(fakegcp.Fault{Method: "DeleteCluster", Occurrence: 1, When: fakegcp.After, Kind: fakegcp.FaultReset}))
		}, 0}, // its answer was taken away
		"with a lost request": {existing, func(t *testing.T, w clusterWorld) {
			must(t, w.fake.Inject(fakegcp.Fault{Method: "DeleteCluster", Occurrence: 1, When: fakegcp.Before, Kind: fakegcp.FaultReset}))
		}, 1},
		"one that is still being made": {func(*testing.T, clusterWorld) {}, func(t *testing.T, w clusterWorld) {
			must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true}))
			ctx, interrupt := context.WithCancel(t.Context())
			go w.atHeld(t, interrupt)
			w.createSays(ctx)
			seen := len(w.fake.Journal())
			go func() { // ends the create when the delete waits for it
				w.fake.WaitJournal(t.Context(), fakegcp.JournalFilter{After: seen, Method: "GetOperation"})
				_, _ = w.fake.ReleaseOperations("")
			}()
		}, 1},
		"one in ERROR": {func(*testing.T, clusterWorld) {}, func(t *testing.T, w clusterWorld) {
			must(t, w.fake.SetStockout("", true))
			w.createSays(t.Context())
		}, 1},
		"one that an unattended operation works on": {existing, func(t *testing.T, w clusterWorld) {
			_, err := w.fake.StartUnattended(fakegcp.UnattendedRepair, "dev", "")
			must(t, err)
		}, 1},
		"one that is gone when the operation in the way ends": {existing, func(t *testing.T, w clusterWorld) {
			must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "REPAIR_CLUSTER", Hold: true}))
			_, err := w.fake.StartUnattended(fakegcp.UnattendedRepair, "dev", "")
			must(t, err)
			go w.whenHeld(t, func() { _ = w.fake.Remove(id.String()) })
		}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newClusterWorld(t, 50*time.Millisecond)
			test.begin(t, w)
			test.prepare(t, w)
			if err := w.DeleteCluster(t.Context(), id); err != nil {
				t.Error(err)
			}
			if left, err := w.fake.Remaining(); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
			if n := w.effects("DeleteCluster"); n != test.deletes {
				t.Errorf("%d deletions were accepted, want %d", n, test.deletes)
			}
		})
	}
}

// A delete that does not end says what is going on, and the next one goes on with it.
func TestClusterDeleteThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	id := smallCluster().ID
	t.Run("in time", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		w.create(t)
		must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "DELETE_CLUSTER", Hold: true}))
		ctx, interrupt := context.WithCancel(t.Context())
		go w.atHeld(t, interrupt)
		checkSays(t, outcome(nil, w.DeleteCluster(ctx, id)), `error: Cluster "dev" was not deleted`, "GKE goes on deleting it",
			"Run destroy again", "timeouts.delete")
		go w.whenHeld(t, func() {})
		must(t, w.DeleteCluster(t.Context(), id))
		if n := w.effects("DeleteCluster"); n != 1 {
			t.Errorf("%d deletions were accepted", n)
		}
	})
	t.Run("well", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		w.create(t)
		must(t, w.fake.SetOperation(fakegcp.OperationRule{
			Kind: "DELETE_CLUSTER", Occurrence: 1, Code: codes.Internal, Message: "Firewall rule in use.",
		}))
		checkSays(t, outcome(nil, w.DeleteCluster(t.Context(), id)), `error: Cluster "dev" was not deleted`, "It stays in the state",
			"Firewall rule in use.", "tries the deletion again by itself")
		must(t, w.DeleteCluster(t.Context(), id))
	})
	t.Run("because it is not allowed", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		w.create(t)
		w.fake.Deny("container.clusters.delete", "")
		checkSays(t, outcome(nil, w.DeleteCluster(t.Context(), id)), `error: Cluster "dev" was not deleted`, "container.clusters.delete",
			"roles/container.clusterAdmin")
		live, err := w.GCP.Clusters().Get(t.Context(), id.String())
		if err != nil || live.GetStatus() != containerpb.Cluster_RUNNING {
			t.Errorf("cluster %s, %v", live.GetStatus(), err)
		}
	})
}
