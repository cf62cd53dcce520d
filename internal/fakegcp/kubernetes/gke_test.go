package kubernetes_test

import (
	"context"
	"encoding/base64"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

const devCluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// connect makes a cluster through the GKE API and returns a client with what GetCluster says, as a user's would be made.
func connect(t *testing.T, fake *fakegcp.Server) clientset.Interface {
	t.Helper()
	conn := must[*grpc.ClientConn](t)(grpc.NewClient(fake.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials())))
	t.Cleanup(func() { _ = conn.Close() })
	manager := containerpb.NewClusterManagerClient(conn)
	_ = must[*containerpb.Operation](t)(manager.CreateCluster(t.Context(), &containerpb.CreateClusterRequest{
		Parent: "projects/acme-dev/locations/asia-northeast1",
		Cluster: &containerpb.Cluster{Name: "dev", NodePools: []*containerpb.NodePool{
			{Name: "base", InitialNodeCount: 1},
			{
				Name:        "spot",
				Config:      &containerpb.NodeConfig{MachineType: "e2-standard-4", Spot: true},
				Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMaxNodeCount: 3},
			},
		}},
	}))
	fake.Advance(time.Minute)
	cluster := must[*containerpb.Cluster](t)(manager.GetCluster(t.Context(), &containerpb.GetClusterRequest{Name: devCluster}))
	authority := must[[]byte](t)(base64.StdEncoding.DecodeString(cluster.GetMasterAuth().GetClusterCaCertificate()))
	return must[*clientset.Clientset](t)(clientset.NewForConfig(&rest.Config{
		Host: "https://" + cluster.GetEndpoint(), BearerToken: "t", TLSClientConfig: rest.TLSClientConfig{CAData: authority},
	}))
}

func TestFakeClusterIsKubernetes(t *testing.T) {
	bin := must[string](t)(kubernetes.ProgramsForTest())
	fake := must[*fakegcp.Server](t)(fakegcp.Start(fakegcp.Options{KubernetesBin: bin}))
	defer func() {
		if err := fake.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	client := connect(t, fake)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "one"},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"cloud.google.com/gke-spot": "true"},
			Containers:   []corev1.Container{{Name: "c", Image: "shop:1"}},
		},
	}
	if err := fake.SetImage("shop:1", fakegcp.ImageMissing); err != nil {
		t.Fatal(err)
	}
	pods := client.CoreV1().Pods("default")
	waitFor(t, "the pod to be made, once its namespace has a service account", func() bool {
		_, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
		return err == nil
	})
	waitFor(t, "the missing image to be noticed", func() bool {
		p, err := pods.Get(t.Context(), "one", metav1.GetOptions{})
		return err == nil && waiting(p) == "ImagePullBackOff"
	})
	if err := fake.SetImage("shop:1", ""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the pod to run", func() bool {
		p, err := pods.Get(t.Context(), "one", metav1.GetOptions{})
		return err == nil && p.Status.Phase == corev1.PodRunning
	})
	if objects := must[[]kubernetes.Object](t)(fake.KubernetesObjects(t.Context(), "dev")); len(objects) != 1 || objects[0].Name != "one" {
		t.Errorf("objects %v, want the pod", objects)
	}
	if counts := must[map[string]int](t)(fake.NodeCounts("dev")); counts["spot"] != 1 || counts["base"] != 3 {
		t.Errorf("nodes %v, want one Spot node and three of the base pool", counts)
	}
	if err := fake.Preempt("dev", "spot"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the pod of the preempted node to go", func() bool {
		list, err := pods.List(t.Context(), metav1.ListOptions{})
		return err == nil && len(list.Items) == 0
	})
}

func TestFakeClusterSurvivesARestart(t *testing.T) {
	bin := must[string](t)(kubernetes.ProgramsForTest())
	options := fakegcp.Options{KubernetesBin: bin, StateFile: filepath.Join(t.TempDir(), "state")}
	fake := must[*fakegcp.Server](t)(fakegcp.Start(options))
	closed := false
	end := func() {
		if closed {
			return
		}
		closed = true
		if err := fake.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	defer func() { end() }()
	client := connect(t, fake)
	before := must[[]byte](t)(fake.Kubeconfig("dev"))
	shop := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	_ = must[*corev1.ConfigMap](t)(client.CoreV1().ConfigMaps("default").Create(t.Context(), shop, metav1.CreateOptions{}))
	nodes := must[*corev1.NodeList](t)(client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}))
	end()

	fake, closed = must[*fakegcp.Server](t)(fakegcp.Start(options)), false
	if after := must[[]byte](t)(fake.Kubeconfig("dev")); string(after) != string(before) {
		t.Errorf("kubeconfig after the restart:\n%s\nwant\n%s", after, before)
	}
	found := must[*corev1.ConfigMap](t)(client.CoreV1().ConfigMaps("default").Get(t.Context(), "shop", metav1.GetOptions{}))
	if found.UID == "" {
		t.Error("the config map has no uid")
	}
	again := must[*corev1.NodeList](t)(client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}))
	if len(again.Items) != len(nodes.Items) || again.Items[0].UID != nodes.Items[0].UID {
		t.Errorf("%d nodes, want the %d of before", len(again.Items), len(nodes.Items))
	}
	if err := fake.Remove(devCluster); err != nil {
		t.Fatal(err)
	}
	end()
	if left := must[[]string](t)(filepath.Glob(options.StateFile + ".kubernetes/*")); len(left) > 0 {
		t.Errorf("%v is left of the removed cluster", left)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("waited a minute for %s", what)
		case <-tick.C:
		}
	}
}

// waiting is the reason that the pod's first container waits for.
func waiting(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return c.State.Waiting.Reason
		}
	}
	return ""
}
