package deploy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// admin is a client of the shared cluster, as its administrator.
func (w serviceWorld) admin() *kubernetes.Clientset {
	w.Helper()
	client, err := kubernetes.NewForConfig(w.restConfig())
	if err != nil {
		w.Fatal(err)
	}
	return client
}

// namespace makes the app's namespace, with labels.
func (w serviceWorld) namespace(labels map[string]string) {
	w.Helper()
	namespaces := w.admin().CoreV1().Namespaces()
	name := w.app.GKE.Namespace
	_, err := namespaces.Create(w.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		_ = namespaces.Delete(context.WithoutCancel(w.Context()), name, metav1.DeleteOptions{})
	})
}

// policy has the API server refuse what an expression does not hold for, in the app's namespace.
func (w serviceWorld) policy(group, version, resource, expression string) {
	w.Helper()
	name := w.app.Name + "-" + resource
	apply := func(kind string, spec map[string]any) kube.Ref {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec,
		}}
		if _, _, err := w.kube().Apply(w.Context(), object, kube.ApplyOptions{FieldManager: "test"}); err != nil {
			w.Fatal(err)
		}
		return kube.RefOf(object)
	}
	refs := []kube.Ref{apply("ValidatingAdmissionPolicy", map[string]any{
		"failurePolicy": "Fail",
		"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{
			"apiGroups": []any{group}, "apiVersions": []any{version}, "resources": []any{resource}, "operations": []any{"CREATE", "UPDATE"},
		}}},
		"validations": []any{map[string]any{"expression": expression, "message": "against the house rules"}},
	})}
	refs = append(refs, apply("ValidatingAdmissionPolicyBinding", map[string]any{
		"policyName": name, "validationActions": []any{"Deny"},
		"matchResources": map[string]any{"namespaceSelector": map[string]any{
			"matchLabels": map[string]any{"kubernetes.io/metadata.name": w.app.GKE.Namespace},
		}},
	}))
	k := w.kube()
	w.Cleanup(func() {
		for _, ref := range refs {
			_ = k.Delete(context.WithoutCancel(w.Context()), ref, kube.DeleteOptions{})
		}
	})
}

func (w serviceWorld) quota(hard corev1.ResourceList) {
	w.Helper()
	quotas := w.admin().CoreV1().ResourceQuotas(w.app.GKE.Namespace)
	_, err := quotas.Create(w.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "house"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}},
		metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

// refusedUntil checks until a refusal says this: policies and quotas take a moment to be in force.
func (w serviceWorld) refusedUntil(a app.App, text string) *deploy.Error {
	w.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		verdict := w.CheckService(w.Context(), w.spec(a))
		for _, refusal := range verdict.Refusals {
			if strings.Contains(refusal.Error(), text) {
				return refusal
			}
		}
		if time.Now().After(deadline) {
			w.Fatalf("nothing is refused for %q: %v, %v", text, verdict.Refusals, verdict.Unchecked(a))
		}
		if err := w.Clock.Sleep(w.Context(), 100*time.Millisecond); err != nil {
			w.Fatal(err)
		}
	}
}

// accepted demands that everything is judged and nothing refused.
func (w serviceWorld) accepted(a app.App) {
	w.Helper()
	verdict := w.CheckService(w.Context(), w.spec(a))
	if notice := verdict.Unchecked(a); len(verdict.Refusals) > 0 || notice != nil {
		w.Fatalf("refusals %v, unchecked %v", verdict.Refusals, notice)
	}
}

// objects are the versions of everything in the app's namespace, and the namespaces.
func (w serviceWorld) objects() []string {
	w.Helper()
	all, err := w.fake.KubernetesObjects(w.Context(), serviceCluster.String())
	if err != nil {
		w.Fatal(err)
	}
	var found []string
	for _, object := range all {
		if text := fmt.Sprint(object); strings.Contains(text, w.app.Name) && !strings.Contains(text, "Event") {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}

// What admission refuses is found before the apply, at the attribute that it is about, whatever admission it is.
func TestCheckRefusesWhatTheClusterRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		labels  map[string]string
		prepare func(serviceWorld)
		change  func(*app.App)
		says    string
		at      []string
	}{
		"policy on deployments": {
			prepare: func(w serviceWorld) {
				w.policy("apps", "v1", "deployments", `!object.metadata.name.endsWith("-worker")`)
			},
			says: "against the house rules", at: []string{"processes", "worker"},
		},
		"policy on pods": {
			prepare: func(w serviceWorld) {
				w.policy("", "v1", "pods", `object.spec.containers.all(c, !c.image.startsWith("asia-docker.pkg.dev"))`)
			},
			says: "against the house rules", at: []string{"processes", "web"},
		},
		"policy on config maps": {
			prepare: func(w serviceWorld) {
				w.policy("", "v1", "configmaps", `!has(object.data) || !("LEVEL" in object.data)`)
			},
			says: "against the house rules", at: []string{"config"},
		},
		"policy on secrets": {
			prepare: func(w serviceWorld) { w.policy("", "v1", "secrets", `false`) },
			says:    "against the house rules", at: []string{"secrets"},
		},
		"quota of pods": {
			prepare: func(w serviceWorld) { w.quota(corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}) },
			says:    "exceeded quota", at: []string{"processes", "web"},
		},
		"quota of services": {
			prepare: func(w serviceWorld) {
				w.quota(corev1.ResourceList{corev1.ResourceServices: resource.MustParse("0")})
			},
			says: "exceeded quota", at: []string{"processes", "web"},
		},
		"limit range": {
			prepare: func(w serviceWorld) {
				limits := w.admin().CoreV1().LimitRanges(w.app.GKE.Namespace)
				_, err := limits.Create(w.Context(), &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "house"}, Spec: corev1.LimitRangeSpec{
					Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}}},
				}}, metav1.CreateOptions{})
				if err != nil {
					w.Fatal(err)
				}
			},
			says: "maximum memory usage per Container is 64Mi", at: []string{"processes", "web"},
		},
		"object of somebody else": {
			prepare: func(w serviceWorld) {
				_, err := w.admin().CoreV1().Services(w.app.GKE.Namespace).Create(w.Context(), &corev1.Service{
					ObjectMeta: metav1.ObjectMeta{Name: w.app.Name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
				}, metav1.CreateOptions{})
				if err != nil {
					w.Fatal(err)
				}
			},
			says: "belongs to somebody else", at: []string{"name"},
		},
		"invalid field": {
			prepare: func(serviceWorld) {},
			change: func(a *app.App) {
				a.Labels = map[string]string{"team": "shop and cart"}
			},
			says: "metadata.labels", at: []string{"labels"},
		},
		"more config than a record holds": {
			prepare: func(serviceWorld) {},
			change: func(a *app.App) {
				a.Config = map[string]string{"LONG": strings.Repeat("x", 300<<10)}
			},
			says: "metadata.annotations", at: []string{"config"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newGKEWorld(t)
			w.namespace(c.labels)
			w.accepted(w.app)
			c.prepare(w)
			if c.change != nil {
				c.change(&w.app)
			}
			before := w.objects()
			refusal := w.refusedUntil(w.app, c.says)
			if !slices.Equal(refusal.Attribute, c.at) {
				t.Errorf("the refusal is at %q, want %q: %v", refusal.Attribute, c.at, refusal)
			}
			if len(refusal.Summary) > 80 || refusal.Fix == "" {
				t.Errorf("summary %q, fix %q", refusal.Summary, refusal.Fix)
			}
			if after := w.objects(); !slices.Equal(before, after) {
				t.Errorf("the check changed something:\n%s\n\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
		})
	}
}

// What an apply would repair or leave alone, the check does not refuse: a Deployment that has lost our labels is still
// ours, and a field that drift_ignore leaves to somebody else is not judged as declared.
func TestCheckRefusesNothingThatTheApplyMends(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	patch := `{"metadata": {"labels": {"twelvefactor.dev/service": null, "app.kubernetes.io/managed-by": null}}}`
	deployments := w.admin().AppsV1().Deployments(w.app.GKE.Namespace)
	deployment := names.Deployment(w.app.Name, app.Web)
	if _, err := deployments.Patch(t.Context(), deployment, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if drift := w.read().Drift; len(drift) == 0 {
		t.Error("the lost labels are no drift")
	}
	w.accepted(w.app)
	if state := w.update(w.app); len(state.Drift) > 0 {
		t.Errorf("the update leaves %v", state.Drift)
	}
}

// A Kubernetes Service of the service's name may have anything behind it.
func TestServiceWithoutADeploymentIsRead(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.namespace(nil)
	_, err := w.admin().CoreV1().Services(w.app.GKE.Namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: w.app.Name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "a-stateful-set"}, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	place := app.App{Name: w.app.Name, GKE: &app.GKE{Cluster: w.app.GKE.Cluster, Namespace: w.app.GKE.Namespace}}
	state, _, err := w.ReadService(t.Context(), place)
	if err != nil || state == nil || state.Recorded {
		t.Errorf("%+v, %v", state, err)
	}
}
