package cluster_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// A roll that was stopped is told in every plan by the names of its pools, and its bounds are no differences.
func TestClusterThatIsHalfRolled(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := declaredCluster("", nil)
	state := settled(t, env, provider, config)
	before := state.Attribute(t, "node_pools")
	err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		next, _ := proto.Clone(c.NodePools[0]).(*containerpb.NodePool)
		next.Name, next.Config.Spot = "base-abcdef", true
		next.Config.Labels["twelvefactor.dev/capacity"] = "spot"
		c.NodePools[0].Autoscaling = nil
		c.NodePools = append(c.NodePools, next)
	})
	if err != nil {
		t.Fatal(err)
	}
	state, diagnostics := provider.Read(t, state)
	text := acctest.DiagnosticsText(diagnostics)
	if !strings.Contains(text, `Node pool "base" is half rolled`) || !strings.Contains(text, "base, base-abcdef") {
		t.Errorf("the refresh says %q", text)
	}
	if after := state.Attribute(t, "node_pools"); !after.Equal(before) {
		t.Errorf("the pools are shown as %s, want %s", after, before)
	}
	// With the configuration of before, the roll is taken back.
	changes(t, env, provider, state, config, []string{
		"SetNodePoolAutoscaling", // of the pool that stays
		"SetNodePoolAutoscaling", "DeleteNodePool",
	})
}

// Where the location is the provider's, the zones are judged in the plan.
func TestClusterZonesInTheProvidersRegion(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := declaredCluster("node_pools.zones", []string{"us-central1-a"})
	delete(config, "location")
	plan, diagnostics := provider.Plan(t, nil, config)
	if text := acctest.DiagnosticsText(diagnostics); plan != nil || !strings.Contains(text, "outside of the cluster's region") {
		t.Errorf("the plan says %q", text)
	}
}

// A plan that makes another cluster speaks of no rolls.
func TestClusterThatIsReplacedRollsNothing(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	state := settled(t, env, provider, declaredCluster("", nil))
	config := declaredCluster("node_pools.capacity", "spot")
	config["network"] = "web"
	plan, diagnostics := provider.Plan(t, state, config)
	if text := acctest.DiagnosticsText(diagnostics); plan == nil || !plan.Replaces || text != "" {
		t.Errorf("the plan says %q", text)
	}
}
