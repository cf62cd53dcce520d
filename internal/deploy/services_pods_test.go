package deploy_test

import (
	"context"
	"errors"
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

// failedAt creates the declared app, which must fail, and gives the attribute at fault and the whole text.
func (w serviceWorld) failedAt() (attribute, text string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	state, _, err := w.CreateService(ctx, w.spec(w.app))
	var told *deploy.Error
	if !errors.As(err, &told) {
		w.Fatalf("create: %s, error %v", shown(state), err)
	}
	return strings.Join(told.Attribute, "."), told.Error() + told.Why + told.Fix
}

// What keeps a pod from starting is named: the wait for the identity, its image, a sidecar.
func TestGKEFailuresBesideTheProcessAreNamed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		behaviour fakegcp.Behaviour
		declare   func(a *app.App, image string)
		want      string
	}{
		"no identity": {fakegcp.ImageCrashes, func(a *app.App, image string) {
			a.GKE.IdentityWait = &app.IdentityWait{Image: image}
		}, "gke.identity_wait"},
		"no image to wait with": {fakegcp.ImageMissing, func(a *app.App, image string) {
			a.GKE.IdentityWait = &app.IdentityWait{Image: image}
		}, "gke.identity_wait.image"},
		"a sidecar that crashes": {fakegcp.ImageCrashes, func(a *app.App, image string) {
			// Without a check it would count as running for the moment that it does.
			a.Sidecars = map[string]app.Sidecar{"proxy": {Image: image, Port: 9001, Startup: &app.Probe{TCP: true}}}
		}, "sidecars.proxy"},
		"a sidecar's image": {fakegcp.ImageMissing, func(a *app.App, image string) {
			a.Sidecars = map[string]app.Sidecar{"proxy": {Image: image}}
		}, "sidecars.proxy.image"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newGKEWorld(t)
			image := "gcr.io/acme/" + w.app.Name + ":1"
			if err := w.fake.SetImage(image, row.behaviour); err != nil {
				t.Fatal(err)
			}
			row.declare(&w.app, image)
			if at, text := w.failedAt(); at != row.want {
				t.Errorf("the failure is at %q, want %q: %s", at, row.want, text)
			}
			w.remove()
		})
	}
}

// A sidecar's secret is granted, written under a key of its own, and taken back with the sidecar.
func TestSecretsOfSidecars(t *testing.T) {
	t.Parallel()
	for name, newWorld := range map[string]func(*testing.T) serviceWorld{"GKE": newGKEWorld, "Cloud Run": newRunWorld} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			version := w.secret(w.app.Name+"-proxy", "of the sidecar")
			bare := w.app
			w.app.Sidecars = map[string]app.Sidecar{"proxy": {Image: "gcr.io/acme/proxy:1", Secrets: map[string]string{"KEY": version}}}
			granted := strings.TrimSuffix(version, "/versions/1") + " roles/secretmanager.secretAccessor "
			has := func(state *deploy.ServiceState) bool {
				return slices.ContainsFunc(state.Objects, func(o string) bool { return strings.HasPrefix(o, granted) })
			}
			if made := w.create(); !has(made) {
				t.Errorf("the sidecar's secret is not granted: %q", made.Objects)
			}
			if read := w.read(); read.App.Sidecars["proxy"].Secrets["KEY"] != version || len(read.Drift) > 0 {
				t.Errorf("read: %+v, %s", read.App.Sidecars, shown(read))
			}
			if w.app.GKE != nil {
				w.checkSecretKeys("KEY", "proxy.KEY")
			}
			if after := w.update(bare); has(after) {
				t.Errorf("the grant stays without the sidecar: %q", after.Objects)
			}
			w.remove()
		})
	}
}

func (w serviceWorld) checkSecretKeys(want ...string) {
	w.Helper()
	secrets, err := w.kube().List(w.Context(), kube.Secret, w.app.GKE.Namespace, "")
	if err != nil || len(secrets) != 1 {
		w.Fatalf("%d Secrets, %v", len(secrets), err)
	}
	pods := w.live(w.ref(kube.Deployment, w.app.Name+"-web"))
	first, _, _ := unstructured.NestedSlice(pods.Object, "spec", "template", "spec", "initContainers")
	containers, _, _ := unstructured.NestedSlice(pods.Object, "spec", "template", "spec", "containers")
	var keys []string
	for _, c := range append(containers, first...) {
		env, _, _ := unstructured.NestedSlice(c.(map[string]any), "env")
		for _, e := range env {
			key, found, _ := unstructured.NestedString(e.(map[string]any), "valueFrom", "secretKeyRef", "key")
			if found {
				keys = append(keys, key)
			}
		}
	}
	if !slices.Equal(keys, want) {
		w.Errorf("the pods read the keys %q, want %q", keys, want)
	}
}

// The order of sidecars is the order of their start, so a change of it has to arrive.
func TestGKEChangeOfTheSidecarsOrder(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	one := app.Sidecar{Image: "gcr.io/acme/one:1", Port: 9001, Startup: &app.Probe{TCP: true}}
	two := app.Sidecar{Image: "gcr.io/acme/two:1", Port: 9002, Startup: &app.Probe{TCP: true}}
	w.app.GKE.IdentityWait = &app.IdentityWait{Off: true}
	order := func(after ...string) {
		t.Helper()
		live := w.live(w.ref(kube.Deployment, w.app.Name+"-web"))
		containers, _, _ := unstructured.NestedSlice(live.Object, "spec", "template", "spec", "initContainers")
		var got []string
		for _, c := range containers {
			got = append(got, c.(map[string]any)["name"].(string))
		}
		if !slices.Equal(got, after) {
			t.Errorf("sidecars start as %q, want %q", got, after)
		}
	}
	two.After = []string{"one"}
	w.app.Sidecars = map[string]app.Sidecar{"one": one, "two": two}
	w.create()
	order("one", "two")
	one.After, two.After = []string{"two"}, nil
	w.app.Sidecars = map[string]app.Sidecar{"one": one, "two": two}
	w.update(w.app)
	order("two", "one")
	w.remove()
}

// A worker has checks of its own port, on both runtimes.
func TestChecksOfWorkers(t *testing.T) {
	t.Parallel()
	for name, newWorld := range map[string]func(*testing.T) serviceWorld{"GKE": newGKEWorld, "Cloud Run": newRunWorld} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			worker := w.app.Processes["worker"]
			worker.Port, worker.Startup, worker.Liveness = 9090, &app.Probe{TCP: true}, &app.Probe{Path: "/live"}
			w.app.Processes["worker"] = worker
			w.create()
			if read := w.read(); read.App.Processes["worker"].Port != 9090 || len(read.Drift) > 0 {
				t.Errorf("read: %+v, %s", read.App.Processes["worker"], shown(read))
			}
			w.remove()
		})
	}
}
