package kubernetes

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestPoolStartsAtItsMinimumOverAllZones(t *testing.T) {
	v := newInventory()
	pool := spotPool()
	pool.Autoscaling = &Autoscaling{Min: 3, Max: 4}
	v.declare([]NodePool{pool})
	if got := v.pools["spot"].targets; got["asia-northeast1-a"] != 2 || got["asia-northeast1-b"] != 1 {
		t.Errorf("targets %v, want two nodes in the first zone and one in the second", got)
	}
}

func TestPoolGrowsToItsMaximumOnly(t *testing.T) {
	v := newInventory()
	v.declare([]NodePool{spotPool()})
	grown := 0
	for v.grow("spot") {
		grown++
	}
	if grown != 4 {
		t.Errorf("grew by %d nodes, want 4", grown)
	}
}

func TestPoolDoesNotGrowInAZoneThatIsOut(t *testing.T) {
	v := newInventory()
	v.declare([]NodePool{spotPool()})
	v.setStockout("asia-northeast1-a", true)
	if !v.grow("spot") || v.pools["spot"].targets["asia-northeast1-b"] != 1 {
		t.Errorf("targets %v, want a node in the other zone", v.pools["spot"].targets)
	}
	v.setStockout("", true)
	if v.grow("spot") {
		t.Error("grew although every zone is out")
	}
}

func TestRedeclaredPoolKeepsWhatTheAutoscalerMade(t *testing.T) {
	v := newInventory()
	v.declare([]NodePool{spotPool()})
	v.grow("spot")
	pool := spotPool()
	pool.Labels = map[string]string{"team": "other"}
	v.declare([]NodePool{pool})
	if got := v.wanted()["spot"]; got != 1 {
		t.Errorf("size %d, want 1", got)
	}
	pool.NodesPerZone = 2
	v.declare([]NodePool{pool})
	if got := v.wanted()["spot"]; got != 4 {
		t.Errorf("size %d after a resize to two per zone, want 4", got)
	}
}

func TestHeldPoolMakesNothingUntilThen(t *testing.T) {
	v := newInventory()
	now := time.Unix(1000, 0)
	v.declare([]NodePool{basePool()})
	v.hold("base", now.Add(time.Second))
	if v.snapshot(now)[0].makes["asia-northeast1-a"] {
		t.Error("makes nodes while held")
	}
	if !v.snapshot(now.Add(time.Second))[0].makes["asia-northeast1-a"] {
		t.Error("makes no nodes after the hold")
	}
}

func TestRoomFitsByTaintSelectorAffinityAndSize(t *testing.T) {
	affine := func(operator corev1.NodeSelectorOperator, values ...string) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			onSpot(spec)
			spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "team", Operator: operator, Values: values}}}},
			}}}
		}
	}
	asks := func(cpu string) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			onSpot(spec)
			spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
		}
	}
	for name, row := range map[string]struct {
		pod  func(*corev1.PodSpec)
		want bool
	}{
		"selector and toleration":  {onSpot, true},
		"no toleration":            {func(*corev1.PodSpec) {}, false},
		"another selector":         {func(s *corev1.PodSpec) { onSpot(s); s.NodeSelector["disk"] = "ssd" }, false},
		"affinity that matches":    {affine(corev1.NodeSelectorOpIn, "shop", "other"), true},
		"affinity that does not":   {affine(corev1.NodeSelectorOpNotIn, "shop"), false},
		"what is left of four":     {asks("3.9"), true},
		"all four, system and all": {asks("4"), false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: podTemplate("ok:1").Spec}
			row.pod(&pod.Spec)
			view := poolView{poolState: poolState{NodePool: spotPool()}}
			if got := view.room("asia-northeast1-a").fits(pod); got != row.want {
				t.Errorf("fits: %t, want %t", got, row.want)
			}
		})
	}
}

func TestAllocatableIsWhatGKELeaves(t *testing.T) {
	for machineType, want := range map[string]struct{ cpu, memoryMiB int64 }{
		"e2-standard-2":    {1930, 6249},
		"e2-standard-4":    {3920, 13622},
		"e2-medium":        {1930, 2972},
		"e2-custom-4-8192": {3920, 6249},
	} {
		got := machineOf(machineType).allocatable()
		if cpu, memory := got.Cpu().MilliValue(), got.Memory().Value()>>20; cpu != want.cpu || memory != want.memoryMiB {
			t.Errorf("%s leaves %dm and %d MiB, want %dm and %d MiB", machineType, cpu, memory, want.cpu, want.memoryMiB)
		}
	}
}
