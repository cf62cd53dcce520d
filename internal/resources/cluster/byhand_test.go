package cluster_test

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const parent = "projects/acme-dev/locations/asia-northeast1"

// makeByHand makes a cluster through the API, as somebody did who does not know of this provider.
func makeByHand(t *testing.T, env *acctest.Env, cluster *containerpb.Cluster) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr(), PollInterval: 10 * time.Millisecond})
	op, err := client.Clusters().Create(t.Context(), parent, cluster)
	if err != nil {
		t.Fatalf("make a cluster by hand: %v", err)
	}
	if err := client.Clusters().WaitOperation(t.Context(), parent, op); err != nil {
		t.Fatalf("make a cluster by hand: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
}

// oldCluster is what a create without a thought gave for years: a default pool of a fixed size, public nodes, no
// Workload Identity, in a network of the company's own.
func oldCluster() *containerpb.Cluster {
	return &containerpb.Cluster{
		Name: "dev", InitialNodeCount: 1, Network: "web", Subnetwork: "web-nodes",
		NodeConfig:     &containerpb.NodeConfig{MachineType: "e2-medium", DiskSizeGb: 50, OauthScopes: []string{"https://www.googleapis.com/auth/cloud-platform"}},
		ResourceLabels: map[string]string{"owner": "ann"},
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_STABLE},
	}
}
