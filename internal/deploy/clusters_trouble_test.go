package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// outcome is what a run says, as the resource shows it.
func outcome(notices []deploy.Notice, err error) string {
	var parts []string
	for _, n := range notices {
		parts = append(parts, "warning: "+n.Summary, n.Detail)
	}
	var told *deploy.Error
	if errors.As(err, &told) {
		parts = append(parts, "error: "+told.Summary, told.Why, told.Fix, gcp.Message(told.Err))
	} else if err != nil {
		parts = append(parts, "in nobody's words: "+err.Error())
	}
	return strings.Join(parts, "\n")
}

func checkSays(t *testing.T, said string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if t.Failed() {
		t.Logf("it says:\n%s", said)
	}
}

func (w clusterWorld) createSays(ctx context.Context) (*deploy.ClusterState, string) {
	state, notices, err := w.CreateCluster(ctx, smallCluster(), clusterTimeout)
	return state, outcome(notices, err)
}

func (w clusterWorld) updateSays(ctx context.Context, before *deploy.ClusterState) (*deploy.ClusterState, string) {
	state, notices, err := w.UpdateCluster(ctx, changedCluster(), before.ClusterSpec, "")
	notices = slices.DeleteFunc(notices, func(n deploy.Notice) bool { // there is no Kubernetes in this world
		return strings.HasPrefix(n.Summary, "GKE alone drained")
	})
	return state, outcome(notices, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every trouble names the object, GKE's cause, and what to do about it.
func TestClusterCreateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	const region = "asia-northeast1"
	failing := fakegcp.OperationRule{
		Kind: "CREATE_CLUSTER", Code: codes.Internal, Message: "The network \"default\" is out of IP space.", Conditions: []string{"GCE_QUOTA_EXCEEDED"},
	}
	tests := map[string]struct {
		trouble func(*fakegcp.Server) error
		want    []string
		status  string // of the state; empty for none
	}{
		"API not enabled": {
			func(f *fakegcp.Server) error { f.SetAPIEnabled("container.googleapis.com", false); return nil },
			[]string{`error: Cluster "dev" was not created`, "gcloud services enable container.googleapis.com --project acme-dev", "before or it is disabled"}, "",
		},
		"permission denied": {
			func(f *fakegcp.Server) error { f.Deny("container.clusters.create", ""); return nil },
			[]string{
				`error: Cluster "dev" was not created`, "project acme-dev", "container.clusters.create", "roles/container.clusterAdmin",
				"gcloud projects add-iam-policy-binding acme-dev", "may not be effective yet",
			}, "",
		},
		"quota": {
			func(f *fakegcp.Server) error { return f.SetQuota("CPUS", region, 1) },
			[]string{
				`error: Cluster "dev" was not created`, "the quota CPUS", "https://console.cloud.google.com/iam-admin/quotas?project=acme-dev",
				"a lower min_nodes", "is short",
			}, "",
		},
		"no machines in one zone": {
			func(f *fakegcp.Server) error { return f.SetStockout(region+"-b", true) },
			[]string{
				`warning: Cluster "dev" is not healthy`, "not tainted", `node pool "base": RUNNING_WITH_ERROR`, "does not have enough resources available",
				"another machine_type, capacity or location", "GCE_STOCKOUT",
			}, deploy.ClusterDegraded,
		},
		"no machines at all": {
			func(f *fakegcp.Server) error { return f.SetStockout("", true) },
			[]string{
				`error: Cluster "dev" failed and cannot be used`, "GKE reports: ERROR", "Try a different location, or try again later",
				"another machine_type, capacity or location", "deleted and made anew",
			}, deploy.ClusterFailed,
		},
		"a creation that GKE gives up": {
			func(f *fakegcp.Server) error { return f.SetOperation(failing) },
			[]string{`error: Cluster "dev" failed and cannot be used`, "out of IP space", "GCE_QUOTA_EXCEEDED", "deleted and made anew"}, deploy.ClusterFailed,
		},
		"an answer that was lost, with nothing to read": {
			func(f *fakegcp.Server) error {
				f.Deny("container.clusters.get", "")
				return f.Inject(fakegcp.Fault{Method: "CreateCluster", Occurrence: 1, When: fakegcp.After, Kind: fakegcp.FaultReset})
			},
			[]string{`error: It is not known whether cluster "dev" was created`, "container.clusters.get", "roles/container.clusterViewer"}, "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newClusterWorld(t, 20*time.Millisecond)
			must(t, test.trouble(w.fake))
			state, said := w.createSays(t.Context())
			checkSays(t, said, test.want...)
			if (state == nil) != (test.status == "") || state != nil && state.Status != test.status {
				t.Errorf("state %+v, want status %q", state, test.status)
			}
		})
	}
}

func TestClusterUpdateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trouble func(*fakegcp.Server) error
		want    []string
	}{
		"API not enabled": {
			func(f *fakegcp.Server) error { f.SetAPIEnabled("container.googleapis.com", false); return nil },
			[]string{`Cluster "dev" was not updated completely`, "gcloud services enable container.googleapis.com --project acme-dev"},
		},
		"permission denied": {
			func(f *fakegcp.Server) error { f.Deny("container.clusters.update", ""); return nil },
			[]string{`Cluster "dev": labels failed`, "container.clusters.update", "roles/container.clusterAdmin"},
		},
		"quota": {
			func(f *fakegcp.Server) error { return f.SetQuota("PREEMPTIBLE_CPUS", "asia-northeast1", 0) },
			nil, // a pool with no node to begin with needs none
		},
		"a pool without machines": {
			func(f *fakegcp.Server) error {
				return f.SetOperation(fakegcp.OperationRule{
					Kind: "CREATE_NODE_POOL", Code: codes.ResourceExhausted, Message: "Not all instances running", Conditions: []string{"GCE_STOCKOUT"},
				})
			},
			[]string{`Cluster "dev": create of node pool "new" failed`, "GCE_STOCKOUT", "another machine_type, capacity or location"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newClusterWorld(t, 20*time.Millisecond)
			before := w.create(t)
			must(t, test.trouble(w.fake))
			_, said := w.updateSays(t.Context(), before)
			checkSays(t, said, test.want...)
			if test.want == nil && said != "" {
				t.Errorf("it says %s", said)
			}
		})
	}
}

// An operation that GKE started is waited for, and named when it does not end in time.
func TestClusterNamesTheOperationInTheWay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind fakegcp.Unattended
		pool string
		run  func(context.Context, clusterWorld, *deploy.ClusterState) string
		want []string
	}{
		"of an update": {fakegcp.UnattendedUpgradeMaster, "", func(ctx context.Context, w clusterWorld, s *deploy.ClusterState) string {
			_, said := w.updateSays(ctx, s)
			return said
		}, []string{"UPGRADE_MASTER", "cannot be updated", "timeouts.update"}},
		"of a delete": {fakegcp.UnattendedRepair, "", func(ctx context.Context, w clusterWorld, s *deploy.ClusterState) string {
			return outcome(nil, w.DeleteCluster(ctx, s.ID))
		}, []string{"REPAIR_CLUSTER", "cannot be deleted", "timeouts.delete"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clk := &clock.Offset{}
			w := newClusterWorldAt(t, 20*time.Millisecond, clk)
			before := w.create(t)
			var informed []string
			w.Inform = func(_ context.Context, message string, fields ...map[string]any) {
				informed = append(informed, fmt.Sprint(message, fields))
			}
			must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: string(test.kind), Hold: true}))
			must(t, w.fake.UpdateCluster("projects/acme-dev/locations/asia-northeast1/clusters/dev", func(c *containerpb.Cluster) {
				c.CurrentMasterVersion = "1.34.9-gke.1065000" // leaves something to upgrade to
			}))
			operation, err := w.fake.StartUnattended(test.kind, "dev", test.pool)
			must(t, err)
			clk.Advance(12*time.Minute + 30*time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			said := test.run(ctx, w, before)
			checkSays(t, said, append(test.want, `error: Cluster "dev" is busy with another operation`, operation, `of cluster "dev"`,
				"running for 12m3", "gcloud container operations describe "+operation+" --location asia-northeast1 --project acme-dev")...)
			if len(informed) != 1 || !strings.Contains(informed[0], operation) || !strings.Contains(informed[0], string(test.kind)) {
				t.Errorf("the log says %q", informed)
			}
			if w.effects("SetLabels")+w.effects("DeleteCluster") > 1 { // the first took the mark of the create off
				t.Error("a change began beside the operation")
			}
			_, err = w.fake.ReleaseOperations("")
			must(t, err)
			checkSays(t, test.run(t.Context(), w, before)) // says nothing, and does it
		})
	}
}

// An update that does not end in time says which of its operations GKE goes on with.
func TestClusterUpdateThatDoesNotEndInTime(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	before := w.create(t)
	must(t, w.fake.SetOperation(fakegcp.OperationRule{Occurrence: 3, Hold: true}))
	ctx, end := context.WithCancelCause(t.Context())
	go w.atHeld(t, func() { end(context.DeadlineExceeded) })
	state, said := w.updateSays(ctx, before)
	if state == nil || state.Operation == "" || state.Labels["team"] != "other" {
		t.Fatalf("state %+v", state)
	}
	checkSays(t, said, `error: Cluster "dev": `, "GKE goes on with "+state.Operation, "running for", "apply again", "raise timeouts.update")
}

// GKE does not always name what it is busy with.
func TestClusterFindsTheOperationThatIsNotNamed(t *testing.T) {
	t.Parallel()
	const refusal = "Cluster is currently being created, deleted, updated or repaired and cannot be updated."
	w := newClusterWorld(t, 20*time.Millisecond)
	before := w.create(t)
	must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "REPAIR_CLUSTER", Hold: true}))
	operation, err := w.fake.StartUnattended(fakegcp.UnattendedRepair, "dev", "")
	must(t, err)
	must(t, w.fake.UpdateCluster(before.ID.String(), func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_RUNNING })) // it does not show
	must(t, w.fake.Inject(fakegcp.Fault{Method: "SetLabels", Occurrence: 1, Code: codes.FailedPrecondition, Message: refusal}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, said := w.updateSays(ctx, before)
	checkSays(t, said, `error: Cluster "dev" is busy with another operation`, operation, "REPAIR_CLUSTER")
	go w.whenHeld(t, func() {})
	_, said = w.updateSays(t.Context(), before)
	if said != "" {
		t.Errorf("it says %s", said)
	}
}

// A cluster that somebody deletes is no riddle, whenever they do.
func TestClusterThatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	id := smallCluster().ID
	t.Run("between plan and apply", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		before := w.create(t)
		must(t, w.fake.Remove(id.String()))
		state, said := w.updateSays(t.Context(), before)
		checkSays(t, said, `error: Cluster "dev" does not exist any more`, "after the plan was made", "Plan and apply again", "Not found")
		if state != nil {
			t.Errorf("state %+v", state)
		}
	})
	t.Run("during an update", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		before := w.create(t)
		must(t, w.fake.SetOperation(fakegcp.OperationRule{Hold: true, Occurrence: 2}))
		go w.whenHeld(t, func() { _ = w.fake.Remove(id.String()) })
		state, said := w.updateSays(t.Context(), before)
		checkSays(t, said, `error: Cluster "dev" does not exist any more`, "while the plan was applied", "Plan and apply again")
		if state != nil {
			t.Errorf("state %+v", state)
		}
	})
	t.Run("while an update waits", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		before := w.create(t)
		_, err := w.GCP.Clusters().Delete(t.Context(), id.String())
		must(t, err)
		must(t, w.fake.UpdateCluster(id.String(), func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_STOPPING }))
		state, said := w.updateSays(t.Context(), before)
		checkSays(t, said, `error: Cluster "dev" is being deleted`, "GKE does not stop a deletion", "makes it anew")
		if state == nil || state.Status != deploy.ClusterDeleting {
			t.Errorf("state %+v", state)
		}
	})
	t.Run("during the wait of its create", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true}))
		go w.whenHeld(t, func() { _ = w.fake.Remove(id.String()) })
		state, said := w.createSays(t.Context())
		checkSays(t, said, `error: Cluster "dev" was not created`, "somebody else has deleted it", "apply again")
		if state != nil {
			t.Errorf("state %+v", state)
		}
	})
	t.Run("while its create still runs", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true}))
		go w.atHeld(t, func() {
			_ = w.fake.UpdateCluster(id.String(), func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_STOPPING })
		})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		state, said := w.createSays(ctx)
		checkSays(t, said, `error: Cluster "dev" is being deleted`)
		if state == nil || state.Status != deploy.ClusterDeleting {
			t.Errorf("state %+v", state)
		}
	})
}

// whenHeld acts when a run waits for an operation that is held, and lets that go.
func (w clusterWorld) whenHeld(t *testing.T, act func()) {
	w.atHeld(t, act)
	_, _ = w.fake.ReleaseOperations("")
}

// atHeld acts when a run waits for an operation that is held.
func (w clusterWorld) atHeld(t *testing.T, act func()) {
	for {
		operations, _ := w.fake.Operations()
		for _, op := range operations {
			if !op.Held {
				continue
			}
			w.fake.WaitJournal(t.Context(), fakegcp.JournalFilter{Method: "GetOperation", Resource: op.Name})
			act()
			return
		}
		w.fake.WaitJournal(t.Context(), fakegcp.JournalFilter{After: len(w.fake.Journal())})
		if t.Context().Err() != nil {
			return
		}
	}
}
