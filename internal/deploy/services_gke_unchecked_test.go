package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// What nothing checks is ready as soon as it is started. That it crashes a moment later is seen all the same, and the pods
// before serve on: those of the process at fault, and those of the others.
func TestGKECrashOfWhatNothingChecks(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		declare func(a *app.App, image string)
		at      string
	}{
		"a worker alone": {func(a *app.App, image string) {
			a.Image, a.Processes = image, map[string]app.Process{"worker": {Command: []string{"/app", "work"}}}
		}, "processes.worker"},
		"a worker's sidecar": {func(a *app.App, image string) {
			a.Sidecars = map[string]app.Sidecar{"proxy": {Image: image, Processes: []string{"worker"}}}
		}, "sidecars.proxy"},
		"a sidecar of web": {func(a *app.App, image string) {
			a.Sidecars = map[string]app.Sidecar{"proxy": {Image: image, Processes: []string{"web"}}}
		}, "sidecars.proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newGKEWorld(t)
			runs, crashes := "gcr.io/acme/"+w.app.Name+":1", "gcr.io/acme/"+w.app.Name+":2"
			if err := w.fake.SetImage(crashes, fakegcp.ImageExits(7)); err != nil {
				t.Fatal(err)
			}
			broken := w.app
			row.declare(&w.app, runs)
			row.declare(&broken, crashes)
			good := w.app

			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			state, notices, err := w.CreateService(ctx, w.spec(broken))
			// Where web serves, the create is kept with a warning.
			if said := fmt.Sprint(err, notices); !strings.Contains(said, "CrashLoopBackOff") || state.Status == deploy.ServiceReady {
				t.Errorf("the create says %s, %s", said, shown(state))
			}
			w.app = broken
			w.remove()

			w.app = good
			w.create()
			stop := w.watchAvailable()
			state, _, err = w.UpdateService(ctx, w.spec(broken))
			var told *deploy.Error
			if !errors.As(err, &told) || strings.Join(told.Attribute, ".") != row.at {
				t.Errorf("the update fails with %v, want something at %q", err, row.at)
			}
			if state != nil && state.Status == deploy.ServiceReady {
				t.Errorf("after the failed update: %s", shown(state))
			}
			w.update(good)
			stop()
			w.remove()
		})
	}
}

// watchAvailable demands that none of the Deployments ever has fewer available pods than now.
func (w serviceWorld) watchAvailable() (stop func()) {
	w.Helper()
	k := w.kube()
	available := func() map[string]int64 {
		all, err := k.List(context.WithoutCancel(w.Context()), kube.Deployment, w.app.GKE.Namespace, "")
		if err != nil {
			w.Error(err)
		}
		found := map[string]int64{}
		for _, d := range all {
			found[d.GetName()], _, _ = unstructured.NestedInt64(d.Object, "status", "availableReplicas")
		}
		return found
	}
	before, end, ended := available(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var told []string
		for {
			for name, count := range available() {
				if count < before[name] && !slices.Contains(told, name) {
					told = append(told, name)
					w.Errorf("%s has %d available pods, before %d", name, count, before[name])
				}
			}
			select {
			case <-end:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() { close(end); <-ended }
}
