package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestClusterCreateWhoseAnswerIsLostHappensOnce(t *testing.T) {
	t.Parallel()
	for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
		w := newClusterWorld(t, 20*time.Millisecond)
		if err := w.fake.Inject(fakegcp.Fault{Method: "CreateCluster", Occurrence: 1, When: when, Kind: fakegcp.FaultReset}); err != nil {
			t.Fatal(err)
		}
		checkCluster(t, smallCluster(), w.create(t))
		if objects, err := w.fake.Objects(); err != nil || len(objects) == 0 {
			t.Errorf("%s: objects %v, %v", when, objects, err)
		}
	}
}

func TestClusterCreateRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	err := w.fake.Inject(fakegcp.Fault{
		Method: "CreateCluster", Occurrence: 1, When: fakegcp.Before, Kind: fakegcp.FaultError, Code: codes.PermissionDenied, Message: "no",
	})
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	var failure *deploy.Error
	if state != nil || !errors.As(err, &failure) {
		t.Errorf("state %v, error %v", state, err)
	}
}

func TestClusterCreateThatTimesOutIsFinishedByAnUpdate(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true}))
	ctx, end := context.WithCancelCause(t.Context())
	go w.atHeld(t, func() { end(context.DeadlineExceeded) })
	state, notices, err := w.CreateCluster(ctx, smallCluster(), clusterTimeout)
	if err != nil || len(notices) != 1 || state.Status != deploy.ClusterCreating {
		t.Fatalf("state %v, notices %v, error %v", state, notices, err)
	}
	go w.whenHeld(t, func() {})
	state, _, err = w.UpdateCluster(t.Context(), smallCluster(), state.ClusterSpec, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCluster(t, smallCluster(), state)
	if n := w.effects("CreateCluster"); n != 1 {
		t.Errorf("CreateCluster took place %d times", n)
	}
}

func TestClusterCreateInAStockout(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	if err := w.fake.SetStockout("asia-northeast1-b", true); err != nil {
		t.Fatal(err)
	}
	state, notices, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	if err != nil || len(notices) != 1 || state.Status != deploy.ClusterDegraded {
		t.Fatalf("one zone: state %v, notices %v, error %v", state, notices, err)
	}
	if !strings.Contains(notices[0].Detail, "does not have enough resources") {
		t.Errorf("one zone: the notice does not give GKE's reason: %s", notices[0].Detail)
	}
	if err := w.fake.SetStockout("asia-northeast1-b", false); err != nil {
		t.Fatal(err)
	}
	state, _, err = w.UpdateCluster(t.Context(), smallCluster(), state.ClusterSpec, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCluster(t, smallCluster(), state)
}

func TestClusterThatFailsToStartIsAnErrorWithItsReason(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 20*time.Millisecond)
	if err := w.fake.SetStockout("", true); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
	if err == nil || state == nil || state.Status != deploy.ClusterFailed {
		t.Fatalf("state %v, error %v", state, err)
	}
	if !strings.Contains(err.Error(), "does not have enough resources") {
		t.Errorf("the error does not give GKE's reason: %v", err)
	}
}

func TestClusterAdoption(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		finished bool
		stack    string
		off      bool
		want     bool
	}{
		"an unfinished create of this stack is taken over":      {stack: "test", want: true},
		"a finished cluster is not":                             {stack: "test", finished: true},
		"nor is another stack's create":                         {stack: "other"},
		"nor any, when that is switched off":                    {stack: "test", off: true},
		"without a stack, nothing of a deployment with a stack": {stack: ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newClusterWorld(t, 100*time.Millisecond)
			if test.finished {
				w.create(t)
			} else {
				must(t, w.fake.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true}))
				ctx, interrupt := context.WithCancel(t.Context())
				go w.atHeld(t, interrupt)
				if _, _, err := w.CreateCluster(ctx, smallCluster(), clusterTimeout); err != nil {
					t.Fatal(err)
				}
				_, err := w.fake.ReleaseOperations("")
				must(t, err)
			}
			second := clusterCloud(t, w.fake, test.stack)
			second.AdoptInterrupted = !test.off
			state, notices, err := second.CreateCluster(t.Context(), smallCluster(), clusterTimeout)
			if test.want {
				if err != nil || len(notices) != 1 {
					t.Fatalf("notices %v, error %v", notices, err)
				}
				checkCluster(t, smallCluster(), state)
				return
			}
			var refusal *deploy.Error
			if state != nil || !errors.As(err, &refusal) || !strings.Contains(refusal.Fix, "import {") {
				t.Errorf("state %v, error %v", state, err)
			}
		})
	}
}
