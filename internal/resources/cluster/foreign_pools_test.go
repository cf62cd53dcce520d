package cluster_test

import (
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// addPool adds a copy of a live pool, as somebody did who does not know of this provider.
func addPool(t *testing.T, env *acctest.Env, change func(*containerpb.NodePool)) {
	t.Helper()
	err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		theirs, _ := proto.Clone(c.NodePools[0]).(*containerpb.NodePool)
		change(theirs)
		c.NodePools = append(c.NodePools, theirs)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func livePoolNames(t *testing.T, env *acctest.Env) (names []string) {
	t.Helper()
	for _, pool := range liveCluster(t, env).GetNodePools() {
		names = append(names, pool.GetName())
	}
	return names
}

// applied plans and applies, without an error and without a replacement of the cluster, and expects that nothing is left to do.
func applied(t *testing.T, provider *acctest.InProcess, state *acctest.State, config acctest.Attributes) *acctest.State {
	t.Helper()
	plan, diagnostics := provider.Plan(t, state, config)
	if plan == nil || plan.Replaces {
		t.Fatalf("no update: %s", acctest.DiagnosticsText(diagnostics))
	}
	next, diagnostics := provider.Apply(t, plan)
	if text := acctest.DiagnosticsText(diagnostics); strings.Contains(text, "ERROR") {
		t.Fatal(text)
	}
	return checkSettled(t, provider, next, config)
}

// A pool that somebody made by hand has the name of a key that is added later, and goes on when the key is removed again.
func TestClusterKeyNamedAsAForeignPool(t *testing.T) {
	t.Parallel()
	for name, spot := range map[string]bool{"of the same nodes": false, "of other nodes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, "twelvefactor_cluster")
			before, with := declaredCluster("", nil), declaredCluster("", nil)
			pools, _ := with["node_pools"].(map[string]acctest.Attributes)
			pools["batch"] = acctest.Attributes{"machine_type": "e2-standard-2", "max_nodes": int64(3)}
			state := settled(t, env, provider, before)
			addPool(t, env, func(pool *containerpb.NodePool) {
				pool.Name, pool.Config.Labels, pool.Config.Spot = "batch", nil, spot
			})
			state = checkSettled(t, provider, state, before)
			state = applied(t, provider, state, with)
			if names := livePoolNames(t, env); len(names) != 4 || !slices.Contains(names, "batch") {
				t.Errorf("with the key: pools %q, want somebody else's batch and one of our own", names)
			}
			applied(t, provider, state, before)
			if names := livePoolNames(t, env); len(names) != 3 || !slices.Contains(names, "batch") {
				t.Errorf("without the key: pools %q, want somebody else's batch to stay", names)
			}
		})
	}
}

// An imported pool without our label is ours, and is gone after it was rolled.
func TestClusterRollOfAnImportedPool(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	makeByHand(t, env, &containerpb.Cluster{Name: "dev", NodePools: []*containerpb.NodePool{{
		Name: "web", InitialNodeCount: 1, Config: &containerpb.NodeConfig{MachineType: "e2-standard-4"},
		Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMaxNodeCount: 3},
	}}})
	state, diagnostics := provider.Import(t, clusterID, nil)
	if state == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	config := acctest.Attributes{"name": "dev", "node_pools": map[string]acctest.Attributes{
		"web": {"machine_type": "e2-standard-4", "capacity": "spot", "max_nodes": int64(3)},
	}}
	applied(t, provider, state, config)
	if names := livePoolNames(t, env); len(names) != 1 || names[0] == "web" {
		t.Errorf("pools %q, want the new one alone", names)
	}
}

// Node auto-provisioning copies node labels from the selectors of pods, ours too.
func TestClusterAutoprovisionedPoolWithOurLabel(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := declaredCluster("", nil)
	state := settled(t, env, provider, config)
	addPool(t, env, func(pool *containerpb.NodePool) {
		pool.Name, pool.Autoscaling.Autoprovisioned = "nap-e2-standard-8-1a2b3c4d", true
	})
	state = checkSettled(t, provider, state, config)
	applied(t, provider, state, declaredCluster("node_pools.capacity", "spot"))
	if names := livePoolNames(t, env); !slices.Contains(names, "nap-e2-standard-8-1a2b3c4d") {
		t.Errorf("pools %q: the one of node auto-provisioning was deleted", names)
	}
}

// GKE refuses a cluster without a node, and a roll makes room before it takes any.
func TestClusterPoolOfFewerNodesThanZones(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := func(capacity string) acctest.Attributes {
		return acctest.Attributes{"name": "dev", "location": "asia-northeast1", "node_pools": map[string]acctest.Attributes{
			"base": {"machine_type": "e2-standard-2", "min_nodes": int64(1), "max_nodes": int64(2), "capacity": capacity},
		}}
	}
	check := func() {
		t.Helper()
		for _, pool := range liveCluster(t, env).GetNodePools() {
			if n := pool.GetInitialNodeCount(); n != 1 {
				t.Errorf("pool %q starts with %d nodes per zone, want 1", pool.GetName(), n)
			}
		}
	}
	state := settled(t, env, provider, config("on_demand"))
	check()
	applied(t, provider, state, config("spot"))
	check()
}
