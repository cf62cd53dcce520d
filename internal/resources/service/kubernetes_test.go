package service_test

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const (
	patience = time.Minute
	pause    = 100 * time.Millisecond
)

// until looks again and again until done, or fails the test.
func until(t *testing.T, env *acctest.Env, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen in %s", what, patience)
		}
		if err := env.Clock.Sleep(t.Context(), pause); err != nil {
			t.Fatal(err)
		}
	}
}

func namespaceExists(t *testing.T, env *acctest.Env, cluster string) bool {
	t.Helper()
	_, err := env.Kubernetes(t, cluster).CoreV1().Namespaces().Get(t.Context(), env.Name("web"), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

func deleteNamespace(t *testing.T, env *acctest.Env, cluster string) {
	t.Helper()
	if err := env.Kubernetes(t, cluster).CoreV1().Namespaces().Delete(t.Context(), env.Name("web"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, env, "the end of the namespace", func() bool { return !namespaceExists(t, env, cluster) })
}

func liveDeployments(t *testing.T, env *acctest.Env, cluster string) []appsv1.Deployment {
	t.Helper()
	list, err := env.Kubernetes(t, cluster).AppsV1().Deployments(env.Name("web")).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// deployments gives the names of the Deployments in the test's namespace.
func deployments(t *testing.T, env *acctest.Env, cluster string) []string {
	t.Helper()
	var names []string
	for _, d := range liveDeployments(t, env, cluster) {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names
}

func waitAvailable(t *testing.T, env *acctest.Env, cluster string) {
	t.Helper()
	until(t, env, "the availability of the Deployments", func() bool {
		return !slices.ContainsFunc(liveDeployments(t, env, cluster), func(d appsv1.Deployment) bool {
			return d.Status.AvailableReplicas == 0 || d.Status.AvailableReplicas < *d.Spec.Replicas
		})
	})
}

// checkSpot looks whether the pods run on Spot nodes.
func checkSpot(t *testing.T, env *acctest.Env, cluster string) {
	t.Helper()
	client := env.Kubernetes(t, cluster)
	pods, err := client.CoreV1().Pods(env.Name("web")).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) < 2 {
		t.Errorf("%d pods run, want 2 or more", len(pods.Items))
	}
	for _, pod := range pods.Items {
		node, err := client.CoreV1().Nodes().Get(t.Context(), pod.Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			t.Fatalf("pod %s: %v", pod.Name, err)
		}
		if node.Labels["cloud.google.com/gke-spot"] != "true" {
			t.Errorf("pod %s runs on node %s, which is not a Spot node", pod.Name, node.Name)
		}
	}
}

// warnings collects what the API server warns of.
type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeader(_ int, _, text string) { w.texts = append(w.texts, text) }

// checkRestricted looks whether the namespace enforces Pod Security "restricted" and takes the Deployments without a
// warning.
func checkRestricted(t *testing.T, env *acctest.Env, cluster string) {
	t.Helper()
	var warned warnings
	client := warningClient(t, env, cluster, &warned)
	namespace, err := client.CoreV1().Namespaces().Get(t.Context(), env.Name("web"), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"enforce", "audit", "warn"} {
		if level := namespace.Labels["pod-security.kubernetes.io/"+mode]; level != "restricted" {
			t.Errorf("the namespace has Pod Security %s = %q", mode, level)
		}
	}
	for _, d := range liveDeployments(t, env, cluster) {
		d.ResourceVersion = ""
		d.Spec.Template.Annotations = map[string]string{"changed": "true"}
		_, err := client.AppsV1().Deployments(d.Namespace).Update(t.Context(), &d, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			t.Error(err)
		}
	}
	if len(warned.texts) > 0 {
		t.Errorf("the API server warns: %q", warned.texts)
	}
	privileged := liveDeployments(t, env, cluster)[0]
	privileged.ResourceVersion = ""
	privileged.Spec.Template.Spec.HostNetwork = true
	_, _ = client.AppsV1().Deployments(privileged.Namespace).Update(t.Context(), &privileged, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	if len(warned.texts) == 0 {
		t.Error("the API server does not warn of a privileged pod either, so the check says nothing")
	}
}

func warningClient(t *testing.T, env *acctest.Env, cluster string, handler rest.WarningHandler) *kubernetes.Clientset {
	t.Helper()
	file, err := env.Fake.Kubeconfig(cluster)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	config.WarningHandler = handler
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// secretOfPods is the name of the Kubernetes Secret that the pods of web read.
func secretOfPods(t *testing.T, env *acctest.Env, cluster string) string {
	t.Helper()
	for _, d := range liveDeployments(t, env, cluster) {
		for _, c := range d.Spec.Template.Spec.Containers {
			for _, from := range c.EnvFrom {
				if from.SecretRef != nil {
					return from.SecretRef.Name
				}
			}
			for _, variable := range c.Env {
				if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
					return variable.ValueFrom.SecretKeyRef.Name
				}
			}
		}
	}
	return ""
}

// drift is a change behind Terraform's back and what is shown of it.
type drift struct {
	change func()
	shown  string
}

func driftsOnGKE(t *testing.T, env *acctest.Env, cluster string) []drift {
	t.Helper()
	namespace := env.Name("web")
	web := func() *appsv1.Deployment {
		for _, d := range liveDeployments(t, env, cluster) {
			if d.Spec.Template.Spec.Containers[0].Name == "web" {
				return &d
			}
		}
		t.Fatal("there is no Deployment of web")
		return nil
	}
	edited := func(edit func(*appsv1.Deployment)) func() {
		return func() {
			client := env.Kubernetes(t, cluster)
			d := web()
			edit(d)
			if _, err := client.AppsV1().Deployments(namespace).Update(t.Context(), d, metav1.UpdateOptions{FieldManager: "kubectl"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	deleted := func(remove func(*kubernetes.Clientset) error) func() {
		return func() {
			if err := remove(env.Kubernetes(t, cluster)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []drift{
		{edited(func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = nextImage }), nextImage},
		{edited(func(d *appsv1.Deployment) { d.Labels["app.kubernetes.io/name"] = "store" }), "app.kubernetes.io/name"},
		{deleted(func(c *kubernetes.Clientset) error {
			return c.AppsV1().Deployments(namespace).Delete(t.Context(), web().Name, metav1.DeleteOptions{})
		}), "missing"},
		{deleted(func(c *kubernetes.Clientset) error {
			return c.CoreV1().Services(namespace).Delete(t.Context(), env.Name("shop"), metav1.DeleteOptions{})
		}), "missing"},
		{deleted(func(c *kubernetes.Clientset) error {
			return c.AutoscalingV2().HorizontalPodAutoscalers(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		}), "missing"},
		{deleted(func(c *kubernetes.Clientset) error {
			return c.CoreV1().Secrets(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		}), "missing"},
		{func() {
			dropRole(t, env, "projects/acme-dev/secrets/"+env.Name("shop-key"), "roles/secretmanager.secretAccessor")
		}, "roles/secretmanager.secretAccessor"},
	}
}
