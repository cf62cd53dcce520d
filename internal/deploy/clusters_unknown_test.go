package deploy_test

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// What a newer API has added is never shown as something else, and never planned away.
func TestClusterValuesOfANewerAPI(t *testing.T) {
	t.Parallel()
	id := smallCluster().ID.String()
	spot := func(c *containerpb.Cluster) *containerpb.NodePool {
		for _, pool := range c.GetNodePools() {
			if pool.GetName() == "spot" {
				return pool
			}
		}
		return nil
	}
	t.Run("that are shown stop plan and update", func(t *testing.T) {
		t.Parallel()
		tests := map[string]struct {
			change func(*containerpb.Cluster)
			want   string
		}{
			"release channel": {func(c *containerpb.Cluster) { c.ReleaseChannel.Channel = 99 }, "release_channel.channel is 99"},
			"taint effect": {func(c *containerpb.Cluster) {
				spot(c).Config.Taints = append(spot(c).Config.Taints, &containerpb.NodeTaint{Key: "a", Effect: 99})
			}, `node_pools["spot"].config.taints.effect is 99`},
			"item of a list": {func(c *containerpb.Cluster) {
				c.LoggingConfig = &containerpb.LoggingConfig{ComponentConfig: &containerpb.LoggingComponentConfig{
					EnableComponents: []containerpb.LoggingComponentConfig_Component{1, 99},
				}}
			}, "logging_config.component_config.enable_components is 99"},
			"value in a map": {func(c *containerpb.Cluster) {
				exclusion := &containerpb.TimeWindow{Options: &containerpb.TimeWindow_MaintenanceExclusionOptions{
					MaintenanceExclusionOptions: &containerpb.MaintenanceExclusionOptions{Scope: 99},
				}}
				c.MaintenancePolicy = &containerpb.MaintenancePolicy{Window: &containerpb.MaintenanceWindow{
					MaintenanceExclusions: map[string]*containerpb.TimeWindow{"freeze": exclusion},
				}}
			}, `maintenance_policy.window.maintenance_exclusions["freeze"].maintenance_exclusion_options.scope is 99`},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newClusterWorld(t, 20*time.Millisecond)
				before := w.create(t)
				must(t, w.fake.UpdateCluster(id, test.change))
				want := []string{
					`error: Cluster "dev" has settings that this provider does not know`, test.want, "newer version of GKE's API", "terraform init -upgrade",
				}
				read, err := w.ReadCluster(t.Context(), before.ID, &before.ClusterSpec)
				checkSays(t, outcome(nil, err), want...)
				if read != nil {
					t.Errorf("state %+v", read)
				}
				changes := len(w.changes())
				_, said := w.updateSays(t.Context(), before)
				checkSays(t, said, want...)
				if made := w.changes()[changes:]; len(made) > 0 {
					t.Errorf("the update called %v", made)
				}
			})
		}
	})
	t.Run("that are statuses make it degraded", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]func(*containerpb.Cluster){
			"of the cluster": func(c *containerpb.Cluster) { c.Status, c.StatusMessage = 99, "hibernating" },             //nolint:staticcheck // what older control planes fill
			"of a pool":      func(c *containerpb.Cluster) { spot(c).Status, spot(c).StatusMessage = 99, "hibernating" }, //nolint:staticcheck // what older control planes fill
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newClusterWorld(t, 20*time.Millisecond)
				before := w.create(t)
				must(t, w.fake.UpdateCluster(id, change))
				read, err := w.ReadCluster(t.Context(), before.ID, &before.ClusterSpec)
				must(t, err)
				const words = "status 99, which this version of the provider does not know (use a newer one: terraform init -upgrade): hibernating"
				checkSays(t, read.Reasons, words)
				if read.Status != deploy.ClusterDegraded {
					t.Errorf("status %s", read.Status)
				}
				state, notices, err := w.UpdateCluster(t.Context(), smallCluster(), before.ClusterSpec, "")
				checkSays(t, outcome(notices, err), `warning: Cluster "dev" is not healthy`, words)
				if state == nil || state.Status != deploy.ClusterDegraded {
					t.Errorf("state %+v", state)
				}
			})
		}
	})
	t.Run("a capacity that this provider does not make", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		before := w.create(t)
		flex := true
		must(t, w.fake.UpdateCluster(id, func(c *containerpb.Cluster) { spot(c).Config.Spot, spot(c).Config.FlexStart = false, &flex }))
		read, err := w.ReadCluster(t.Context(), before.ID, &before.ClusterSpec)
		must(t, err)
		if got := read.Pools["spot"].Capacity; got != "flex_start" {
			t.Errorf("capacity %q", got)
		}
	})
	t.Run("in what no attribute shows are nobody's business", func(t *testing.T) {
		t.Parallel()
		w := newClusterWorld(t, 20*time.Millisecond)
		before := w.create(t)
		must(t, w.fake.UpdateCluster(id, func(c *containerpb.Cluster) {
			c.Autoscaling = &containerpb.ClusterAutoscaling{AutoscalingProfile: 99}
		}))
		_, err := w.ReadCluster(t.Context(), before.ID, &before.ClusterSpec)
		must(t, err)
	})
}
