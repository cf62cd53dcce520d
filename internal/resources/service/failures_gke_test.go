package service_test

import (
	"context"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// webReplicas is how many pods of web serve, and have to go on serving.
const webReplicas = 2

func gkeFailures() map[string]failure {
	missing, there := setImage(fakegcp.ImageMissing)
	crashes, runs := setImage(fakegcp.ImageExits(3))
	deaf, hears := setImage(fakegcp.ImageNeverReady)
	return map[string]failure{
		"image missing": {
			change: nextRelease, broken: missing, mend: there, onCreate: leftUseless, path: `AttributeName("image")`,
			said: []string{"does not come up", "ImagePull", "artifactregistry.reader", "A release that served before goes on serving"},
		},
		"crash loop": {
			change: nextRelease, broken: crashes, mend: runs, onCreate: leftUseless, path: `AttributeName("processes").ElementKeyString("`,
			said: []string{"CrashLoopBackOff", "ended with status 3 (Error)", "kubectl logs --previous -n "},
		},
		"never ready": {
			change: nextRelease, broken: deaf, mend: hears, onCreate: leftUseless, fast: 15,
			path: `AttributeName("processes").ElementKeyString("web").AttributeName("readiness")`,
			said: []string{`Process "web" does not come up (NotReady)`, "its readiness check fails", "environment variable PORT", "kubectl logs -n "},
		},
		"secret version disabled": {
			change: nextSecret, broken: versionIs(secretmanagerpb.SecretVersion_DISABLED), mend: versionIs(secretmanagerpb.SecretVersion_ENABLED),
			onCreate: leftNothing, path: `AttributeName("secrets").ElementKeyString("KEY")`, said: []string{"DISABLED state", "gcloud secrets versions enable"},
		},
		"secret version missing": {
			change: func(w *failureWorld, config acctest.Attributes) {
				config["secrets"] = map[string]string{"KEY": w.next[:len(w.next)-1] + "9"}
			},
			mended: unchanged, onCreate: leftNothing, path: `AttributeName("secrets").ElementKeyString("KEY")`, said: []string{"not found", "Name a version that exists"},
		},
		"no node for the worker": {
			change: resized("worker", acctest.Attributes{"cpu": "64"}), mended: unchanged, onCreate: leftKept, fast: 15,
			path: `AttributeName("gke").AttributeName("capacity")`,
			said: []string{`Process "worker"`, "Unschedulable", "NotTriggerScaleUp", "max_nodes", "ask for less cpu and memory"},
		},
		"quota of the namespace": {
			change: nextRelease, broken: setQuota(true), mend: setQuota(false), onCreate: leftUseless, fast: 10,
			path: `AttributeName("processes").ElementKeyString("`, said: []string{"FailedCreate", "exceeded quota: tight"},
		},
	}
}

// setQuota lets no pod more into the namespace, which is made for it if it has to be.
func setQuota(on bool) func(*failureWorld) {
	return func(w *failureWorld) {
		w.Helper()
		core, namespace := w.kubernetes().CoreV1(), w.env.Name("web")
		if !on {
			if err := core.ResourceQuotas(namespace).Delete(w.Context(), "tight", metav1.DeleteOptions{}); err != nil {
				w.Fatal(err)
			}
			return
		}
		_, err := core.Namespaces().Create(w.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			w.Fatal(err)
		}
		quota := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "tight"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
		}
		if _, err := core.ResourceQuotas(namespace).Create(w.Context(), quota, metav1.CreateOptions{}); err != nil {
			w.Fatal(err)
		}
		until(w.T, w.env, "the effect of the quota", func() bool {
			live, err := core.ResourceQuotas(namespace).Get(w.Context(), "tight", metav1.GetOptions{})
			return err == nil && len(live.Status.Hard) > 0
		})
		w.Cleanup(func() { // a namespace that was there before stays
			_ = core.Namespaces().Delete(context.WithoutCancel(w.Context()), namespace, metav1.DeleteOptions{})
		})
	}
}

func TestFailuresOnGKE(t *testing.T) {
	t.Parallel()
	for name, f := range gkeFailures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("create", func(t *testing.T) {
				t.Parallel()
				newGKEFailureWorld(t, f).create(f)
			})
			t.Run("update", func(t *testing.T) {
				t.Parallel()
				newGKEFailureWorld(t, f).update(f)
			})
		})
	}
}

func newGKEFailureWorld(t *testing.T, f failure) *failureWorld {
	t.Helper()
	clk := f.clock()
	env, cluster := acctest.SharedCluster(t, withClock(clk))
	// What the plan would refuse is tried in plans of its own: here it is to come up in the apply.
	unjudged := acctest.Attributes{"factors": map[string]string{"live-check": "off"}}
	w := &failureWorld{T: t, env: env, life: env.NewLifeWith(t, noun, acctest.NewCanaries(), unjudged), clock: clk, cluster: cluster}
	w.secret, w.next = w.version(env.Name("key")), w.version(env.Name("next"))
	w.good = acctest.Attributes{
		"name": env.Name("shop"), "image": image, "gke": acctest.Attributes{"cluster": cluster, "namespace": env.Name("web")},
		"config": map[string]string{"LEVEL": "info"}, "secrets": map[string]string{"KEY": w.secret},
		"processes": map[string]acctest.Attributes{
			"web":    {"scale": acctest.Attributes{"min": int64(webReplicas)}},
			"worker": {"command": []string{"/app", "worker"}},
		},
	}
	w.identities, w.serving, w.gone = gkeIdentities, gkeServing, gkeGone
	return w
}

// gkeIdentities are the UIDs of what serves.
func gkeIdentities(w *failureWorld) map[string]string {
	w.Helper()
	found := map[string]string{}
	for _, d := range liveDeployments(w.T, w.env, w.cluster) {
		found["Deployment/"+d.Name] = string(d.UID)
	}
	services, err := w.kubernetes().CoreV1().Services(w.env.Name("web")).List(w.Context(), metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range services.Items {
		found["Service/"+s.Name] = string(s.UID)
	}
	if len(found) != 3 {
		w.Fatalf("the service consists of %v", found)
	}
	return found
}

// gkeServing watches the pods of web.
func gkeServing(w *failureWorld) (stop func()) {
	w.Helper()
	watch := acctest.WatchAvailability(w, w.kubernetes(), w.env.Name("web"), "twelvefactor.dev/process=web")
	return func() {
		if least, _ := watch.Stop(w); least < webReplicas {
			w.Errorf("at a time %d pods of web were available, before %d", least, webReplicas)
		}
	}
}

func gkeGone(w *failureWorld) {
	w.Helper()
	core, namespace := w.kubernetes().CoreV1(), w.env.Name("web")
	found, err := core.Namespaces().Get(w.Context(), namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		w.Error(err)
	case found.Labels["app.kubernetes.io/managed-by"] == "twelvefactor":
		w.Error("the namespace is left")
	}
	if got := deployments(w.T, w.env, w.cluster); len(got) > 0 {
		w.Errorf("Deployments are left: %v", got)
	}
	w.checkPolicies()
	w.life.Canaries.CheckFake(w, w.env)
}
