package acctest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// sharedCluster is the one cluster with a real Kubernetes that tests of a process share.
type sharedCluster struct {
	fake  *fakegcp.Server
	clock *clock.Offset
	id    string
}

var startShared = sync.OnceValues(func() (*sharedCluster, error) {
	bin, err := kubernetesBin()
	if err != nil {
		return nil, err
	}
	s := &sharedCluster{clock: &clock.Offset{}}
	options := newSettings(s.clock, []Option{WithFake(func(o *fakegcp.Options) { o.KubernetesBin = bin })}).fake
	if s.fake, err = fakegcp.Start(options); err != nil {
		return nil, err
	}
	atEnd(s.fake.Close)
	id := names.ClusterID{Project: Project, Location: Region, Name: "shared"}
	s.id = id.String()
	return s, makeCluster(context.Background(), s.fake.Addr(), id)
})

// makeCluster makes a cluster as GKE's users would: a pool of on-demand nodes and one of Spot nodes.
func makeCluster(ctx context.Context, addr string, id names.ClusterID) error {
	client := gcp.New(gcp.Options{EmulatorHost: addr, PollInterval: pollInterval})
	cluster := &containerpb.Cluster{
		Name:                   id.Name,
		SecretManagerConfig:    &containerpb.SecretManagerConfig{Enabled: new(true)},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: names.WorkloadPool(id.Project)},
		NodePools:              []*containerpb.NodePool{pool("base", "on_demand"), pool("spot", "spot")},
	}
	op, err := client.Clusters().Create(ctx, id.Parent(), cluster)
	if err != nil {
		return fmt.Errorf("make the shared cluster: %w", err)
	}
	if err := client.Clusters().WaitOperation(ctx, id.Parent(), op); err != nil {
		return err
	}
	return client.Close()
}

func pool(name, capacity string) *containerpb.NodePool {
	config := &containerpb.NodeConfig{
		MachineType:            "e2-standard-4",
		Labels:                 map[string]string{names.KubeCapacity: capacity, names.KubePool: name},
		WorkloadMetadataConfig: &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA},
	}
	if capacity == "spot" {
		config.Spot = true
		config.Taints = []*containerpb.NodeTaint{{Key: "cloud.google.com/gke-spot", Value: "true", Effect: containerpb.NodeTaint_NO_SCHEDULE}}
	}
	return &containerpb.NodePool{
		Name: name, Config: config, InitialNodeCount: 1,
		Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMinNodeCount: 3, TotalMaxNodeCount: 12},
	}
}

// SharedCluster is a world whose fake, with a cluster behind which a real Kubernetes runs, is shared by all tests of
// the process. It gives the cluster's id; Name makes names, and namespaces, that no other test uses. Tests must not
// advance the clock or break the control plane there.
func SharedCluster(t testing.TB, options ...Option) (env *Env, cluster string) {
	t.Helper()
	shared, err := startShared()
	if err != nil {
		t.Fatalf("start the shared cluster: %v", err)
	}
	var random [3]byte
	if _, err := rand.Read(random[:]); err != nil {
		t.Fatal(err)
	}
	env = newEnv(t, shared.fake, shared.clock, newSettings(shared.clock, options))
	env.suffix = "-" + hex.EncodeToString(random[:])
	return env, shared.id
}

// Kubernetes is a client of a cluster's Kubernetes, as its administrator.
func (e *Env) Kubernetes(t testing.TB, cluster string) *kubernetes.Clientset {
	t.Helper()
	file, err := e.Fake.Kubeconfig(cluster)
	if err != nil {
		t.Fatalf("kubeconfig of %s: %v", cluster, err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		t.Fatalf("kubeconfig of %s: %v", cluster, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatalf("client of %s: %v", cluster, err)
	}
	return client
}
