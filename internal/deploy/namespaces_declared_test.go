package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// namespaceSpec declares the namespace that the world's app is in.
func (w serviceWorld) namespaceSpec(change func(*app.Namespace)) deploy.NamespaceSpec {
	w.Helper()
	cluster, err := names.ParseClusterID(w.app.GKE.Cluster)
	if err != nil {
		w.Fatal(err)
	}
	declared := app.Namespace{PodSecurity: app.Restricted, DefaultDeny: true}
	if change != nil {
		change(&declared)
	}
	return deploy.NamespaceSpec{ID: names.KubeNamespaceID{Cluster: cluster, Name: w.app.GKE.Namespace}, Declared: &declared, Timeout: time.Minute}
}

func (w serviceWorld) createNamespace(change func(*app.Namespace)) {
	w.Helper()
	state, _, err := w.CreateNamespace(w.Context(), w.namespaceSpec(change))
	if err != nil || state.Status != deploy.NamespaceReady {
		w.Fatalf("create the namespace: %+v, %v", state, err)
	}
}

func (w serviceWorld) deleteNamespace(change func(*app.Namespace)) {
	w.Helper()
	if notices, err := w.DeleteNamespace(w.Context(), w.namespaceSpec(change)); err != nil || len(notices) > 0 {
		w.Fatalf("delete the namespace: %v, %v", notices, err)
	}
	if w.namespaceLive() != nil {
		w.Error("the namespace is left")
	}
}

func (w serviceWorld) namespaceLive() *unstructured.Unstructured {
	w.Helper()
	live, err := w.kube().Get(w.Context(), kube.Ref{GVK: kube.Namespace, Name: w.app.GKE.Namespace})
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
	return live
}

// until looks until done.
func (w serviceWorld) until(what string, done func() bool) {
	w.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			w.Fatalf("%s: not within a minute", what)
		}
		if err := w.Clock.Sleep(w.Context(), 50*time.Millisecond); err != nil {
			w.Fatal(err)
		}
	}
}

// The last service in a namespace with a resource of its own leaves it alone; the namespace goes after it.
func TestServiceNeverDeletesADeclaredNamespace(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.createNamespace(nil)
	w.create()
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) > 0 {
		t.Errorf("delete the service: %v, %v", notices, err)
	}
	if state, _, err := w.ReadNamespace(t.Context(), w.namespaceSpec(nil)); err != nil || state == nil || state.Status != deploy.NamespaceReady {
		t.Fatalf("after the service: %+v, %v", state, err)
	}
	w.deleteNamespace(nil)
}

// The other order: a namespace that a service is in stays, and the service goes on.
func TestNamespaceThatIsNotEmptyIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.createNamespace(nil)
	w.create()
	_, err := w.DeleteNamespace(t.Context(), w.namespaceSpec(nil))
	var told *deploy.Error
	if !errors.As(err, &told) || !strings.Contains(told.Why, "Deployment/"+w.app.Name+"-web") || strings.Contains(told.Why, "NetworkPolicy") {
		t.Errorf("error %v", err)
	}
	if state := w.read(); state.Status != deploy.ServiceReady || len(state.Drift) > 0 {
		t.Errorf("the service: %s", shown(state))
	}
	force := func(n *app.Namespace) { n.ForceDestroy = true }
	w.deleteNamespace(force)
	w.remove() // its grants
}

// A namespace that a service made for itself is refused, imported, adopted, and then stays when the service goes.
func TestNamespaceOfAServiceIsAdopted(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	state, _, err := w.CreateNamespace(t.Context(), w.namespaceSpec(nil))
	if state != nil || err == nil || !strings.Contains(err.Error(), "import {") || !strings.Contains(err.Error(), "twelvefactor_namespace.NAME.name") {
		t.Errorf("%+v, %v", state, err)
	}
	known := w.namespaceSpec(nil)
	known.Declared = nil // an import knows the id
	state, _, err = w.ReadNamespace(t.Context(), known)
	if err != nil || state.Recorded || state.Status != deploy.NamespaceDegraded || state.Declared.PodSecurity != app.Restricted || state.Declared.DefaultDeny {
		t.Fatalf("import: %+v, %v", state, err)
	}
	if _, _, err := w.UpdateNamespace(t.Context(), w.namespaceSpec(nil)); err != nil {
		t.Fatal(err)
	}
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) > 0 {
		t.Errorf("delete the service: %v, %v", notices, err)
	}
	w.deleteNamespace(nil)
}

// A namespace that somebody made: the import shows what it has, the update takes it over without touching what is theirs.
func TestNamespaceMadeByHandIsImported(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	byHand := &unstructured.Unstructured{Object: map[string]any{}}
	byHand.SetGroupVersionKind(kube.Namespace)
	byHand.SetName(w.app.GKE.Namespace)
	byHand.SetLabels(map[string]string{"team": "hr", "pod-security.kubernetes.io/enforce": "baseline"})
	if _, _, err := w.kube().Apply(t.Context(), byHand, kube.ApplyOptions{FieldManager: "kubectl"}); err != nil {
		t.Fatal(err)
	}
	known := w.namespaceSpec(nil)
	known.Declared = nil
	state, _, err := w.ReadNamespace(t.Context(), known)
	if err != nil || state.Declared.PodSecurity != app.Baseline || state.Declared.DefaultDeny || len(state.Drift) > 0 {
		t.Fatalf("import: %+v, %v", state, err)
	}
	_, _, err = w.UpdateNamespace(t.Context(), w.namespaceSpec(func(n *app.Namespace) { n.Labels = map[string]string{"team": "web"} }))
	var told *deploy.Error
	if !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"labels"}) || !strings.Contains(told.Why, "kubectl") {
		t.Errorf("a label of somebody else: %v", err)
	}
	if _, _, err := w.UpdateNamespace(t.Context(), w.namespaceSpec(nil)); err != nil {
		t.Fatal(err)
	}
	labels := w.namespaceLive().GetLabels()
	if labels["team"] != "hr" || labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Errorf("labels %v", labels)
	}
	w.deleteNamespace(nil)
}

// A namespace that hangs in its deletion ends the wait with what holds it; when that is gone, the next run goes on. An
// apply in between waits for the end and makes it anew.
func TestNamespaceThatIsHeldUp(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.createNamespace(nil)
	held := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	held.SetNamespace(w.app.GKE.Namespace)
	held.SetName("held")
	held.SetFinalizers([]string{"acme.example/slow"})
	if _, _, err := w.kube().Apply(t.Context(), held, kube.ApplyOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	before := w.namespaceLive().GetUID()
	interrupted := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.DeleteNamespace(ctx, w.namespaceSpec(func(n *app.Namespace) { n.ForceDestroy = true }))
		return err
	}
	if err := interrupted(); err == nil {
		t.Error("the deletion does not wait")
	}
	w.until("Kubernetes says what holds the namespace up", func() bool {
		return strings.Contains(fmt.Sprint(w.namespaceLive().Object["status"]), "acme.example/slow")
	})
	if err := interrupted(); err == nil || !strings.Contains(err.Error(), "acme.example/slow") {
		t.Errorf("the wait ends with %v", err)
	}
	if state, _, err := w.ReadNamespace(t.Context(), w.namespaceSpec(nil)); err != nil || state == nil || state.Status != deploy.NamespaceDeleting {
		t.Errorf("read: %+v, %v", state, err)
	}
	held.SetFinalizers(nil)
	if _, _, err := w.kube().Apply(t.Context(), held, kube.ApplyOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	if state, _, err := w.UpdateNamespace(t.Context(), w.namespaceSpec(nil)); err != nil || state.Status != deploy.NamespaceReady {
		t.Errorf("update: %+v, %v", state, err)
	}
	if live := w.namespaceLive(); live == nil || live.GetDeletionTimestamp() != nil || live.GetUID() == before {
		t.Errorf("the namespace: %v", live)
	}
	w.deleteNamespace(nil)
	w.deleteNamespace(nil) // gone already
}

func TestNamespaceOfSomebodyElseIsKept(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.createNamespace(nil)
	w.dropNamespace()
	theirs := &unstructured.Unstructured{Object: map[string]any{}}
	theirs.SetGroupVersionKind(kube.Namespace)
	theirs.SetName(w.app.GKE.Namespace)
	if _, _, err := w.kube().Apply(t.Context(), theirs, kube.ApplyOptions{FieldManager: "kubectl"}); err != nil {
		t.Fatal(err)
	}
	notices, err := w.DeleteNamespace(t.Context(), w.namespaceSpec(nil))
	if err != nil || len(notices) != 1 || w.namespaceLive() == nil {
		t.Errorf("%v, %v", notices, err)
	}
	w.dropNamespace()
}

func TestNamespaceOfAClusterThatIsGone(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	gone := serviceCluster
	gone.Name = "never-made"
	w.app.GKE = &app.GKE{Cluster: gone.String(), Namespace: "shop"}
	spec := w.namespaceSpec(nil)
	state, notices, err := w.ReadNamespace(t.Context(), spec)
	if state != nil || len(notices) != 1 || err != nil {
		t.Errorf("read: %+v, %v, %v", state, notices, err)
	}
	if notices, err := w.DeleteNamespace(t.Context(), spec); err != nil || len(notices) > 0 {
		t.Errorf("delete: %v, %v", notices, err)
	}
	var told *deploy.Error
	if _, _, err := w.CreateNamespace(t.Context(), spec); !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"cluster"}) {
		t.Errorf("create: %v", err)
	}
}
