package service_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// TestServiceOnGKE_secretIsInOneObject applies a service with a session key, and a rotation, and then looks at every
// object of the cluster: the keys are in the data of the service's own Secrets and nowhere else.
func TestServiceOnGKE_secretIsInOneObject(t *testing.T) {
	t.Parallel()
	canaries, planted := acctest.NewCanaries(), acctest.NewCanaries()
	env, cluster := acctest.SharedCluster(t, acctest.WithRand(canaries.Reader()))
	scan := func() {
		found := canaries.ScanKubernetes(t, env, cluster)
		for _, leak := range found.Leaks {
			t.Errorf("secret value leaked: %s", leak)
		}
		for _, kind := range []string{"secrets", "configmaps", "events", "deployments.apps", "replicasets.apps", "pods", "serviceaccounts", "namespaces", "nodes"} {
			if found.Objects[kind] == 0 {
				t.Errorf("no %s were scanned, only %v", kind, slices.Sorted(maps.Keys(found.Objects)))
			}
		}
		if len(found.Carriers) == 0 {
			t.Error("no Secret holds a key: the scan could not have found one")
		}
		for _, carrier := range found.Carriers {
			if !strings.HasPrefix(carrier, env.Name("web")+"/") {
				t.Errorf("the Secret %s holds the key", carrier)
			}
		}
		canaries.CheckFake(t, env)
	}
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: env.Config(sessionKey(env, "1"), onGKE(env, cluster, withKey)), PostApplyFunc: scan},
			{Config: env.Config(sessionKey(env, "2"), onGKE(env, cluster, withKey)), PostApplyFunc: func() {
				scan()
				plant(t, env, cluster, planted)
			}},
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

// plant is the negative control: a value in each of these places is found.
func plant(t *testing.T, env *acctest.Env, cluster string, canaries *acctest.Canaries) {
	t.Helper()
	client, namespace := env.Kubernetes(t, cluster).CoreV1(), env.Name("web")
	meta := metav1.ObjectMeta{Name: "planted", Namespace: namespace}
	_, err := client.ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: meta, Data: map[string]string{"x": canaries.Text(t, "config map")},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = client.Events(namespace).Create(t.Context(), &corev1.Event{
		ObjectMeta: meta, Message: canaries.Text(t, "event"), InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "x"},
	}, metav1.CreateOptions{})
	must(t, err)
	annotated := meta
	annotated.Annotations = map[string]string{"x": canaries.Text(t, "annotation")}
	_, err = client.Secrets(namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: annotated, Data: map[string][]byte{"x": []byte(canaries.Text(t, "data of a Secret"))},
	}, metav1.CreateOptions{})
	must(t, err)
	found := canaries.ScanKubernetes(t, env, cluster)
	// What is not the service's keeps its namespace from being deleted.
	must(t, client.ConfigMaps(namespace).Delete(t.Context(), meta.Name, metav1.DeleteOptions{}))
	must(t, client.Secrets(namespace).Delete(t.Context(), meta.Name, metav1.DeleteOptions{}))
	must(t, client.Events(namespace).Delete(t.Context(), meta.Name, metav1.DeleteOptions{}))
	var names []string
	for _, leak := range found.Leaks {
		names = append(names, leak.Canary)
	}
	for _, name := range []string{"config map", "event", "annotation"} {
		if !slices.Contains(names, name) {
			t.Errorf("the value planted as %s was not found", name)
		}
	}
	if !slices.Equal(found.Carriers, []string{namespace + "/planted"}) || slices.Contains(names, "data of a Secret") {
		t.Errorf("carriers are %v", found.Carriers)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestServiceOnCloudRun_secretIsInNoTemplate looks at services, revisions and worker pools as their API shows them.
func TestServiceOnCloudRun_secretIsInNoTemplate(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	env := acctest.New(t, acctest.WithRand(canaries.Reader()))
	scan := func() {
		canaries.CheckFake(t, env)
		if canaries.Count() == 0 {
			t.Error("no key was drawn")
		}
		objects, err := env.Fake.Objects()
		must(t, err)
		kinds := map[string]bool{}
		for _, object := range objects {
			kinds[object.Kind] = true
		}
		for _, kind := range []string{"google.cloud.run.v2.Service", "google.cloud.run.v2.Revision", "google.cloud.run.v2.WorkerPool"} {
			if !kinds[kind] {
				t.Errorf("there is no %s to scan", kind)
			}
		}
	}
	worker := process("worker", `{ command = ["/app", "worker"] }`)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(sessionKey(env, "1"), onRun(withKey, worker)), PostApplyFunc: scan},
		{Config: env.Config(sessionKey(env, "2"), onRun(withKey, worker)), PostApplyFunc: scan},
	}})
}
