package deploy_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// newSwitchedWorld is a service in the shared Kubernetes, behind an endpoint of its own that answers in another way while
// instead is set. Google Cloud is its own, too. looks counts the looks at the pods of a release: who looks has written
// everything, and waits.
func newSwitchedWorld(t *testing.T) (w, direct serviceWorld, instead *atomic.Pointer[http.HandlerFunc], looks *atomic.Int64) {
	t.Helper()
	direct = newGKEWorld(t)
	proxy := direct.proxy()
	instead, looks = &atomic.Pointer[http.HandlerFunc]{}, &atomic.Int64{}
	w = newLostWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if other := instead.Load(); other != nil {
			(*other)(rw, r)
			return
		}
		proxy.ServeHTTP(rw, r)
		if strings.HasSuffix(r.URL.Path, "/pods") && strings.Contains(r.URL.Query().Get("labelSelector"), "pod-template-hash") {
			looks.Add(1)
		}
	}, nil)
	// More than other worlds of this kind have: these requests reach a Kubernetes that many share.
	w.GCP = gcp.New(gcp.Options{EmulatorHost: w.fake.Addr(), PollInterval: 20 * time.Millisecond, RequestTimeout: 2 * time.Second})
	t.Cleanup(func() { _ = w.GCP.Close() })
	w.app.Name, w.app.GKE.Namespace = direct.app.Name, direct.app.Name
	w.app.Processes = direct.app.Processes
	return w, direct, instead, looks
}

// A cluster that is away when a service is to be made or changed, or that refuses the caller: the error says so, nothing is
// left or lost, what serves goes on serving, and the same apply works when it is back.
func TestGKEClusterThatGoesAway(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"hangs":   {hangs, "does not answer"},
		"busy":    {answers(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable), "does not answer"},
		"refuses": {answers(http.StatusForbidden, metav1.StatusReasonForbidden), "roles/container.developer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, direct, instead, _ := newSwitchedWorld(t)
			bring := func(what string, do func(context.Context) (*deploy.ServiceState, []deploy.Notice, error)) *deploy.ServiceState {
				t.Helper()
				instead.Store(&row.handler)
				defer instead.Store(nil)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				state, _, err := do(ctx)
				var told *deploy.Error
				if !errors.As(err, &told) || !strings.Contains(told.Error()+told.Why+told.Fix, row.says) || !slices.Equal(told.Attribute, []string{"gke", "cluster"}) {
					t.Errorf("the %s ends with %+v", what, err)
				}
				return state
			}
			state := bring("create", func(ctx context.Context) (*deploy.ServiceState, []deploy.Notice, error) {
				return w.CreateService(ctx, w.spec(w.app))
			})
			if state != nil {
				t.Errorf("the create that reached nothing left %s", shown(state))
			}
			w.create()
			uid := w.live(w.ref(kube.Deployment, w.app.Name+"-web")).GetUID()
			stop := direct.watchAvailable()
			changed := w.app
			changed.Config = map[string]string{"LEVEL": "debug"}
			bring("update", func(ctx context.Context) (*deploy.ServiceState, []deploy.Notice, error) {
				return w.UpdateService(ctx, w.spec(changed))
			})
			if read := w.read(); read.Status != deploy.ServiceReady || read.App.Config["LEVEL"] == "debug" {
				t.Errorf("the service is not what it was: %s", shown(read))
			}
			w.update(changed)
			stop()
			if now := w.live(w.ref(kube.Deployment, w.app.Name+"-web")).GetUID(); now != uid {
				t.Error("the Deployment was replaced")
			}
			w.app = changed
			w.removeFrom(t)
		})
	}
}

// The API server goes away in the middle of a rollout, and an autoscaler or somebody else changes the replicas meanwhile: the
// apply waits, and ends well.
func TestGKEClusterThatGoesAwayDuringARollout(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"hangs": hangs, "busy": answers(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, direct, instead, looks := newSwitchedWorld(t)
			w.create()
			stop := direct.watchAvailable()
			changed := w.app
			changed.Image = "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":2"
			if err := serviceFake.SetImage(changed.Image, fakegcp.ImageSlow); err != nil {
				t.Fatal(err)
			}
			ended, before := make(chan error, 1), looks.Load()
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				state, _, err := w.UpdateService(ctx, w.spec(changed))
				if err == nil && state.Status != deploy.ServiceReady {
					err = errors.New(shown(state))
				}
				ended <- err
			}()
			web := w.ref(kube.Deployment, w.app.Name+"-web")
			direct.untilUpdated(web)
			w.until("a look at the pods", func() bool { return looks.Load() > before })
			instead.Store(&handler)
			scaled := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": int64(3)}}}
			scaled.SetGroupVersionKind(web.GVK)
			scaled.SetNamespace(web.Namespace)
			scaled.SetName(web.Name)
			if _, _, err := direct.kube().Apply(t.Context(), scaled, kube.ApplyOptions{FieldManager: "autoscaler", Force: true}); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				t.Errorf("the update ended while the cluster was away: %v", err)
				ended <- err
			case <-time.After(2 * time.Second):
			}
			instead.Store(nil)
			if err := <-ended; err != nil {
				t.Errorf("the update: %v", err)
			}
			stop()
			if n, _, _ := unstructured.NestedInt64(direct.live(web).Object, "spec", "replicas"); n != 3 {
				t.Errorf("%d replicas, the autoscaler has set 3", n)
			}
			w.app = changed
			w.removeFrom(t)
		})
	}
}

// untilUpdated waits for pods of a new release.
func (w serviceWorld) untilUpdated(deployment kube.Ref) {
	w.Helper()
	w.until("pods of a new release", func() bool {
		d := w.live(deployment)
		updated, _, _ := unstructured.NestedInt64(d.Object, "status", "updatedReplicas")
		total, _, _ := unstructured.NestedInt64(d.Object, "status", "replicas")
		return updated > 0 && updated < total
	})
}

// removeFrom deletes the service from the shared Kubernetes.
func (w serviceWorld) removeFrom(t *testing.T) {
	t.Helper()
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) > 0 {
		t.Errorf("delete: notices %v, error %v", notices, err)
	}
}
