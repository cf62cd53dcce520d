package deploy_test

import (
	"maps"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// sweepNamespace is one that somebody else has made.
const sweepNamespace = "sweep"

var makeSweepNamespace sync.Once

// newNamespacedWorld declares an app in the shared cluster, in a namespace that is there and that it shares.
func newNamespacedWorld(t *testing.T) serviceWorld {
	t.Helper()
	w := newGKEWorld(t)
	w.app.GKE.Namespace = sweepNamespace
	makeSweepNamespace.Do(func() {
		namespace := &unstructured.Unstructured{}
		namespace.SetGroupVersionKind(kube.Namespace)
		namespace.SetName(sweepNamespace)
		if _, _, err := w.kube().Apply(w.Context(), namespace, kube.ApplyOptions{FieldManager: "kubectl"}); err != nil {
			w.Fatal(err)
		}
	})
	return w
}

// sweptApp is the app that the sweep makes, changes and takes away. It has something of everything whose making or
// taking away is a call of its own: extend it with every attribute that adds one.
func (w serviceWorld) sweptApp() app.App {
	a := w.app
	a.Config = map[string]string{"LEVEL": "info", "EMPTY": ""}
	a.Secrets = map[string]string{"KEY": w.app.Secrets["KEY"], "OLD": w.secret(a.Name+"-old", "going")}
	a.Labels = map[string]string{"team": "shop"}
	worker := app.Process{Command: []string{"/app", "work"}, Scale: app.Scale{Min: 1, Max: 1, MinSet: true}}
	a.Processes = map[string]app.Process{"web": {Scale: app.Scale{Min: 2, Max: 4, MinSet: true}}, "worker": worker}
	if a.CloudRun != nil {
		run := *a.CloudRun
		run.Public, run.Invokers = true, []string{"user:a@acme.example"}
		a.CloudRun = &run
	}
	return a
}

// sweptChange is what the sweep changes that app to: other configuration, a secret less and another version of one, a
// process less and another one, other callers.
func (w serviceWorld) sweptChange(before app.App) app.App {
	a := before
	a.Config = map[string]string{"LEVEL": "debug"}
	a.Secrets = map[string]string{"KEY": w.secret(w.app.Name+"-key", "second")}
	a.Processes = maps.Clone(before.Processes)
	delete(a.Processes, "worker")
	a.Processes["mailer"] = app.Process{Command: []string{"/app", "mail"}, Scale: app.Scale{Min: 1, Max: 1, MinSet: true}}
	web := a.Processes["web"]
	if a.CloudRun == nil {
		web.Scale = app.Scale{Min: 2, Max: 2, MinSet: true} // no autoscaler any more
	} else {
		run := *a.CloudRun
		run.Public, run.Invokers = false, []string{"user:b@acme.example"}
		a.CloudRun = &run
	}
	a.Processes["web"] = web
	return a
}
