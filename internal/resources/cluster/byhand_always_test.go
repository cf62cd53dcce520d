package cluster_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// What the provider always sets and no attribute shows is drift when it was changed by hand, and one call puts it right.
func TestClusterDriftOfWhatIsAlwaysOn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*containerpb.Cluster)
		drift  string
		call   string
	}{
		"auto-upgrade": {
			func(c *containerpb.Cluster) { c.NodePools[0].Management.AutoUpgrade = false },
			"node_pools.base auto-upgrade: on -> off", "SetNodePoolManagement",
		},
		"auto-repair": {
			func(c *containerpb.Cluster) { c.NodePools[0].Management.AutoRepair = false },
			"node_pools.base auto-repair: on -> off", "SetNodePoolManagement",
		},
		"budgets when GKE drains": {
			func(c *containerpb.Cluster) { c.NodePools[0].NodeDrainConfig = nil },
			"node_pools.base disruption budgets during deletion: on -> off", "UpdateNodePool",
		},
		"the stack's mark": {
			func(c *containerpb.Cluster) { delete(c.ResourceLabels, "twelvefactor-stack") },
			"labels.twelvefactor-stack: ", "SetLabels",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t, acctest.WithStack("alwayson"))
			provider := env.InProcess(t, "twelvefactor_cluster")
			config := declaredCluster("", nil)
			state := settled(t, env, provider, config)
			if err := env.Fake.UpdateCluster(clusterID, test.change); err != nil {
				t.Fatal(err)
			}
			state, _ = provider.Read(t, state)
			if drift := state.Attribute(t, "drift").String(); !strings.Contains(drift, test.drift) {
				t.Errorf("the drift is %s", drift)
			}
			changes(t, env, provider, state, config, []string{test.call})
		})
	}
}
