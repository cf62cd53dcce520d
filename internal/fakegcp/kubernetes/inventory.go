package kubernetes

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// NodePool is what a cluster knows about a GKE node pool.
type NodePool struct {
	Name string
	// Region and Zones are where its nodes are; there is at least one zone.
	Region string
	Zones  []string
	// MachineType decides the size of a node, such as e2-standard-4.
	MachineType string
	// Spot and Preemptible mark machines that Preempt takes away; at most one is set.
	Spot, Preemptible bool
	// Labels and Taints are the pool's own; GKE's labels are added.
	Labels map[string]string
	Taints []corev1.Taint
	// MetadataServer is set when the nodes run the GKE metadata server (Workload Identity).
	MetadataServer bool
	// Version is the kubelet's.
	Version string
	// NodesPerZone is the size to begin with; a new value resizes the pool.
	NodesPerZone int
	// Autoscaling lets the pool grow and keeps it at its minimum; nil: it has a fixed size.
	Autoscaling *Autoscaling
}

// Autoscaling bounds a node pool's size, over all its zones.
type Autoscaling struct {
	Min, Max int
}

// inventory is the wanted state of a cluster's nodes: what the instance groups behind the node pools know.
type inventory struct {
	mu       sync.Mutex
	pools    map[string]*poolState
	stockout map[string]bool // by zone; "" is every zone
}

// poolState is a pool and the size that it should have now.
type poolState struct {
	NodePool
	targets map[string]int // by zone
	held    time.Time      // no node is made before
}

func newInventory() *inventory {
	return &inventory{pools: map[string]*poolState{}, stockout: map[string]bool{}}
}

// declare sets the pools. A pool that stays keeps its size unless its zones or NodesPerZone change.
func (v *inventory) declare(pools []NodePool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	next := map[string]*poolState{}
	for _, pool := range pools {
		state := &poolState{NodePool: pool}
		old, ok := v.pools[pool.Name]
		if ok && old.NodesPerZone == pool.NodesPerZone && slices.Equal(old.Zones, pool.Zones) {
			state.targets, state.held = old.targets, old.held
		} else {
			state.targets = map[string]int{}
			for _, zone := range pool.Zones {
				state.targets[zone] = pool.NodesPerZone
			}
		}
		for pool.Autoscaling != nil && state.size() < pool.Autoscaling.Min {
			state.targets[v.roomiest(state, false)]++
		}
		next[pool.Name] = state
	}
	v.pools = next
}

func (v *inventory) setStockout(zone string, out bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stockout[zone] = out
}

// isOut says whether a zone has no machines left. The caller holds the lock.
func (v *inventory) isOut(zone string) bool { return v.stockout[""] || v.stockout[zone] }

// roomiest is the zone with the fewest nodes, the first by name of equals; "" when only zones with machines count and there
// is none. The caller holds the lock.
func (v *inventory) roomiest(p *poolState, inStock bool) string {
	zones := slices.Sorted(slices.Values(p.Zones))
	if inStock {
		zones = slices.DeleteFunc(zones, v.isOut)
	}
	if len(zones) == 0 {
		return ""
	}
	return slices.MinFunc(zones, func(a, b string) int { return cmp.Compare(p.targets[a], p.targets[b]) })
}

// grow makes a pool larger by a node; false when its maximum or a stockout forbids it.
func (v *inventory) grow(pool string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.pools[pool]
	if !ok || p.Autoscaling == nil || p.size() >= p.Autoscaling.Max {
		return false
	}
	zone := v.roomiest(p, true)
	if zone == "" {
		return false
	}
	p.targets[zone]++
	return true
}

// adopt lets a pool that grows by itself keep nodes that an earlier run of the cluster has left in a zone.
func (v *inventory) adopt(pool, zone string, nodes int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.pools[pool]
	if !ok || p.Autoscaling == nil || !slices.Contains(p.Zones, zone) {
		return
	}
	for p.targets[zone] < nodes && p.size() < p.Autoscaling.Max {
		p.targets[zone]++
	}
}

// hold keeps a pool from getting nodes until then.
func (v *inventory) hold(pool string, until time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p, ok := v.pools[pool]; ok {
		p.held = until
	}
}

// snapshot copies the pools, by name, with what a stockout and a hold leave to be made of them now.
func (v *inventory) snapshot(now time.Time) []poolView {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []poolView
	for _, name := range slices.Sorted(maps.Keys(v.pools)) {
		p := v.pools[name]
		view := poolView{poolState: *p, makes: map[string]bool{}, out: map[string]bool{}}
		view.targets = maps.Clone(p.targets)
		for _, zone := range p.Zones {
			view.out[zone] = v.isOut(zone)
			view.makes[zone] = !view.out[zone] && !now.Before(p.held)
		}
		view.grows = p.Autoscaling != nil && p.size() < p.Autoscaling.Max && v.roomiest(p, true) != ""
		all = append(all, view)
	}
	return all
}

// poolView is a pool at one moment.
type poolView struct {
	poolState
	makes map[string]bool // zones in which nodes can be made
	out   map[string]bool // zones in a stockout
	grows bool
}

func (v *inventory) wanted() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	sizes := map[string]int{}
	for name, p := range v.pools {
		sizes[name] = p.size()
	}
	return sizes
}

func (v *inventory) wantedZones() map[string]map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	zones := map[string]map[string]int{}
	for name, p := range v.pools {
		zones[name] = maps.Clone(p.targets)
	}
	return zones
}

func (p *poolState) size() int {
	sum := 0
	for _, n := range p.targets {
		sum += n
	}
	return sum
}
