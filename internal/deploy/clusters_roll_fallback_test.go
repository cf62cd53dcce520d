package deploy_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// playKubernetes puts a server that a test writes behind a cluster's endpoint.
func (w clusterWorld) playKubernetes(t *testing.T, id string, handler http.HandlerFunc) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if _, err := x509.ParseCertificate(server.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	err := w.fake.UpdateCluster(id, func(c *containerpb.Cluster) {
		c.Endpoint = strings.TrimPrefix(server.URL, "https://")
		c.MasterAuth.ClusterCaCertificate = base64.StdEncoding.EncodeToString(certificate)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func answerStatus(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: int32(code), Reason: reason, Message: message,
	})
}

func answerNothing(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	kind := "NodeList"
	if strings.Contains(r.URL.Path, "pods") {
		kind = "PodList"
	}
	_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"` + kind + `","metadata":{},"items":[]}`))
}

// spotCluster is smallCluster with its Spot pool, which may be empty, made preemptible.
func spotCluster() deploy.ClusterSpec {
	spec := smallCluster()
	pool := spec.Pools["spot"]
	pool.Capacity = deploy.PoolPreemptible
	spec.Pools["spot"] = pool
	return spec
}

// Who may not see or close nodes, or evict pods, leaves it to GKE and is told what to grant.
func TestClusterRollIsLeftToGKEByACallerThatKubernetesRefuses(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 10*time.Millisecond)
	before := w.create(t)
	w.playKubernetes(t, before.ID.String(), func(rw http.ResponseWriter, _ *http.Request) {
		answerStatus(rw, http.StatusForbidden, metav1.StatusReasonForbidden, `nodes is forbidden: User "deployer" cannot list resource "nodes"`)
	})
	state, notices, err := w.UpdateCluster(t.Context(), spotCluster(), before.ClusterSpec, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCluster(t, spotCluster(), state)
	if len(notices) != 1 || !strings.Contains(notices[0].Detail, "container.pods.evict") || !strings.Contains(notices[0].Detail, `User "deployer" cannot list`) {
		t.Errorf("notices %v", notices)
	}
}

// A control plane that is restarted is waited for: nothing is left to GKE for that.
func TestClusterRollWaitsForARestartedControlPlane(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 10*time.Millisecond)
	before := w.create(t)
	var calls atomic.Int32
	w.playKubernetes(t, before.ID.String(), func(rw http.ResponseWriter, r *http.Request) {
		if n := calls.Add(1); n <= 7 || n > 10 && n <= 17 {
			answerStatus(rw, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is starting")
			return
		}
		answerNothing(rw, r)
	})
	state, notices, err := w.UpdateCluster(t.Context(), spotCluster(), before.ClusterSpec, "")
	if err != nil || len(notices) > 0 {
		t.Fatalf("%v, notices %v", err, notices)
	}
	checkCluster(t, spotCluster(), state)
}

// A pool that never gets a node takes nothing over: the old one is neither closed nor deleted.
func TestClusterRollKeepsTheOldPoolWhileTheNewOneHasNoNode(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 10*time.Millisecond)
	before := w.create(t)
	w.playKubernetes(t, before.ID.String(), func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		answerNothing(rw, r)
	})
	spec := smallCluster()
	base := spec.Pools["base"]
	base.Capacity = deploy.PoolPreemptible
	spec.Pools["base"] = base
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	state, _, err := w.UpdateCluster(ctx, spec, before.ClusterSpec, "")
	if err == nil || !strings.Contains(err.Error(), "has no node that is ready") || !strings.Contains(err.Error(), "goes on serving") {
		t.Errorf("the update ended with %v", err)
	}
	if state == nil || state.Pools["base"].Capacity != deploy.PoolOnDemand || state.Pools["base"].MaxNodes != 3 {
		t.Errorf("the state is %+v", state)
	}
	if n := w.effects("SetNodePoolAutoscaling") + w.effects("DeleteNodePool"); n > 0 {
		t.Errorf("%d calls touched the old pool", n)
	}
}

// Where there are no machines for the new pool the old one goes on serving, and a later apply has GKE try again.
func TestClusterRollInAStockout(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, 10*time.Millisecond)
	before := w.create(t)
	if err := w.fake.SetStockout("", true); err != nil {
		t.Fatal(err)
	}
	spec := smallCluster()
	base := spec.Pools["base"]
	base.Capacity = deploy.PoolPreemptible
	spec.Pools["base"] = base
	state := before
	for range 2 {
		reached, _, err := w.UpdateCluster(t.Context(), spec, state.ClusterSpec, "")
		if err == nil || !strings.Contains(err.Error(), "does not have enough resources") || !strings.Contains(err.Error(), `"base", which was to be replaced, goes on serving`) || reached == nil {
			t.Fatalf("state %v, %v", reached, err)
		}
		if state = reached; state.Status != deploy.ClusterDegraded || state.Pools["base"].Capacity != deploy.PoolOnDemand {
			t.Errorf("the state is %+v", state)
		}
	}
	if n := w.effects("DeleteNodePool"); n > 0 {
		t.Errorf("%d pools were deleted", n)
	}
	if err := w.fake.SetStockout("", false); err != nil {
		t.Fatal(err)
	}
	// The fake goes on trying by itself, as instance groups do; this one is to have given up.
	err := w.fake.UpdateCluster(before.ID.String(), func(c *containerpb.Cluster) {
		for _, pool := range c.GetNodePools() {
			if pool.GetConfig().GetPreemptible() {
				pool.Status = containerpb.NodePool_RUNNING_WITH_ERROR
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	state, _, err = w.UpdateCluster(t.Context(), spec, state.ClusterSpec, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCluster(t, spec, state)
	for method, want := range map[string]int{"CreateNodePool": 1, "SetNodePoolAutoscaling": 3, "DeleteNodePool": 1} {
		if got := w.effects(method); got != want {
			t.Errorf("%s took place %d times, want %d", method, got, want)
		}
	}
}
