package deploy_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// newLostWorld is a service in a cluster whose Kubernetes API is a handler.
func newLostWorld(t *testing.T, handler http.HandlerFunc, trouble func(*containerpb.Cluster)) serviceWorld {
	t.Helper()
	fake, err := fakegcp.Start(fakegcp.Options{OperationTime: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	client := gcp.New(gcp.Options{EmulatorHost: fake.Addr(), PollInterval: 5 * time.Millisecond, RequestTimeout: 200 * time.Millisecond})
	t.Cleanup(func() { _ = client.Close() })
	w := serviceWorld{t, &deploy.Cloud{GCP: client, Clock: clock.Real{}, Stamp: names.Stamp{Stack: "test"}, AdoptInterrupted: true}, fake, app.App{
		Name: "shop", Image: "asia-docker.pkg.dev/acme/shop/web:1", GKE: &app.GKE{Cluster: serviceCluster.String(), Namespace: "shop"},
		Processes: map[string]app.Process{"web": {}},
	}}
	op, err := client.Clusters().Create(t.Context(), serviceCluster.Parent(), &containerpb.Cluster{
		Name:                   serviceCluster.Name,
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: names.WorkloadPool(serviceCluster.Project)},
		NodePools:              []*containerpb.NodePool{{Name: "base", InitialNodeCount: 1, Config: &containerpb.NodeConfig{}}},
	})
	if err == nil {
		err = client.Clusters().WaitOperation(t.Context(), serviceCluster.Parent(), op)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	err = fake.UpdateCluster(serviceCluster.String(), func(c *containerpb.Cluster) {
		c.Endpoint = strings.TrimPrefix(server.URL, "https://")
		c.MasterAuth = &containerpb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(authority)}
		if trouble != nil {
			trouble(c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func answers(code int, reason metav1.StatusReason) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: "no",
		})
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// A cluster that is there and tells nothing: the state is kept with a warning, a check refuses nothing, and what has to
// change something fails with a way out, all of it in bounded time.
func TestServiceWhoseClusterTellsNothing(t *testing.T) {
	t.Parallel()
	status := func(s containerpb.Cluster_Status) func(*containerpb.Cluster) {
		return func(c *containerpb.Cluster) { c.Status = s }
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		trouble func(*containerpb.Cluster)
		says    string
	}{
		"hangs":               {handler: hangs, says: "does not answer"},
		"always busy":         {handler: answers(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable), says: "does not answer"},
		"forbidden":           {handler: answers(http.StatusForbidden, metav1.StatusReasonForbidden), says: "may not read"},
		"unauthorized":        {handler: answers(http.StatusUnauthorized, metav1.StatusReasonUnauthorized), says: "may not read"},
		"refuses connections": {handler: hangs, says: "does not answer", trouble: func(c *containerpb.Cluster) { c.Endpoint = "127.0.0.1:1" }},
		"without certificate": {handler: hangs, says: "cannot be connected to", trouble: func(c *containerpb.Cluster) { c.MasterAuth = nil }},
		"in error":            {handler: hangs, says: "cannot be used", trouble: status(containerpb.Cluster_ERROR)},
		"being created":       {handler: hangs, says: "still being created", trouble: status(containerpb.Cluster_PROVISIONING)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLostWorld(t, c.handler, c.trouble)
			began := time.Now()
			state, notices, err := w.ReadService(t.Context(), w.app)
			if err != nil || state == nil || !state.Unreachable || len(notices) != 1 || !strings.Contains(notices[0].Detail, c.says) {
				t.Errorf("read: %s, notices %v, error %v", shown(state), notices, err)
			}
			namespace, notices, err := w.ReadNamespace(t.Context(), w.namespaceSpec(nil))
			if err != nil || namespace == nil || !namespace.Unreachable || len(notices) != 1 || !strings.Contains(notices[0].Detail, c.says) {
				t.Errorf("read of the namespace: %+v, notices %v, error %v", namespace, notices, err)
			}
			verdict := w.CheckService(t.Context(), w.spec(w.app))
			if notice := verdict.Unchecked(w.app); len(verdict.Refusals) > 0 || notice == nil {
				t.Errorf("check: refusals %v, unchecked %v", verdict.Refusals, notice)
			}
			short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if name == "being created" { // which is waited for
				short, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
			}
			defer cancel()
			if _, _, err := w.UpdateService(short, w.spec(w.app)); err == nil {
				t.Error("an update succeeded")
			}
			if name == "being created" {
				return
			}
			var told *deploy.Error
			if _, err := w.DeleteService(short, w.app); !errors.As(err, &told) {
				t.Errorf("delete: %v", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("all of it took %s", took)
			}
		})
	}
}

// A cluster that is gone or going took the service along: a read tells so, a deletion ends, an update and an import say
// what is missing, a check has nobody to ask.
func TestServiceWhoseClusterIsGone(t *testing.T) {
	t.Parallel()
	for name, vanish := range map[string]func(serviceWorld){
		"gone": func(w serviceWorld) {
			if err := w.fake.Remove(serviceCluster.String()); err != nil {
				w.Fatal(err)
			}
		},
		"going": func(w serviceWorld) {
			if err := w.fake.UpdateCluster(serviceCluster.String(), func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_STOPPING }); err != nil {
				w.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLostWorld(t, hangs, nil)
			vanish(w)
			imported := app.App{Name: w.app.Name, GKE: w.app.GKE}
			for _, known := range []app.App{w.app, imported} {
				state, notices, err := w.ReadService(t.Context(), known)
				if err != nil || state != nil || len(notices) != 1 || !strings.Contains(notices[0].Summary, "gone with its cluster") {
					t.Errorf("read: %s, notices %v, error %v", shown(state), notices, err)
				}
				if notices, err := w.DeleteService(t.Context(), known); err != nil || len(notices) > 0 {
					t.Errorf("delete: notices %v, error %v", notices, err)
				}
			}
			var told *deploy.Error
			if _, _, err := w.UpdateService(t.Context(), w.spec(w.app)); !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"gke", "cluster"}) {
				t.Errorf("update: %v", err)
			}
			if state, _, err := w.CreateService(t.Context(), w.spec(w.app)); state != nil || !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"gke", "cluster"}) {
				t.Errorf("create: %s, %v", shown(state), err)
			}
			verdict := w.CheckService(t.Context(), w.spec(w.app))
			if notice := verdict.Unchecked(w.app); len(verdict.Refusals) > 0 || notice == nil {
				t.Errorf("check: refusals %v, unchecked %v", verdict.Refusals, notice)
			}
		})
	}
}

// The cluster goes in the middle of a deletion: that ends all the same.
func TestClusterGoesDuringADeletion(t *testing.T) {
	t.Parallel()
	var w serviceWorld
	var once sync.Once
	w = newLostWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			if err := w.fake.Remove(serviceCluster.String()); err != nil {
				t.Error(err)
			}
		})
		answers(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)(rw, r)
	}, nil)
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) > 0 {
		t.Errorf("notices %v, error %v", notices, err)
	}
}
