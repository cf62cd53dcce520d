package service_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// gkeByHand makes a Deployment and a Service as kubectl create deployment and kubectl expose would, and waits until they serve.
func gkeByHand(t *testing.T, env *acctest.Env, cluster, deployment string, change func(*corev1.Service)) {
	t.Helper()
	makeNamespace(t, env, cluster)
	client, namespace := env.Kubernetes(t, cluster), env.Name("web")
	labels := map[string]string{"app": deployment}
	_, err := client.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: deployment, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "shop", Image: byHand, Command: []string{"/legacy"}, Ports: []corev1.ContainerPort{{ContainerPort: 9090}},
				Env: []corev1.EnvVar{{Name: "LEVEL", Value: "warn"}, {Name: "OLD_PASSWORD", Value: "hunter2-in-clear"}},
			}}}},
		},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	if err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: env.Name("shop")}, Spec: corev1.ServiceSpec{
		Selector: labels, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(9090)}},
	}}
	if change != nil {
		change(service)
	}
	if _, err := client.CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{FieldManager: "kubectl-expose"}); err != nil {
		t.Fatal(err)
	}
	waitAvailable(t, env, cluster)
	until(t, env, "the endpoints of the Service", func() bool { return len(endpoints(t, env, cluster)) == 2 })
}

func endpoints(t *testing.T, env *acctest.Env, cluster string) []string {
	t.Helper()
	list, err := env.Kubernetes(t, cluster).DiscoveryV1().EndpointSlices(env.Name("web")).List(t.Context(),
		metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + env.Name("shop")})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, slice := range list.Items {
		all = append(all, readyIn(&slice)...)
	}
	return all
}

func readyIn(slice *discoveryv1.EndpointSlice) []string {
	var ready []string
	for _, e := range slice.Endpoints {
		if (e.Conditions.Ready == nil || *e.Conditions.Ready) && e.TargetRef != nil {
			ready = append(ready, e.TargetRef.Name)
		}
	}
	return ready
}

// watchEndpoints remembers the smallest number of pods that the Service sent requests to. stop gives it.
func watchEndpoints(t *testing.T, env *acctest.Env, cluster string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	watcher, err := env.Kubernetes(t, cluster).DiscoveryV1().EndpointSlices(env.Name("web")).Watch(ctx,
		metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + env.Name("shop")})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	least, slicesSeen := 1<<30, map[string]int{}
	done.Go(func() {
		for event := range watcher.ResultChan() {
			slice, ok := event.Object.(*discoveryv1.EndpointSlice)
			if !ok {
				continue
			}
			slicesSeen[slice.Name] = len(readyIn(slice))
			if event.Type == watch.Deleted {
				delete(slicesSeen, slice.Name)
			}
			sum := 0
			for n := range maps.Values(slicesSeen) {
				sum += n
			}
			least = min(least, sum)
		}
	})
	return func() int {
		watcher.Stop()
		done.Wait()
		return least
	}
}

func importOf(env *acctest.Env, cluster string) string {
	return fmt.Sprintf("import {\n  to = %s\n  id = \"%s/namespaces/%s/services/%s\"\n}\n", address, cluster, env.Name("web"), env.Name("shop"))
}

// What kubectl made is imported with what an app can say of it. The apply makes the service's own Deployment, turns the
// Kubernetes Service to it when it is ready, and leaves what served before.
func TestAdoptionOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	gkeByHand(t, env, cluster, env.Name("shop"), nil)
	cli := env.CLI(t)
	block, config := importOf(env, cluster), onGKE(env, cluster, set("config", `{ LEVEL = "info" }`))
	planned(t, cli, env.Config(block, config), []string{
		"1 to import, 0 to add, 1 to change, 0 to destroy", `"` + byHand + `" -> "` + image + `"`, `- "OLD_PASSWORD" =`, "9090 -> null",
		"Deployment/" + env.Name("web") + "/" + env.Name("shop") + ": (missing) -> present", "spec.selector[twelvefactor.dev/process]",
	}, []string{"hunter2", "must be replaced", `= "warn"`})
	pods := acctest.WatchAvailability(t, env.Kubernetes(t, cluster), env.Name("web"), "app="+env.Name("shop"))
	stop := watchEndpoints(t, env, cluster)
	said := flat(cli.MustRun(t, "apply", "-auto-approve", "-no-color").Stdout)
	if !strings.Contains(said, "delete deployment "+env.Name("shop")) {
		t.Errorf("the apply does not say what is left:\n%s", said)
	}
	until(t, env, "the switch of the endpoints", func() bool {
		now := endpoints(t, env, cluster)
		return len(now) > 0 && !slices.ContainsFunc(now, func(pod string) bool { return !strings.HasPrefix(pod, env.Name("shop")+"-web-") })
	})
	if least := stop(); least < 1 {
		t.Errorf("at some moment the Service had %d endpoints", least)
	}
	if least, gone := pods.Stop(t); least < 2 || gone > 0 {
		t.Errorf("%d pods that served before were available at some moment, %d went", least, gone)
	}
	planned(t, cli, env.Config(config), []string{"No changes"}, nil)
	if state := cli.MustRun(t, "state", "pull").Stdout; strings.Contains(state, "hunter2") {
		t.Error("the state holds a value that another tool set")
	}
	cli.MustRun(t, "destroy", "-auto-approve")
	if got := deployments(t, env, cluster); !slices.Equal(got, []string{env.Name("shop")}) {
		t.Errorf("the destroy left %v", got)
	}
}

// An adoption that fails leaves everything serving as before, and goes on with a release that works.
func TestAdoptionThatFailsOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	gkeByHand(t, env, cluster, env.Name("shop"), nil)
	broken := "asia-docker.pkg.dev/acme/shop/web:adopt" + env.Name("")
	behave(t, env, broken, fakegcp.ImageMissing)()
	cli := env.CLI(t)
	stop := watchEndpoints(t, env, cluster)
	cli.Write(t, "main.tf", env.Config(importOf(env, cluster), onGKE(env, cluster, set("image", fmt.Sprintf("%q", broken)))))
	if r := cli.Run(t, "apply", "-auto-approve"); r.Code == 0 {
		t.Fatal("the apply succeeded")
	}
	if now := endpoints(t, env, cluster); len(now) != 2 || strings.HasPrefix(now[0], env.Name("shop")+"-web-") {
		t.Errorf("requests go to %v", now)
	}
	planned(t, cli, env.Config(onGKE(env, cluster)), []string{"0 to add, 1 to change, 0 to destroy"}, []string{"must be replaced"})
	cli.MustRun(t, "apply", "-auto-approve")
	if least := stop(); least < 1 {
		t.Errorf("at some moment the Service had %d endpoints", least)
	}
	planned(t, cli, env.Config(onGKE(env, cluster)), []string{"No changes"}, nil)
	cli.MustRun(t, "destroy", "-auto-approve")
}

// What an adoption would have to take down is refused in the plan; what was only imported is never deleted.
func TestAdoptionThatWouldTakeDownIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		deployment string // behind the test's own name
		change     func(*corev1.Service)
		says       string
	}{
		"selector that cannot change": {"shop-web", nil, "The selector of a Deployment cannot change"},
		"load balancer":               {"shop", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer }, "take away the address"},
		"another port":                {"shop", func(s *corev1.Service) { s.Spec.Ports[0].Port = 9090 }, "spec.ports"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, cluster := acctest.SharedCluster(t)
			deployment := strings.Replace(c.deployment, "shop", env.Name("shop"), 1)
			gkeByHand(t, env, cluster, deployment, c.change)
			cli := env.CLI(t)
			cli.Write(t, "main.tf", env.Config(importOf(env, cluster), onGKE(env, cluster)))
			r := cli.Run(t, "apply", "-auto-approve", "-no-color")
			if r.Code == 0 || !wrapped(c.says).MatchString(r.Stderr) {
				t.Errorf("ended with %d and does not say %q", r.Code, c.says)
			}
			if got := deployments(t, env, cluster); !slices.Equal(got, []string{deployment}) {
				t.Errorf("there are %v", got)
			}
			if got := endpoints(t, env, cluster); len(got) != 2 {
				t.Errorf("requests go to %v", got)
			}
		})
	}
}
