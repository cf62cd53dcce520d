package kubernetes

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// instanceAddress is the n-th address of the network's range for nodes.
func instanceAddress(n uint32) string { return fmt.Sprintf("10.128.%d.%d", n>>8&0xff, n&0xff) }

// adopt takes over the nodes that an earlier run of the cluster has left: those that were leaving go on doing so, the number
// of the others stays where pools grow by themselves, and new nodes get other addresses.
func (n *nodeController) adopt(ctx context.Context) {
	for _, node := range n.watch.allNodes() {
		switch {
		case isPreempted(node) && n.leave(node.Name):
			n.depart(node.Name, func() error { return n.removeEmpty(ctx, node.Name, preemptionGrace) })
		case node.Annotations[annotationDrained] != "":
			n.drain(ctx, []*corev1.Node{node})
		}
	}
	type place struct{ pool, zone string }
	have := map[place]int{}
	for _, node := range n.live() {
		have[place{node.Labels[labelNodePool], node.Labels[corev1.LabelTopologyZone]}]++
		for _, a := range node.Status.Addresses {
			n.skip(a)
		}
	}
	for at, nodes := range have {
		n.inventory.adopt(at.pool, at.zone, nodes)
	}
}

// skip has new nodes get addresses behind this one.
func (n *nodeController) skip(a corev1.NodeAddress) {
	var high, low uint32
	if _, err := fmt.Sscanf(a.Address, "10.128.%d.%d", &high, &low); err != nil || a.Type != corev1.NodeInternalIP {
		return // not one that was given out here
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.address = max(n.address, high<<8|low)
}
