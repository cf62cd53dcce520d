package cluster_test

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// liveCluster is the cluster as it is in the fake.
func liveCluster(t *testing.T, env *acctest.Env) *containerpb.Cluster {
	t.Helper()
	var live *containerpb.Cluster
	err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		live, _ = proto.Clone(c).(*containerpb.Cluster)
	})
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// addForeignPool does what a person does in the console.
func addForeignPool(t *testing.T, env *acctest.Env) {
	t.Helper()
	err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		c.ResourceLabels["theirs"] = "1"
		theirs, _ := proto.Clone(c.NodePools[0]).(*containerpb.NodePool)
		theirs.Name, theirs.Config.Labels = "theirs", nil
		c.NodePools = append(c.NodePools, theirs)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// restore makes a cluster what it was.
func restore(live, was *containerpb.Cluster) {
	proto.Reset(live)
	proto.Merge(live, was)
}

func setStatus(t *testing.T, env *acctest.Env, status containerpb.Cluster_Status) {
	t.Helper()
	if err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) { c.Status = status }); err != nil {
		t.Error(err)
	}
}
