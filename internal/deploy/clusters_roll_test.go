package deploy

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
)

// What is left to do is told from the live pools alone, wherever a roll was stopped.
func TestClusterRollGoesOnFromTheLivePools(t *testing.T) {
	t.Parallel()
	want := clusterTestSpec().Pools["base"]
	pool := func(name, capacity string, change func(*containerpb.NodePool)) *containerpb.NodePool {
		spec := want
		spec.Capacity = capacity
		made := clusterPoolMessage(name, "base", spec, "asia-northeast1")
		made.Status = containerpb.NodePool_RUNNING
		if change != nil {
			change(made)
		}
		return made
	}
	off := func(p *containerpb.NodePool) { p.Autoscaling = &containerpb.NodePoolAutoscaling{} }
	broken := func(p *containerpb.NodePool) { p.Status = containerpb.NodePool_ERROR }
	short := func(p *containerpb.NodePool) { p.Status = containerpb.NodePool_RUNNING_WITH_ERROR }
	tests := map[string]struct {
		live []*containerpb.NodePool
		want []string
	}{
		"nothing made yet": {
			[]*containerpb.NodePool{pool("base", PoolSpot, nil)},
			[]string{`create of node pool "base"`},
		},
		"the new pool is there": {
			[]*containerpb.NodePool{pool("base", PoolSpot, nil), pool("base-1", PoolOnDemand, nil)},
			[]string{`autoscaler of node pool "base"`, `delete of node pool "base"`},
		},
		"the old pool was being drained": {
			[]*containerpb.NodePool{pool("base", PoolSpot, off), pool("base-1", PoolOnDemand, nil)},
			[]string{`delete of node pool "base"`},
		},
		"the change was taken back before the drain": {
			[]*containerpb.NodePool{pool("base", PoolOnDemand, nil), pool("base-1", PoolSpot, nil)},
			[]string{`autoscaler of node pool "base-1"`, `delete of node pool "base-1"`},
		},
		"the change was taken back in the middle of the drain": {
			[]*containerpb.NodePool{pool("base", PoolOnDemand, off), pool("base-1", PoolSpot, nil)},
			[]string{`node counts of node pool "base"`, `autoscaler of node pool "base-1"`, `delete of node pool "base-1"`},
		},
		"another change came in the middle": {
			[]*containerpb.NodePool{pool("base", PoolSpot, off), pool("base-1", PoolPreemptible, nil)},
			[]string{`create of node pool "base"`},
		},
		"another change came in the middle, and its pool is there": {
			[]*containerpb.NodePool{pool("base", PoolSpot, off), pool("base-1", PoolPreemptible, nil), pool("base-2", PoolOnDemand, nil)},
			[]string{`delete of node pool "base"`, `autoscaler of node pool "base-1"`, `delete of node pool "base-1"`},
		},
		"the new pool lacks nodes": {
			[]*containerpb.NodePool{pool("base", PoolSpot, nil), pool("base-1", PoolOnDemand, short)},
			nil,
		},
		"the new pool failed": {
			[]*containerpb.NodePool{pool("base", PoolSpot, nil), pool("base-1", PoolOnDemand, broken)},
			[]string{`create of node pool "base"`},
		},
		"the second try is there": {
			[]*containerpb.NodePool{pool("base", PoolSpot, nil), pool("base-1", PoolOnDemand, broken), pool("base-2", PoolOnDemand, nil)},
			[]string{`autoscaler of node pool "base"`, `delete of node pool "base"`, `delete of node pool "base-1"`},
		},
		"one that works beside one that lacks nodes": {
			[]*containerpb.NodePool{pool("base", PoolOnDemand, short), pool("base-1", PoolOnDemand, nil)},
			[]string{`autoscaler of node pool "base"`, `delete of node pool "base"`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := clusterTestLive(clusterTestSpec())
			live.NodePools = test.live
			var got []string
			for _, step := range (clusterGoal{spec: clusterTestSpec()}).poolSteps(live, "base", test.live) {
				got = append(got, step.what)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}
