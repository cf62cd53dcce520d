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
	a.ConfigFiles = filesOf("/etc/shop/app.conf", "level = info\n", "/etc/shop/old.conf", "going")
	a.SecretFiles = map[string]string{"/run/shop/key": w.secret(a.Name+"-file", "first")}
	a.Labels = map[string]string{"team": "shop"}
	a.Sidecars = map[string]app.Sidecar{"proxy": w.besides("1", map[string]string{"TOKEN": w.secret(a.Name+"-proxy", "going")})}
	a.Processes = map[string]app.Process{"web": {Scale: app.Scale{Min: 2, Max: 4, MinSet: true}}, "worker": w.background("work")}
	if a.CloudRun != nil {
		run := *a.CloudRun
		run.Public, run.Invokers = true, []string{"user:a@acme.example"}
		a.CloudRun = &run
	}
	return a
}

// background is a process without requests. On GKE it has a readiness check, which spares the sweep the time that what
// nothing checks has to run.
func (w serviceWorld) background(does string) app.Process {
	p := app.Process{Command: []string{"/app", does}, Scale: app.Scale{Min: 1, Max: 1, MinSet: true}}
	if w.app.GKE != nil {
		p.Port, p.Readiness = 9090, &app.Probe{TCP: true}
	}
	return p
}

// besides is a sidecar, likewise.
func (w serviceWorld) besides(tag string, secrets map[string]string) app.Sidecar {
	s := app.Sidecar{Image: "gcr.io/acme/proxy:" + tag, Port: 9001, Startup: &app.Probe{TCP: true}, Secrets: secrets}
	if w.app.GKE != nil {
		s.Readiness = &app.Probe{TCP: true}
	}
	return s
}

// sweptChange is what the sweep changes that app to: other configuration, files and sidecar, secrets less and another version of
// one, a process less and another one, other callers.
func (w serviceWorld) sweptChange(before app.App) app.App {
	a := before
	a.Config = map[string]string{"LEVEL": "debug"}
	a.Secrets = map[string]string{"KEY": w.secret(w.app.Name+"-key", "second")}
	a.ConfigFiles = filesOf("/etc/shop/app.conf", "level = debug\n")
	a.SecretFiles = map[string]string{"/run/shop/key": w.secret(w.app.Name+"-other", "second")}
	a.Sidecars = map[string]app.Sidecar{"proxy": w.besides("2", nil)}
	a.Processes = maps.Clone(before.Processes)
	delete(a.Processes, "worker")
	a.Processes["mailer"] = w.background("mail")
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
