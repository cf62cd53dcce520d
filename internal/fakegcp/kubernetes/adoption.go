package kubernetes

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// instanceAddress is the n-th address of the network's range for nodes.
func instanceAddress(n uint32) string { return fmt.Sprintf("10.128.%d.%d", n>>8&0xff, n&0xff) }

// adopt takes over the nodes that an earlier run of the cluster has left: their number where pools grow by themselves, and
// their addresses, which new nodes must not get.
func (n *nodeController) adopt() {
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
