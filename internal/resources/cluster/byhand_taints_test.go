package cluster_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// A capacity taint in another form is somebody else's and stays; in our form, on nodes of another capacity, it is drift.
func TestClusterTaintsThatLookLikeOurs(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := declaredCluster("", nil)
	state := settled(t, env, provider, config)
	byHand := func(pool int, taint *containerpb.NodeTaint) {
		err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
			c.NodePools[pool].Config.Taints = append(c.NodePools[pool].Config.Taints, taint)
		})
		if err != nil {
			t.Fatal(err)
		}
		state, _ = provider.Read(t, state)
	}
	byHand(1, &containerpb.NodeTaint{Key: "cloud.google.com/gke-spot", Value: "true", Effect: containerpb.NodeTaint_NO_EXECUTE})
	labelled := declaredCluster("", nil)
	pools, _ := labelled["node_pools"].(map[string]acctest.Attributes)
	pools["spot"]["labels"] = map[string]string{"tier": "web"}
	state = changes(t, env, provider, state, labelled, []string{"UpdateNodePool"})
	if taints := liveCluster(t, env).GetNodePools()[1].GetConfig().GetTaints(); len(taints) != 2 {
		t.Errorf("the taints are %v", taints)
	}
	byHand(0, &containerpb.NodeTaint{Key: "cloud.google.com/gke-spot", Value: "true", Effect: containerpb.NodeTaint_NO_SCHEDULE})
	if drift := state.Attribute(t, "drift").String(); !strings.Contains(drift, "gke-spot: (none) -> true:NoSchedule") {
		t.Errorf("the drift is %s", drift)
	}
	changes(t, env, provider, state, labelled, []string{"UpdateNodePool"})
}

// A pool made elsewhere is not rolled into one that lacks its hardware.
func TestClusterDoesNotRollAwayHardware(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	state := settled(t, env, provider, declaredCluster("", nil))
	err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		c.NodePools[0].Config.Accelerators = []*containerpb.AcceleratorConfig{{AcceleratorCount: 1, AcceleratorType: "nvidia-l4"}}
	})
	if err != nil {
		t.Fatal(err)
	}
	plan, diagnostics := provider.Plan(t, state, declaredCluster("node_pools.capacity", "spot"))
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	since := len(env.Fake.Journal())
	_, diagnostics = provider.Apply(t, plan)
	if text := acctest.DiagnosticsText(diagnostics); !strings.Contains(text, "cannot be rolled") || !strings.Contains(text, "accelerators") {
		t.Errorf("it says %s", text)
	}
	if calls := mutatingSince(env, since); len(calls) > 0 {
		t.Errorf("calls were made: %q", calls)
	}
}
