package kubernetes

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// nodesPeriod is how often nodes are compared with what is wanted if nothing wakes the controller earlier.
const nodesPeriod = 500 * time.Millisecond

// nodeController makes and removes nodes as the instance groups behind node pools would, and scales pools up.
type nodeController struct {
	client    clientset.Interface
	watch     *watch
	inventory *inventory
	cluster   string
	log       *slog.Logger
	wakes     chan struct{}
	compared  chan struct{} // closed when the nodes that are wanted have been made once
	scaler    autoscaler
	leavers   sync.WaitGroup
	stopped   chan struct{} // closed when the controller stops: departures give up

	mu      sync.Mutex
	born    map[string]*corev1.Node // made, and not seen by the watch yet
	leaving map[string]bool         // being drained or preempted
	address uint32
}

func newNodeController(client clientset.Interface, w *watch, v *inventory, o Options) *nodeController {
	return &nodeController{
		client:    client,
		watch:     w,
		inventory: v,
		cluster:   o.Name,
		log:       o.Log,
		wakes:     make(chan struct{}, 1),
		stopped:   make(chan struct{}),
		compared:  make(chan struct{}),
		scaler:    autoscaler{stuck: map[string]time.Time{}, told: map[types.UID]told{}},
		born:      map[string]*corev1.Node{},
		leaving:   map[string]bool{},
	}
}

func (n *nodeController) run(ctx context.Context) {
	defer n.leavers.Wait()
	defer close(n.stopped)
	_, err := n.watch.nodes().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { n.wake() },
		DeleteFunc: func(any) { n.wake() },
	})
	if err != nil || !n.watch.sync(ctx) {
		return // the informer refuses handlers only after it was stopped
	}
	tick := time.NewTicker(nodesPeriod)
	defer tick.Stop()
	n.adopt(ctx)
	for first := true; ; first = false {
		if err := n.compare(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("nodes of a cluster", "cluster", n.cluster, "error", err)
		}
		if first {
			close(n.compared)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.wakes:
		}
	}
}

// wake has the nodes compared now.
func (n *nodeController) wake() {
	select {
	case n.wakes <- struct{}{}:
	default: // it is awake
	}
}

// live lists the nodes that are there to stay, by name.
func (n *nodeController) live() []*corev1.Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	byName := map[string]*corev1.Node{}
	for _, node := range n.watch.allNodes() {
		delete(n.born, node.Name)
		byName[node.Name] = node
	}
	maps.Copy(byName, n.born)
	maps.DeleteFunc(byName, func(name string, node *corev1.Node) bool {
		return n.leaving[name] || node.DeletionTimestamp != nil || isPreempted(node)
	})
	all := make([]*corev1.Node, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all
}

// counts is the number of live nodes by pool.
func (n *nodeController) counts() map[string]int {
	counts := map[string]int{}
	for _, node := range n.live() {
		counts[node.Labels[labelNodePool]]++
	}
	return counts
}

// zones is the number of live nodes by pool and zone.
func (n *nodeController) zones() map[string]map[string]int {
	zones := map[string]map[string]int{}
	for _, node := range n.live() {
		pool := node.Labels[labelNodePool]
		if zones[pool] == nil {
			zones[pool] = map[string]int{}
		}
		zones[pool][node.Labels[corev1.LabelTopologyZone]]++
	}
	return zones
}

// compare makes what lacks, removes what is too much, updates labels and taints, and then looks for pods that do not fit.
func (n *nodeController) compare(ctx context.Context) error {
	now := time.Now()
	pools := n.inventory.snapshot(now)
	have := map[string]map[string][]*corev1.Node{}
	for _, node := range n.live() {
		pool, zone := node.Labels[labelNodePool], node.Labels[corev1.LabelTopologyZone]
		if have[pool] == nil {
			have[pool] = map[string][]*corev1.Node{}
		}
		have[pool][zone] = append(have[pool][zone], node)
	}
	for _, pool := range pools {
		for _, zone := range slices.Sorted(maps.Keys(pool.targets)) {
			if err := n.fill(ctx, pool, zone, have[pool.Name][zone]); err != nil {
				return err
			}
			delete(have[pool.Name], zone)
		}
	}
	for _, zones := range have { // of pools that are gone, and zones that a pool has left
		for _, nodes := range zones {
			n.drain(ctx, nodes)
		}
	}
	n.scaleUp(ctx, pools, now)
	return nil
}

// fill brings the nodes of a pool in a zone to their number and keeps them as declared.
func (n *nodeController) fill(ctx context.Context, pool poolView, zone string, nodes []*corev1.Node) error {
	nodes = slices.Clone(nodes)
	want := pool.targets[zone]
	if len(nodes) > want {
		n.drain(ctx, nodes[want:])
		nodes = nodes[:want]
	}
	for _, node := range nodes {
		if node.Labels[corev1.LabelInstanceTypeStable] != pool.MachineType {
			n.drain(ctx, []*corev1.Node{node}) // a new one follows
			continue
		}
		if err := n.conform(ctx, pool.NodePool, node); err != nil {
			return err
		}
	}
	for range want - len(nodes) {
		if !pool.makes[zone] {
			return nil
		}
		if err := n.create(ctx, pool.NodePool, zone); err != nil {
			return err
		}
	}
	return nil
}

func (n *nodeController) create(ctx context.Context, pool NodePool, zone string) error {
	n.mu.Lock()
	n.address++
	address := instanceAddress(n.address)
	n.mu.Unlock()
	node := pool.node(instancePrefix(n.cluster, pool.Name)+rand.String(4), zone, address)
	created, err := n.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create a node of pool %s: %w", pool.Name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.born[created.Name] = created
	return nil
}
