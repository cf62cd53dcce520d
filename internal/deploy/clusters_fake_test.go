package deploy_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const clusterTimeout = time.Minute

// clusterWorld is a fake and the use cases that work on it.
type clusterWorld struct {
	*deploy.Cloud
	fake *fakegcp.Server
}

func newClusterWorld(t *testing.T, operationTime time.Duration) clusterWorld {
	t.Helper()
	return newClusterWorldAt(t, operationTime, &clock.Offset{})
}

// newClusterWorldAt is a world whose time the test turns forward.
func newClusterWorldAt(t *testing.T, operationTime time.Duration, clk *clock.Offset) clusterWorld {
	t.Helper()
	fake, err := fakegcp.Start(fakegcp.Options{OperationTime: operationTime, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	cloud := clusterCloud(t, fake, "test")
	cloud.Clock = clk
	return clusterWorld{cloud, fake}
}

func clusterCloud(t *testing.T, fake *fakegcp.Server, stack string) *deploy.Cloud {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: fake.Addr(), PollInterval: 5 * time.Millisecond})
	t.Cleanup(func() { _ = client.Close() })
	return &deploy.Cloud{GCP: client, Clock: clock.Real{}, Stamp: names.Stamp{Stack: stack}, AdoptInterrupted: true}
}

func (w clusterWorld) effects(method string) int {
	n := 0
	for _, call := range w.fake.Journal() {
		if strings.HasSuffix(call.Method, "/"+method) && call.Code == codes.OK.String() {
			n++
		}
	}
	return n
}

func smallCluster() deploy.ClusterSpec {
	return deploy.ClusterSpec{
		ID:             names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "dev"},
		ReleaseChannel: "regular", Network: "default", Subnetwork: "default",
		Labels: map[string]string{"team": "shop"},
		Pools: map[string]deploy.PoolSpec{
			"base": {MachineType: "e2-standard-2", Capacity: "on_demand", Isolate: true, MinNodes: 1, MaxNodes: 3, DiskGB: 100},
			"spot": {MachineType: "e2-standard-4", Capacity: "spot", Isolate: true, MaxNodes: 10, DiskGB: 100},
		},
	}
}

// changedCluster differs from smallCluster in everything that an update can change.
func changedCluster() deploy.ClusterSpec {
	spec := smallCluster()
	spec.Labels = map[string]string{"team": "other", "env": "dev"}
	spec.ReleaseChannel = "stable"
	spec.Pools = map[string]deploy.PoolSpec{
		"base": {MachineType: "e2-standard-8", Capacity: "on_demand", Isolate: true, MinNodes: 1, MaxNodes: 6, DiskGB: 100, Labels: map[string]string{"tier": "web"}},
		"new":  {MachineType: "e2-standard-4", Capacity: "preemptible", Isolate: true, MaxNodes: 10, DiskGB: 100},
	}
	return spec
}

func (w clusterWorld) create(t *testing.T) *deploy.ClusterState {
	t.Helper()
	state, notices, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	if err != nil || len(notices) > 0 {
		t.Fatalf("create: %v, notices %v", err, notices)
	}
	return state
}

// leftToGKE takes over what was not declared: every empty field but flags, which are never left open.
func leftToGKE(want, got reflect.Value) {
	for i := range want.NumField() {
		if f := want.Field(i); f.IsZero() && f.Kind() != reflect.Bool {
			f.Set(got.Field(i))
		}
	}
}

func checkCluster(t testing.TB, want deploy.ClusterSpec, got *deploy.ClusterState) {
	t.Helper()
	if got == nil {
		t.Fatal("there is no state")
	}
	leftToGKE(reflect.ValueOf(&want.Settings).Elem(), reflect.ValueOf(got.Settings))
	for key, pool := range want.Pools {
		leftToGKE(reflect.ValueOf(&pool).Elem(), reflect.ValueOf(got.Pools[key]))
		want.Pools[key] = pool
	}
	if diff := cmp.Diff(want, got.ClusterSpec, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	if got.Status != deploy.ClusterReady || len(got.Drift) > 0 {
		t.Errorf("status %s, drift %q", got.Status, got.Drift)
	}
}

func TestClusterUpdateChangesEverything(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	before := w.create(t)
	state, _, err := w.UpdateCluster(t.Context(), changedCluster(), before.ClusterSpec, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCluster(t, changedCluster(), state)
}

var clusterUpdateMethods = []string{
	"SetLabels", "UpdateCluster", "CreateNodePool", "UpdateNodePool", "SetNodePoolAutoscaling", "DeleteNodePool",
}

// A lost answer, before or after the effect, is settled by reading.
func TestClusterUpdateSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	for _, method := range clusterUpdateMethods {
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			t.Run(method+" "+string(when), func(t *testing.T) {
				t.Parallel()
				w := newClusterWorld(t, 10*time.Millisecond)
				before := w.create(t)
				if err := w.fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, When: when, Kind: fakegcp.FaultReset}); err != nil {
					t.Fatal(err)
				}
				state, _, err := w.UpdateCluster(t.Context(), changedCluster(), before.ClusterSpec, "")
				if err != nil {
					t.Fatal(err)
				}
				checkCluster(t, changedCluster(), state)
			})
		}
	}
}

// An update that fails half-way tells what is live, and the next one goes on from there.
func TestClusterUpdateGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	for _, method := range clusterUpdateMethods {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newClusterWorld(t, 10*time.Millisecond)
			before := w.create(t)
			err := w.fake.Inject(fakegcp.Fault{
				Method: method, Occurrence: 1, When: fakegcp.Before, Kind: fakegcp.FaultError, Code: codes.PermissionDenied, Message: "no",
			})
			if err != nil {
				t.Fatal(err)
			}
			reached, _, err := w.UpdateCluster(t.Context(), changedCluster(), before.ClusterSpec, "")
			if err == nil || reached == nil {
				t.Fatalf("state %v, error %v", reached, err)
			}
			if cmp.Equal(changedCluster(), reached.ClusterSpec, cmpopts.EquateEmpty()) {
				t.Error("the state claims that the update is complete")
			}
			state, _, err := w.UpdateCluster(t.Context(), changedCluster(), reached.ClusterSpec, "")
			if err != nil {
				t.Fatal(err)
			}
			checkCluster(t, changedCluster(), state)
		})
	}
}

func TestClusterUpdateWaitsForSomebodyElsesOperation(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 200*time.Millisecond)
	before := w.create(t)
	theirs := map[string]string{"theirs": "1"}
	live, err := w.GCP.Clusters().Get(t.Context(), before.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range live.GetResourceLabels() {
		theirs[key] = value
	}
	if _, err := w.GCP.Clusters().SetLabels(t.Context(), before.ID.String(), theirs, live.GetLabelFingerprint()); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.UpdateCluster(t.Context(), changedCluster(), before.ClusterSpec, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCluster(t, changedCluster(), state)
}
