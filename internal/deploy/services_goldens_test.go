package deploy_test

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// Every object of every golden is admitted by a real API server, in a namespace as the provider makes it, without a
// warning; and so are the pods that the Deployments' templates make, which is where Pod Security is enforced.
func TestGoldensAreAdmittedWithoutAWarning(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	namespace := w.app.GKE.Namespace
	k, ctx := w.kube(), context.WithoutCancel(t.Context())
	t.Cleanup(func() { _ = k.Delete(ctx, kube.Ref{GVK: kube.Namespace, Name: namespace}, kube.DeleteOptions{}) })
	for name, in := range golden.GKE(t) {
		objects, pods := goldenObjects(t, in, namespace)
		if len(objects) < 5 || len(pods) == 0 {
			t.Errorf("%s: %d objects and %d pods are too few to be all", name, len(objects), len(pods))
		}
		for i, object := range append(objects, pods...) {
			// Pods need the namespace, and the account that they run as, to be there; everything else is looked at only.
			needed := i == 0 || object.GetKind() == "ServiceAccount"
			_, warnings, err := k.Apply(ctx, object, kube.ApplyOptions{DryRun: !needed, Force: true})
			if err != nil || len(warnings) > 0 {
				t.Errorf("%s: %s: warnings %q, error %v", name, kube.RefOf(object), warnings, err)
			}
		}
	}
	_, pods := goldenObjects(t, golden.GKE(t)[golden.Base], namespace)
	if err := unstructured.SetNestedField(pods[0].Object, true, "spec", "hostNetwork"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.Apply(ctx, pods[0], kube.ApplyOptions{DryRun: true}); err == nil {
		t.Error("a pod in the network of its node is admitted too, so admission says nothing")
	}
}

// goldenObjects renders an app into a namespace, which comes first; accounts that others bring are added.
func goldenObjects(t *testing.T, in gke.Input, namespace string) (objects, pods []*unstructured.Unstructured) {
	t.Helper()
	in.App.GKE.Namespace = namespace
	values := map[string]secret.Bytes{}
	for _, use := range app.SecretUses(in.App) {
		values[use.Key] = secret.FromString("value")
	}
	rendered, err := gke.Objects(in)
	if err != nil {
		t.Fatal(err)
	}
	held, err := gke.SecretObject(in, values)
	if err != nil {
		t.Fatal(err)
	}
	record, err := gke.Record(in)
	if err != nil {
		t.Fatal(err)
	}
	account := goldenObject("v1", "ServiceAccount", gke.ServiceAccount(in.App), namespace)
	objects = append([]*unstructured.Unstructured{gke.Namespace(in), account, record}, rendered...)
	if held != nil {
		objects = append(objects, held)
	}
	for _, o := range rendered {
		if o.GetKind() != "Deployment" {
			continue
		}
		template, _, _ := unstructured.NestedMap(o.Object, "spec", "template")
		pod := goldenObject("v1", "Pod", o.GetName(), namespace)
		pod.Object["spec"] = template["spec"]
		if labels, _, _ := unstructured.NestedStringMap(template, "metadata", "labels"); labels != nil {
			pod.SetLabels(labels)
		}
		pods = append(pods, pod)
	}
	return objects, pods
}

func goldenObject(version, kind, name, namespace string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": version, "kind": kind}}
	o.SetName(name)
	o.SetNamespace(namespace)
	return o
}
