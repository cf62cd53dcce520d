package deploy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// others is a client of the shared cluster that is not this provider's: what it writes is another field manager's.
func (w serviceWorld) others() dynamic.Interface {
	w.Helper()
	client, err := dynamic.NewForConfig(w.restConfig())
	if err != nil {
		w.Fatal(err)
	}
	return client
}

// restConfig is an administrator's way to the shared cluster. What its tests write on purpose is not warned about.
func (w serviceWorld) restConfig() *rest.Config {
	w.Helper()
	file, err := w.fake.Kubeconfig(serviceCluster.String())
	if err != nil {
		w.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		w.Fatal(err)
	}
	config.WarningHandler = rest.NoWarnings{}
	return config
}

var deploymentsResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// setImage does what "kubectl set image" does: a strategic merge patch as the manager kubectl-set.
func (w serviceWorld) setImage(process, image string) {
	w.Helper()
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,"image":%q}]}}}}`, process, image)
	_, err := w.others().Resource(deploymentsResource).Namespace(w.app.GKE.Namespace).Patch(w.Context(), w.app.Name+"-"+process,
		types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-set"})
	if err != nil {
		w.Fatal(err)
	}
}

func (w serviceWorld) image(process string) string {
	w.Helper()
	containers, _, _ := unstructured.NestedSlice(w.live(w.ref(kube.Deployment, w.app.Name+"-"+process)).Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		if m := c.(map[string]any); m["name"] == process {
			return m["image"].(string)
		}
	}
	return ""
}

// owners are the managers of a process's image.
func (w serviceWorld) owners(process string) []string {
	w.Helper()
	live := w.live(w.ref(kube.Deployment, w.app.Name+"-"+process))
	var all []string
	for _, entry := range live.GetManagedFields() {
		if kube.ContainerImage(process).OwnedBy(live, entry.Manager) {
			all = append(all, entry.Manager)
		}
	}
	return slices.Compact(all)
}

func TestGKEImageOfAnotherToolStays(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.ImageOwner = app.ImageExternal
	w.create()
	if image, owners := w.image("web"), w.owners("web"); image != w.app.Image || !slices.Equal(owners, []string{"twelvefactor-seed"}) {
		t.Errorf("the seed is %s of %v", image, owners)
	}
	const deployed, next = "asia-docker.pkg.dev/acme/shop/web:9", "asia-docker.pkg.dev/acme/shop/web:10"
	w.setImage("web", deployed)
	read := w.read()
	if len(read.Drift) > 0 || read.Status != deploy.ServiceReady || read.App.Image != w.app.Image {
		t.Errorf("after the deployment: %s, image %s", shown(read), read.App.Image)
	}
	w.app.Image = "asia-docker.pkg.dev/acme/shop/web:2" // another seed
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.app.Processes = map[string]app.Process{"web": w.app.Processes["web"], "worker": w.app.Processes["worker"], "jobs": {}}
	state := w.update(w.app)
	if w.image("web") != deployed || w.image("jobs") != deployed || !slices.Equal(w.owners("web"), []string{"kubectl-set"}) {
		t.Errorf("after an update: web %s of %v, jobs %s", w.image("web"), w.owners("web"), w.image("jobs"))
	}
	if !strings.HasPrefix(state.ImageDigest, "sha256:") {
		t.Errorf("digest %q", state.ImageDigest)
	}
	w.setImage("web", next)
	w.update(w.app)
	if drift := w.read().Drift; w.image("web") != next || len(drift) > 0 {
		t.Errorf("the next deployment: %s, drift %q", w.image("web"), drift)
	}
	w.remove()
}

func TestGKEImageOfAnotherToolThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.ImageOwner = app.ImageExternal
	w.create()
	broken := "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":broken"
	if err := w.fake.SetImage(broken, fakegcp.ImageMissing); err != nil {
		t.Fatal(err)
	}
	w.setImage("web", broken)
	_, _, err := w.UpdateService(t.Context(), w.spec(w.app)) // waits until the pods say so
	if err == nil || !strings.Contains(err.Error(), "image_owner") {
		t.Errorf("the update says %v", err)
	}
	state, notices, err := w.ReadService(t.Context(), w.app)
	if err != nil || state.Status != deploy.ServiceDegraded || len(notices) != 1 || !strings.Contains(notices[0].Detail, broken) {
		t.Errorf("%s, notices %v, error %v", shown(state), notices, err)
	}
	w.setImage("web", "asia-docker.pkg.dev/acme/shop/web:9")
	w.update(w.app)
	w.remove()
}

// watched is everything that an object was, from now on until the end of the test.
func (w serviceWorld) watched(deployment string, look func(*unstructured.Unstructured)) (stop func() int) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	watch, err := w.others().Resource(deploymentsResource).Namespace(w.app.GKE.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: "metadata.name=" + deployment,
	})
	if err != nil {
		w.Fatal(err)
	}
	seen, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			if o, ok := event.Object.(*unstructured.Unstructured); ok {
				seen++
				look(o)
			}
		}
	}()
	return func() int {
		cancel()
		watch.Stop()
		<-done
		return seen
	}
}

// Neither way of handing over ever changes the number of pods or the image, not for a moment.
func TestGKEHandingOverChangesNothing(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	fixed, scaled := w.app.Processes["web"], w.app.Processes["web"]
	fixed.Scale, scaled.Scale = app.Scale{Min: 3, Max: 3}, app.Scale{Min: 2, Max: 5}
	w.app.Processes = map[string]app.Process{"web": fixed}
	w.create()
	stop := w.watched(w.app.Name+"-web", func(o *unstructured.Unstructured) {
		if n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); n != 3 {
			t.Errorf("generation %d has %d replicas", o.GetGeneration(), n)
		}
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		if image := containers[0].(map[string]any)["image"]; image != w.app.Image {
			t.Errorf("generation %d runs %v", o.GetGeneration(), image)
		}
	})
	for _, step := range []struct {
		process app.Process
		owner   app.ImageOwner
	}{{scaled, ""}, {scaled, app.ImageExternal}, {fixed, app.ImageExternal}, {fixed, app.ImageTerraform}, {scaled, app.ImageExternal}, {fixed, ""}} {
		w.app.Processes, w.app.ImageOwner = map[string]app.Process{"web": step.process}, step.owner
		w.update(w.app)
		ours := slices.Contains(w.owners("web"), kube.Manager)
		if ours == (step.owner == app.ImageExternal) {
			t.Errorf("owner %q: the image is of %v", step.owner, w.owners("web"))
		}
	}
	if stop() == 0 {
		t.Error("nothing was seen")
	}
	w.remove()
}

func TestGKEFieldOfSomebodyElseIsAConflict(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	before := w.live(w.ref(kube.ConfigMap, w.app.Name+"-release")).GetResourceVersion()
	patch := `{"metadata":{"labels":{"team":"somebody"}}}`
	_, err := w.others().Resource(deploymentsResource).Namespace(w.app.GKE.Namespace).Patch(t.Context(), w.app.Name+"-web",
		types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-label"})
	if err != nil {
		t.Fatal(err)
	}
	changed := w.app
	changed.Labels = map[string]string{"team": "web"}
	_, _, err = w.UpdateService(t.Context(), w.spec(changed))
	at := fmt.Sprintf("Deployment/%s/%s-web metadata.labels.team", w.app.GKE.Namespace, w.app.Name)
	if err == nil || !strings.Contains(err.Error(), "kubectl-label") || !strings.Contains(err.Error(), at) {
		t.Errorf("a label of somebody else: %v", err)
	}
	if after := w.live(w.ref(kube.ConfigMap, w.app.Name+"-release")).GetResourceVersion(); after != before {
		t.Error("the refused update has changed the record")
	}
	changed.DriftIgnore = []string{at}
	w.update(changed)
	live := w.live(w.ref(kube.Deployment, w.app.Name+"-web"))
	if live.GetLabels()["team"] != "somebody" || w.live(w.ref(kube.Deployment, w.app.Name+"-worker")).GetLabels()["team"] != "web" {
		t.Errorf("the label that is left to somebody else is %q", live.GetLabels()["team"])
	}
	w.app = changed
	w.remove()
}
