package deploy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// killer stands between a run and the Kubernetes API, and cuts the run off before or after its n-th change: what the run
// does after that never arrives, as when it was killed.
type killer struct {
	mu     sync.Mutex
	at     int // counted from 1; 0 never kills
	after  bool
	writes int
	dead   bool
	refuse bool // the change is refused instead, and the run goes on
	next   http.Handler
}

// arm begins another run.
func (k *killer) arm(at int, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at, k.after, k.writes, k.dead, k.refuse = at, after, 0, false, false
}

func (k *killer) struck() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	mine := false
	if r.Method != http.MethodGet && !k.dead {
		k.writes++
		mine = k.writes == k.at
	}
	refused := mine && k.refuse
	late := mine && k.after
	k.dead = k.dead || mine && !refused
	cut := k.dead && !late
	k.mu.Unlock()
	if refused {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"somebody may not do that","code":403}`)
		return
	}
	if cut {
		panic(http.ErrAbortHandler)
	}
	if late {
		k.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	k.next.ServeHTTP(w, r)
}

// deny begins a run whose n-th change is refused.
func (k *killer) deny(at int) {
	k.arm(at, false)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse = true
}

// proxy leads to the shared Kubernetes.
func (w serviceWorld) proxy() *httputil.ReverseProxy {
	w.Helper()
	shared, err := w.GCP.Clusters().Get(w.Context(), serviceCluster.String())
	if err != nil {
		w.Fatal(err)
	}
	authority, err := base64.StdEncoding.DecodeString(shared.GetMasterAuth().GetClusterCaCertificate())
	if err != nil {
		w.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "https", Host: shared.GetEndpoint()}) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		ErrorLog:  log.New(io.Discard, "", 0), // of requests that the caller has given up
	}
}

// killable makes a cluster whose Kubernetes is the shared one, behind a killer.
func (w serviceWorld) killable() (*killer, names.ClusterID) {
	w.Helper()
	k := &killer{next: w.proxy()}
	server := httptest.NewTLSServer(k)
	w.Cleanup(server.Close)
	id := serviceCluster
	id.Name = "kill-" + randomHex(w.T)
	op, err := w.GCP.Clusters().Create(w.Context(), id.Parent(), &containerpb.Cluster{
		Name: id.Name, NodePools: []*containerpb.NodePool{{Name: "base", InitialNodeCount: 1}},
	})
	if err == nil {
		err = w.GCP.Clusters().WaitOperation(w.Context(), id.Parent(), op)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = w.fake.Remove(id.String()) })
	err = w.fake.UpdateCluster(id.String(), func(c *containerpb.Cluster) {
		c.Endpoint = server.Listener.Addr().String()
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		c.MasterAuth.ClusterCaCertificate = base64.StdEncoding.EncodeToString(certificate)
	})
	if err != nil {
		w.Fatal(err)
	}
	return k, id
}

// sweep kills a run before and after each of its changes. prepare brings about what the run begins with, again what the
// next run does.
func (w serviceWorld) sweep(k *killer, name string, prepare func(), run func(*deploy.Cloud), again func(string)) {
	w.Helper()
	for n := 1; ; n++ {
		for _, after := range []bool{false, true} {
			prepare()
			k.arm(n, after)
			cloud := serviceCloud(w.T, w.fake, "test")
			cloud.Finisher = &deploy.Finisher{}
			run(cloud)
			struck := k.struck()
			k.arm(0, false)
			again(fmt.Sprintf("%s killed at write %d, after its effect: %v", name, n, after))
			if !struck {
				if n == 1 {
					w.Errorf("%s changes nothing, so nothing was tried", name)
				}
				return
			}
		}
	}
}

func TestNamespaceConvergesAfterKills(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	k, cluster := w.killable()
	w.app.GKE.Cluster = cluster.String()
	full := func(n *app.Namespace) {
		n.Labels = map[string]string{"team": "web"}
		n.Quota = map[string]string{"pods": "50"}
		n.Limits = &app.NamespaceLimits{DefaultRequest: map[string]string{"cpu": "100m"}}
		n.Network = &app.NamespaceNetwork{EgressTo: []string{"10.0.0.0/8:5432"}}
	}
	open := func(n *app.Namespace) { n.DefaultDeny = false }
	ctx := t.Context()
	settled := func(when string, want func(*app.Namespace)) {
		t.Helper()
		state, _, err := w.ReadNamespace(ctx, w.namespaceSpec(want))
		if err != nil || state == nil || state.Status != deploy.NamespaceReady || len(state.Drift) > 0 {
			t.Errorf("%s: %+v, %v", when, state, err)
		}
	}
	none := func() {
		if _, err := w.DeleteNamespace(ctx, w.namespaceSpec(nil)); err != nil {
			t.Fatal(err)
		}
	}
	w.sweep(k, "create", none,
		func(c *deploy.Cloud) { _, _, _ = c.CreateNamespace(ctx, w.namespaceSpec(full)) },
		func(when string) { // the state is lost
			finisher := &deploy.Finisher{}
			cloud := serviceCloud(t, w.fake, "test")
			cloud.Finisher = finisher
			if state, _, err := cloud.CreateNamespace(ctx, w.namespaceSpec(full)); err != nil || state.Status != deploy.NamespaceReady {
				t.Errorf("%s: %+v, %v", when, state, err)
			}
			if err := finisher.Finish(context.WithoutCancel(ctx)); err != nil {
				t.Errorf("%s: %v", when, err)
			}
			settled(when, full)
		})
	for _, to := range []func(*app.Namespace){full, open} {
		from := map[bool]func(*app.Namespace){true: open, false: full}[w.namespaceSpec(to).Declared.DefaultDeny]
		update := func(c *deploy.Cloud, to func(*app.Namespace)) error {
			_, _, err := c.UpdateNamespace(ctx, w.namespaceSpec(to))
			return err
		}
		w.sweep(k, "update", func() {
			if err := update(w.Cloud, from); err != nil {
				t.Fatal(err)
			}
		}, func(c *deploy.Cloud) { _ = update(c, to) }, func(when string) {
			if err := update(w.Cloud, to); err != nil {
				t.Errorf("%s: %v", when, err)
			}
			settled(when, to)
		})
	}
	w.sweep(k, "delete", func() {
		if _, _, err := w.UpdateNamespace(ctx, w.namespaceSpec(full)); err != nil {
			t.Fatal(err)
		}
	}, func(c *deploy.Cloud) { _, _ = c.DeleteNamespace(ctx, w.namespaceSpec(full)) }, func(when string) {
		w.deleteNamespace(full)
	})
}
