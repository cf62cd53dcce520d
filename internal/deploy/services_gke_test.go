package deploy_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestGKEServiceIsMadeReadAndRemoved(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	made := w.create()
	if want := "http://" + w.app.Name + "." + w.app.Name + ".svc.cluster.local"; made.URL != want {
		t.Errorf("url %q, want %q", made.URL, want)
	}
	read := w.read()
	if read == nil || !read.Recorded || read.Status != deploy.ServiceReady || len(read.Drift) > 0 || read.App.Image != w.app.Image {
		t.Errorf("read: %s", shown(read))
	}
	if contents, err := w.kube().NamespaceContents(t.Context(), w.app.GKE.Namespace); err != nil || len(contents) != len(made.Objects)-1 {
		t.Errorf("in the namespace: %q, %v; told: %q and one grant", contents, err, made.Objects)
	}
	w.remove()
	if gone := w.read(); gone != nil {
		t.Errorf("after the deletion: %s", shown(gone))
	}
}

func TestGKEUpdateRollsAndPrunes(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	web := w.ref(kube.Deployment, w.app.Name+"-web")
	before := w.live(web)
	changed := w.app
	changed.Config = map[string]string{"LEVEL": "debug"}
	changed.Secrets = map[string]string{"KEY": w.secret(w.app.Name+"-key", "second")}
	changed.Processes = map[string]app.Process{"web": w.app.Processes["web"]}
	state := w.update(changed)
	after := w.live(web)
	if before.GetUID() != after.GetUID() || before.GetGeneration() == after.GetGeneration() || state.ReleaseID != app.ReleaseID(changed) {
		t.Error("the change did not roll the Deployment, or replaced it")
	}
	secrets, err := w.kube().ListMetadata(t.Context(), kube.Secret, w.app.GKE.Namespace, "")
	if err != nil || len(secrets) != 2 {
		t.Errorf("%d Secrets, want those of this release and of the one before: %v", len(secrets), err)
	}
	if _, err := w.kube().Get(t.Context(), w.ref(kube.Deployment, w.app.Name+"-worker")); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment of a process that is not declared any more: %v", err)
	}
	w.app = changed
	w.remove()
}

func (w serviceWorld) live(ref kube.Ref) *unstructured.Unstructured {
	w.Helper()
	live, err := w.kube().Get(w.Context(), ref)
	if err != nil {
		w.Fatal(err)
	}
	return live
}

func TestAutoscalerGetsTheReplicasThatAreThere(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	fixed, scaled := w.app.Processes["web"], w.app.Processes["web"]
	fixed.Scale = app.Scale{Min: 3, Max: 3}
	scaled.Scale = app.Scale{Min: 2, Max: 5}
	w.app.Processes = map[string]app.Process{"web": fixed}
	w.create()
	replicas := func() int64 {
		n, _, _ := unstructured.NestedInt64(w.live(w.ref(kube.Deployment, w.app.Name+"-web")).Object, "spec", "replicas")
		return n
	}
	for _, step := range []struct {
		process app.Process
		want    int64
	}{{fixed, 3}, {scaled, 3}, {scaled, 3}, {fixed, 3}} {
		w.app.Processes = map[string]app.Process{"web": step.process}
		w.update(w.app)
		if n := replicas(); n != step.want {
			t.Errorf("scale %+v: %d replicas, want %d", step.process.Scale, n, step.want)
		}
	}
	w.remove()
}

func TestGKEDriftIsReportedAndRepaired(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	name := w.app.Name
	web := w.ref(kube.Deployment, name+"-web")
	remove := func(ref kube.Ref) func() error {
		return func() error {
			if err := w.kube().Delete(t.Context(), ref, kube.DeleteOptions{Foreground: true}); err != nil {
				return err
			}
			return w.kube().WaitGone(t.Context(), ref)
		}
	}
	somebody := func(ref kube.Ref, fields map[string]any) func() error {
		return func() error {
			obj := &unstructured.Unstructured{Object: fields}
			obj.SetGroupVersionKind(ref.GVK)
			obj.SetNamespace(ref.Namespace)
			obj.SetName(ref.Name)
			_, _, err := w.kube().Apply(t.Context(), obj, kube.ApplyOptions{Force: true, FieldManager: "somebody"})
			return err
		}
	}
	container := func(c map[string]any) map[string]any {
		c["name"] = "web"
		return map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{c}}}}}
	}
	account := w.ref(kube.ServiceAccount, name)
	tests := map[string]struct {
		edit func() error
		want string
	}{
		"image":           {somebody(web, container(map[string]any{"image": "other:1"})), web.String() + " spec.template.spec.containers[web].image: " + w.app.Image + " -> other:1"},
		"revision limit":  {somebody(web, map[string]any{"spec": map[string]any{"revisionHistoryLimit": int64(1)}}), web.String() + " spec.revisionHistoryLimit: 5 -> 1"},
		"service account": {remove(account), account.String() + ": present -> (missing)"},
		"service":         {remove(w.ref(kube.Service, name)), w.ref(kube.Service, name).String() + ": present -> (missing)"},
		"deployment":      {remove(web), web.String() + ": present -> (missing)"},
	}
	for _, test := range slices.Sorted(maps.Keys(tests)) {
		if err := tests[test].edit(); err != nil {
			t.Fatal(err)
		}
		if drift := w.read().Drift; !slices.Contains(drift, tests[test].want) {
			t.Errorf("%s: drift %q, want %q", test, drift, tests[test].want)
		}
		w.update(w.app)
	}
	if err := remove(w.ref(kube.ConfigMap, names.Record(name)))(); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.ReadService(t.Context(), w.app)
	if err != nil || state.Recorded || state.Status != deploy.ServiceDegraded || len(state.Drift) != 1 {
		t.Errorf("without its record: %s, %v", shown(state), err)
	}
	w.update(w.app)
	w.remove()
}

func TestGKEServiceWhoseFirstReleaseFailsIsToldAsUseless(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.Image = "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":1"
	if err := w.fake.SetImage(w.app.Image, fakegcp.ImageMissing); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.CreateService(t.Context(), w.spec(w.app))
	var told *deploy.Error
	if state == nil || state.Status != deploy.ServiceFailed || !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"image"}) {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	w.remove()
}

func TestFailedGKEUpdateKeepsTheOldReleaseServing(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	broken := w.app
	broken.Image = "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":2"
	if err := w.fake.SetImage(broken.Image, fakegcp.ImageMissing); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.UpdateService(t.Context(), w.spec(broken))
	if err == nil || state.Status != deploy.ServiceDegraded {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	available, _, _ := unstructured.NestedInt64(w.live(w.ref(kube.Deployment, w.app.Name+"-web")).Object, "status", "availableReplicas")
	if available < 2 {
		t.Errorf("%d pods are available after a failed update", available)
	}
	w.update(w.app)
	w.remove()
}

func TestInterruptedGKECreateIsFinishedOrTakenOver(t *testing.T) {
	t.Parallel()
	for _, takeOver := range []bool{false, true} {
		w := newGKEWorld(t)
		w.app.Image = "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":1"
		if err := w.fake.SetImage(w.app.Image, fakegcp.ImageNeverReady); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		state, notices, err := w.CreateService(ctx, w.spec(w.app))
		if err != nil || len(notices) != 1 || state == nil || state.Status != deploy.ServiceCreating {
			t.Fatalf("state %s, notices %v, error %v", shown(state), notices, err)
		}
		if err := w.fake.SetImage(w.app.Image, ""); err != nil {
			t.Fatal(err)
		}
		if takeOver { // the state was lost
			state, notices, err = w.CreateService(t.Context(), w.spec(w.app))
			if err != nil || len(notices) != 1 || state.Status != deploy.ServiceReady {
				t.Errorf("adoption: %s, %v, %v", shown(state), notices, err)
			}
		} else {
			w.update(w.app)
		}
		w.remove()
	}
}

func TestGKECreateRefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	made := w.create()
	_, _, err := w.CreateService(t.Context(), w.spec(w.app))
	if err == nil || !strings.Contains(err.Error(), "import {") || !strings.Contains(err.Error(), made.ID) {
		t.Errorf("a finished service met: %v", err)
	}
	foreign := &unstructured.Unstructured{Object: map[string]any{"automountServiceAccountToken": false}}
	foreign.SetGroupVersionKind(kube.ServiceAccount)
	foreign.SetNamespace(w.app.GKE.Namespace)
	foreign.SetName("taken")
	if _, _, err := w.kube().Apply(t.Context(), foreign, kube.ApplyOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
	second := w.app
	second.Name = "taken"
	state, _, err := w.CreateService(t.Context(), w.spec(second))
	if state != nil || err == nil || !strings.Contains(err.Error(), "written by helm") {
		t.Errorf("a foreign object met: %s, %v", shown(state), err)
	}
	if _, err := w.kube().Get(t.Context(), w.ref(kube.ConfigMap, names.Record("taken"))); !apierrors.IsNotFound(err) {
		t.Errorf("something was written: %v", err)
	}
	notices, err := w.DeleteService(t.Context(), w.app)
	if err != nil || len(notices) != 1 || !strings.Contains(notices[0].Detail, "ServiceAccount/taken") {
		t.Errorf("a namespace that is not empty: %v, %v", notices, err)
	}
	if err := w.kube().Delete(t.Context(), kube.RefOf(foreign), kube.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if notices, err := w.ReleaseNamespace(t.Context(), serviceCluster, w.app.GKE.Namespace); err != nil || len(notices) > 0 {
		t.Errorf("releasing the namespace: %v, %v", notices, err)
	}
}

func TestTwoServicesInOneNamespaceDoNotDependOnEachOther(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	second := w
	second.app.Name = w.app.Name + "-b"
	second.create()
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) != 1 {
		t.Errorf("the first: %v, %v", notices, err)
	}
	if state := second.read(); state.Status != deploy.ServiceReady || len(state.Drift) > 0 {
		t.Errorf("the other one after that: %s", shown(state))
	}
	second.remove()
}

func TestExistingNamespaceIsNeitherLabelledNorDeleted(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	namespace := &unstructured.Unstructured{Object: map[string]any{}}
	namespace.SetGroupVersionKind(kube.Namespace)
	namespace.SetName(w.app.GKE.Namespace)
	if _, _, err := w.kube().Apply(t.Context(), namespace, kube.ApplyOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	w.create()
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) > 0 {
		t.Errorf("delete: %v, %v", notices, err)
	}
	live, err := w.kube().GetMetadata(t.Context(), kube.RefOf(namespace))
	if err != nil || live.GetDeletionTimestamp() != nil || live.GetLabels()[names.KubeManagedBy] != "" {
		t.Errorf("the namespace: %+v, %v", live, err)
	}
}

func TestServiceOfAClusterThatIsGoneIsGone(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	gone := serviceCluster
	gone.Name = "never-made"
	w.app.GKE = &app.GKE{Cluster: gone.String(), Namespace: "shop"}
	state, notices, err := w.ReadService(t.Context(), w.app)
	if state != nil || len(notices) != 1 || err != nil {
		t.Errorf("read: %s, %v, %v", shown(state), notices, err)
	}
	if _, err := w.DeleteService(t.Context(), w.app); err != nil {
		t.Error(err)
	}
}
