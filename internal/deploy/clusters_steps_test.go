package deploy

import (
	"maps"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

var clusterTestStamp = names.Stamp{Stack: "test"}

func clusterTestSpec() ClusterSpec {
	return ClusterSpec{
		ID:             names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "dev"},
		ReleaseChannel: "regular",
		Network:        "default",
		Labels:         map[string]string{"team": "shop"},
		Settings:       clusterTestSettings(),
		Pools: map[string]PoolSpec{
			"base": {
				MachineType: "e2-standard-2", Capacity: PoolOnDemand, Isolate: true, MinNodes: 1, MaxNodes: 2, DiskGB: 100,
				DiskType: "pd-ssd", LocationPolicy: "balanced", Upgrade: PoolUpgrade{MaxSurge: 1}, PrivateNodes: true,
				Tags: []string{"web"}, Zones: []string{"asia-northeast1-a"}, MaxPodsPerNode: 64,
			},
			"spot": {
				MachineType: "e2-standard-4", Capacity: PoolSpot, Isolate: true, MaxNodes: 10, PerZone: true, DiskGB: 100, DiskType: "pd-balanced",
				LocationPolicy: "any", Metadata: map[string]string{"a": "b"},
				Upgrade: PoolUpgrade{BlueGreen: &PoolBlueGreen{BatchPercent: 20, BatchSoak: time.Minute, Soak: time.Hour}},
				Labels:  map[string]string{"tier": "web"}, Taints: []NodeTaint{{"acme.example/batch", "", "NoExecute"}},
			},
		},
	}
}

// clusterTestSettings differ from what an empty cluster has.
func clusterTestSettings() ClusterSettings {
	return ClusterSettings{
		PodsRange: "pods", ServicesRange: "10.0.32.0/20", PrivateNodes: true, DNSEndpoint: true, PublicEndpoint: true,
		AuthorizedNetworks: map[string]string{"203.0.113.0/24": "office"}, DataplaneV2: true, MinVersion: "1.33",
		Maintenance: ClusterMaintenance{
			Window: MaintenanceWindow{Start: "2026-01-03T18:00:00Z", End: "2026-01-04T02:00:00Z", Recurrence: "FREQ=WEEKLY;BYDAY=SA"},
			Exclusions: map[string]MaintenanceExclusion{
				"freeze":  {Start: "2026-12-20T00:00:00Z", End: "2027-01-05T00:00:00Z", Scope: "no_upgrades"},
				"support": {Start: "2026-12-20T00:00:00Z", Scope: "no_minor_upgrades"},
			},
		},
		Logging: []string{"system_components"}, Monitoring: []string{"hpa", "system_components"},
		ManagedPrometheus: true, GatewayAPI: true, SecretManagerCSI: true, BinaryAuthorization: "enforce", ShieldedNodes: true,
		SecurityPosture: "basic", FleetProject: "acme-fleet",
	}
}

// clusterTestLive is the cluster that CreateCluster's message becomes, finished, with what GKE fills in.
func clusterTestLive(spec ClusterSpec) *containerpb.Cluster {
	live := clusterMessage(spec, clusterTestStamp, time.Time{})
	live.Status = containerpb.Cluster_RUNNING
	live.CurrentMasterVersion = "1.33.5-gke.1162000"
	live.ResourceLabels["goog-gke-something"] = "server"
	live.NetworkConfig.Network = "projects/acme-dev/global/networks/default"
	live.NetworkConfig.Subnetwork = "projects/acme-dev/regions/asia-northeast1/subnetworks/default"
	for _, pool := range live.NodePools {
		pool.Status = containerpb.NodePool_RUNNING
		pool.Config.Metadata = maps.Clone(pool.Config.Metadata)
		if pool.Config.Metadata == nil {
			pool.Config.Metadata = map[string]string{}
		}
		pool.Config.Metadata["disable-legacy-endpoints"] = "true"
		if pool.Config.ServiceAccount == "" {
			pool.Config.ServiceAccount = "default"
		}
	}
	return live
}

func clusterTestPool(live *containerpb.Cluster, name string) *containerpb.NodePool {
	for _, pool := range live.NodePools {
		if pool.GetName() == name {
			return pool
		}
	}
	return nil
}

func TestClusterSteps(t *testing.T) {
	t.Parallel()
	type world struct {
		spec  ClusterSpec
		prior *ClusterSpec
		live  *containerpb.Cluster
	}
	tests := map[string]struct {
		change func(*world)
		want   []string
	}{
		"nothing to do": {func(*world) {}, nil},
		"a finished create takes its mark off last": {
			func(w *world) {
				w.live.ResourceLabels[names.LabelCreating] = "1700000000"
				w.live.ReleaseChannel.Channel = containerpb.ReleaseChannel_RAPID
			},
			[]string{"release_channel", "creating mark"},
		},
		"a label":                     {func(w *world) { w.spec.Labels = map[string]string{"team": "other"} }, []string{"labels"}},
		"somebody else's label stays": {func(w *world) { w.live.ResourceLabels["theirs"] = "1" }, nil},
		"a lost stamp":                {func(w *world) { delete(w.live.ResourceLabels, names.LabelManagedBy) }, []string{"labels"}},
		"a new pool": {
			func(w *world) { w.spec.Pools["batch"] = w.spec.Pools["spot"] },
			[]string{`create of node pool "batch"`},
		},
		"a pool that is no longer declared": {
			func(w *world) { delete(w.spec.Pools, "spot") },
			[]string{`autoscaler of node pool "spot"`, `delete of node pool "spot"`},
		},
		"somebody else's pool stays": {
			func(w *world) {
				w.live.NodePools = append(w.live.NodePools, &containerpb.NodePool{Name: "theirs", Status: containerpb.NodePool_RUNNING})
			}, nil,
		},
		"labels and taints in one request, before the counts and the machine": {
			func(w *world) {
				pool := w.spec.Pools["spot"]
				pool.Labels, pool.Taints, pool.MachineType, pool.MaxNodes = nil, nil, "e2-standard-8", 20
				w.spec.Pools["spot"] = pool
			},
			[]string{
				`labels and taints of node pool "spot"`, `node counts of node pool "spot"`, `machine of node pool "spot"`,
			},
		},
		"a taint in another order": {
			func(w *world) {
				taints := clusterTestPool(w.live, "spot").Config.Taints
				taints[0], taints[1] = taints[1], taints[0]
			}, nil,
		},
		"the Spot taint was removed": {
			func(w *world) {
				clusterTestPool(w.live, "spot").Config.Taints = clusterTestPool(w.live, "spot").Config.Taints[:1]
			},
			[]string{`labels and taints of node pool "spot"`},
		},
		"a taint of GKE's own stays": {
			func(w *world) {
				config := clusterTestPool(w.live, "base").Config
				config.Taints = append(config.Taints, &containerpb.NodeTaint{Key: "nvidia.com/gpu", Effect: containerpb.NodeTaint_NO_SCHEDULE})
			}, nil,
		},
		"the metadata server was opened": {
			func(w *world) { clusterTestPool(w.live, "base").Config.WorkloadMetadataConfig = nil },
			[]string{`workload metadata of node pool "base"`},
		},
		"another capacity needs a new pool": {
			func(w *world) {
				pool := w.spec.Pools["base"]
				pool.Capacity = PoolSpot
				w.spec.Pools["base"] = pool
			},
			[]string{`create of node pool "base"`},
		},
		"a replaced pool is deleted when the new one is ready": {
			func(w *world) {
				pool := w.spec.Pools["base"]
				pool.ServiceAccount = "nodes@acme-dev.iam.gserviceaccount.com"
				w.spec.Pools["base"] = pool
				next := clusterPoolMessage("base-abc", "base", pool, w.spec.ID.Location)
				next.Status = containerpb.NodePool_RUNNING
				w.live.NodePools = append(w.live.NodePools, next)
			},
			[]string{`autoscaler of node pool "base"`, `delete of node pool "base"`},
		},
		"a replaced pool stays while the new one is not healthy": {
			func(w *world) {
				pool := w.spec.Pools["base"]
				pool.Capacity = PoolSpot
				w.spec.Pools["base"] = pool
				next := clusterPoolMessage("base-abc", "base", pool, w.spec.ID.Location)
				next.Status = containerpb.NodePool_RUNNING_WITH_ERROR
				w.live.NodePools = append(w.live.NodePools, next)
			},
			nil,
		},
		"a broken pool gets a successor": {
			func(w *world) { clusterTestPool(w.live, "base").Status = containerpb.NodePool_ERROR },
			[]string{`create of node pool "base"`},
		},
		"Workload Identity was switched off": {
			func(w *world) { w.live.WorkloadIdentityConfig = nil }, []string{"workload_pool"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior := clusterTestSpec()
			w := &world{spec: clusterTestSpec(), prior: &prior, live: clusterTestLive(clusterTestSpec())}
			test.change(w)
			var got []string
			for _, step := range (clusterGoal{spec: w.spec, prior: w.prior, stamp: clusterTestStamp}).steps(w.live) {
				got = append(got, step.what)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClusterInitialNodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		min, max int32
		location string
		want     int32
	}{
		"one per zone":                        {3, 9, "asia-northeast1", 1},
		"rounded up to zones":                 {4, 9, "asia-northeast1", 2},
		"more than the maximum, but not none": {1, 2, "asia-northeast1", 1},
		"a zonal pool starts at its minimum":  {2, 5, "asia-northeast1-b", 2},
		"no minimum, no node to begin with":   {0, 5, "asia-northeast1-b", 0},
		"the maximum bounds the rounding too": {4, 4, "asia-northeast1", 1},
	}
	for name, test := range tests {
		if got := clusterInitialNodes(PoolSpec{MinNodes: test.min, MaxNodes: test.max}, test.location); got != test.want {
			t.Errorf("%s: got %d per zone, want %d", name, got, test.want)
		}
	}
}
